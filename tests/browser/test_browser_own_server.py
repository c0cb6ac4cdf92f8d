"""A customer gets EKTs on its own server: chosen, filled in, its key accepted, tested, and the file is there."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from klokwerk.testing import eventually
from klokwerk_platform.customer.identity import host_key
from klokwerk_platform.customer.sftp import SftpSink
from klokwerk_platform.ports import free_ports
from playwright.async_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
USER, PASSWORD = "klokwerk", "flowers at dawn"


async def test_EF_27_EF_64_EF_67_a_customers_own_server_is_set_up_and_gets_the_file(page, system, tmp_path):
    (port,) = free_ports(1)
    server = SftpSink(tmp_path / "in", port, host_key(tmp_path), user=USER, password=PASSWORD)
    await server.start()
    office = system.office
    debtor_id = await office.add_debtor("Eigen Server Bloemen")
    await page.goto(f"/debtors/{debtor_id}/configuration")
    await page.get_by_label("Sent by").select_option("sftp")
    await page.get_by_role("button", name="Save", exact=True).click()
    connection = page.locator("#connection")
    await expect(connection).to_contain_text("Not filled in yet")
    await page.get_by_label("Server (required)").fill("127.0.0.1")
    await page.get_by_label("Port").fill(str(port))
    await page.get_by_label("User (required)").fill(USER)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)

    async def saved() -> bool:
        # The card has to have come to the EKT service first.
        await page.get_by_role("button", name="Save the connection").click()
        return await connection.get_by_text("Not tested").count() > 0

    await eventually(saved, within=30)
    await expect(page.get_by_label("Password", exact=True)).to_have_value("")
    await connection.get_by_role("button", name="Test connection").click()
    await expect(connection).to_contain_text("Key not accepted yet")
    await expect(connection.get_by_text(server.fingerprint)).to_be_visible()
    await connection.get_by_role("button", name="Accept this key and go on testing").click()
    await expect(connection.get_by_text("Works", exact=True)).to_be_visible()
    await expect(connection.locator(".steps li")).to_have_count(7)
    found = await Axe().run(page, options={"runOnly": WCAG})
    assert found.violations_count == 0, found.generate_report()
    await office.sell_when_known(debtor_id, await office.today())

    async def arrived() -> list[bytes]:
        return [file.read_bytes() for file in (tmp_path / "in").glob("*.edi")]

    (content,) = await eventually(arrived, within=60)
    assert content.startswith(b"UN")
    await server.stop()
