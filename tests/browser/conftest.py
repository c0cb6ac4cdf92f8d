"""Fixtures of the browser tests: a running system, Debian's chromium, somebody who is signed in.

Without a browser these tests are skipped and say why; in CI (``CI=true``) they fail instead.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from klokwerk.testing import eventually
from klokwerk_platform.platform import Platform
from klokwerk_platform.services import ADMIN_USER, SERVICES
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

sys.path.insert(0, str(Path(__file__).parent))

from order_day import Office

expect.set_options(timeout=15_000)  # the tests share two processors with all the others

PASSWORD = "a password for tests"


@dataclass(frozen=True)
class System:
    """A running system."""

    platform: Platform
    office: Office
    mail: str

    @property
    def url(self) -> str:
        return self.platform.url("back-office")

    async def mails_to(self, part: str) -> list[dict[str, Any]]:
        """What the mail sink took for a recipient."""
        answer = await self.office.client.get(f"{self.mail}/api/messages", params={"to": part})
        answer.raise_for_status()
        return [mail for mail in answer.json() if any(part in one for one in mail["envelope_to"])]

    async def ekts_in_the_inbox(self, part: str, count: int) -> list[bytes]:
        """Await that many mails to a recipient; the EKT files in them, oldest first."""

        async def arrived() -> list[dict[str, Any]]:
            found = await self.mails_to(part)
            return found if len(found) >= count else []

        mails = reversed(await eventually(arrived, within=60))
        files = []
        for mail in mails:
            answer = await self.office.client.get(f"{self.mail}/api/messages/{mail['id']}/attachments/1")
            answer.raise_for_status()
            files.append(answer.content)
        return files

    async def add_user(self, name: str, *roles: str) -> None:
        """A user with just these roles, made by the service's own command."""
        command = [sys.executable, "-m", "back_office", "add-user", name, *roles]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.platform.environment_of("back-office"),
        )
        _, trouble = await process.communicate(f"{PASSWORD}\n".encode())
        assert process.returncode == 0, trouble.decode()


@pytest.fixture(scope="session")
def browser_path() -> str:
    """Path of the browser; the tests are skipped where there is none to be had."""
    script = Path(__file__).parents[2] / "deploy" / "browser.sh"
    found = subprocess.run([str(script)], capture_output=True, text=True, timeout=170, check=False)
    if found.returncode == 0:
        return found.stdout.strip().splitlines()[-1]
    reason = found.stderr.strip() or "no browser found"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
async def system(browser_path: str, platform: Platform) -> AsyncIterator[System]:
    """The platform that the system tests use after these, with its settings filled in."""
    urls = {service.name: platform.url(service.name) for service in SERVICES}
    office = Office(urls, ADMIN_USER, platform.secrets.admin_password)
    await office.sign_in()
    await office.set_up()
    yield System(platform, office, platform.servers.mail_api)
    await office.client.aclose()


@pytest.fixture(scope="session")
async def browser(browser_path: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        yield browser
        await browser.close()


Opened = Callable[..., Awaitable[Page]]


@pytest.fixture
async def sign_in(browser: Browser, system: System) -> AsyncIterator[Opened]:
    """Opens a browser of its own and signs in; whatever a page complains about fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    async def open_page(
        name: str = ADMIN_USER, *, password: str = "", language: str = "en-GB", **options: Any
    ) -> Page:
        context = await browser.new_context(
            locale=language, base_url=system.url, viewport={"width": 1360, "height": 860}, **options
        )
        contexts.append(context)
        context.set_default_timeout(20_000)
        page = await context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if _is_complaint(said) else None)
        known = system.platform.secrets.admin_password if name == ADMIN_USER else PASSWORD
        await page.goto("/sign-in")
        await page.fill("#f-user", name)
        await page.fill("#f-password", password or known)
        await page.click("button.primary")
        await page.wait_for_url("**/")
        return page

    yield open_page
    for context in contexts:
        await context.close()
    assert not complaints


def _is_complaint(said: Any) -> bool:
    """An error in the console, apart from answers like 422 that a page shows anyway."""
    return said.type == "error" and "Failed to load resource" not in said.text


@pytest.fixture
async def page(sign_in: Opened) -> Page:
    """A page of somebody with every role."""
    return await sign_in()
