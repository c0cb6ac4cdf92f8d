"""Settings, lists, validation and the home page over HTTP."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from ekt_service.app import NAME
from ekt_world import (
    DAY,
    MODULE,
    PATIENCE,
    World,
    a_debtor,
    a_request,
    a_sale,
    address_of,
    new_id,
    start_world,
)
from klokwerk.testing import eventually

GOLDEN = Path(__file__).parent / "golden" / "two-lines.edi"


async def test_EF_22_EF_39_EF_66_D_01_without_the_module_nothing_is_sent_and_the_check_tells(
    own_world: World,
) -> None:
    debtor = a_debtor(emails=())
    await own_world.publish(debtor, a_sale(debtor.debtor_id))
    await own_world.consumed()
    day = await own_world.day(debtor.debtor_id)
    assert (day["visible"], day["can_resend"], day["ekts"]) == (False, False, [])
    # All requirements at once, each with its link.
    codes = [item["code"] for item in day["missing"]]
    assert codes == ["EF-66", "EF-71", "EF-64", "EF-67", "EF-71"]
    assert {item["link"] for item in day["missing"]} == {"/settings/ekt", f"/debtors/{debtor.debtor_id}"}
    await own_world.configure(active=True)
    day = await own_world.day(debtor.debtor_id)
    assert (day["visible"], day["can_resend"]) == (True, False)


async def test_EF_67_EF_68_method_and_templates_must_be_configured(
    own_world: World, platform_servers
) -> None:
    await own_world.configure(**MODULE | {"templates": {}, "mail_from": ""})
    debtor = a_debtor()
    await own_world.publish(debtor, a_sale(debtor.debtor_id))
    (ekt,) = await own_world.ekts(debtor.debtor_id, 1, "failed")
    missing = (await own_world.day(debtor.debtor_id))["missing"]
    assert [item["code"] for item in missing] == ["EF-67", "EF-68"]
    assert "template" in ekt["message"]
    await own_world.activate()
    await own_world.configure(templates={"en": {"subject": "E {{ order_day }}", "text": "{{ file_names }}"}})
    await own_world.publish(a_request(debtor.debtor_id))
    await own_world.ekts(debtor.debtor_id, 2)
    (mail,) = await own_world.sink.mails(address_of(debtor), 1)
    assert mail["subject"] == "E 30-01-2026"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"templates": {"nl": {"subject": "x", "text": "{{ customer }}"}}}, "customer"),
        ({"templates": {"nl": {"subject": "{% if %}", "text": "x"}}}, "templates.nl.subject"),
        ({"templates": {"nl": {"subject": "x", "text": "x", "file_name": "a/b"}}}, "templates.nl.file_name"),
        ({"templates": {"Dutch": {"subject": "x", "text": "x"}}}, "'Dutch' is no language"),
        ({"seller_gln": "8714231141900"}, "check digit"),
        ({"templates": {"nl": {"subject": "x", "text": "{{ ''.__class__.__mro__ }}"}}}, "nl"),
        ({"file_name_pattern": "../{reference}"}, "safe file name"),
        ({"file_name_pattern": "EKT{when}"}, "{when}"),
        ({"mail_from": "nobody"}, "no e-mail address"),
        ({"sender_name": "a\nb"}, "sender_name"),
        ({"auction_code": "A1"}, "auction_code"),
        ({"unheard_of": 1}, "unheard_of"),
    ],
)
async def test_wrong_settings_are_refused_when_they_are_saved(
    world: World, changes: dict, field: str
) -> None:
    before = await world.get("/v1/settings")
    answer = await world.configure(**changes)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert field in answer.text
    assert await world.get("/v1/settings") == before


async def test_settings_need_the_right_role_and_the_revision_seen(world: World) -> None:
    now = await world.http.get("/v1/settings", headers=world.headers())
    body = MODULE
    assert (await world.http.put("/v1/settings", json=body)).status_code == 401
    read_only = world.headers("read-only") | {"If-Match": now.headers["ETag"]}
    assert (await world.http.put("/v1/settings", json=body, headers=read_only)).status_code == 403
    assert (await world.http.put("/v1/settings", json=body, headers=world.headers("ops"))).status_code == 428
    stale = world.headers("ops") | {"If-Match": '"0"'}
    assert (await world.http.put("/v1/settings", json=body, headers=stale)).status_code == 412


async def test_the_list_pages_through_everything_once_and_filters(world: World) -> None:
    debtor = a_debtor()
    await world.publish(debtor, a_sale(debtor.debtor_id))
    await world.ekts(debtor.debtor_id, 1)
    await world.publish(*(a_request(debtor.debtor_id) for _ in range(6)))
    await world.sink.mails(address_of(debtor), 7)
    seen, cursor = [], None
    while True:
        params = {"debtor_id": debtor.debtor_id, "limit": 3} | ({"cursor": cursor} if cursor else {})
        page = await world.get("/v1/ekts", **params)
        seen += [ekt["id"] for ekt in page["items"]]
        cursor = page["next"]
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == 7
    assert (await world.get("/v1/ekts", debtor_id=debtor.debtor_id, order_day="2020-01-01"))["items"] == []
    assert (await world.get("/v1/ekts", debtor_id=debtor.debtor_id, state="failed"))["items"] == []
    assert len((await world.get("/v1/ekts", order_day=str(DAY), limit=1))["items"]) == 1
    for wrong in ("not-a-cursor", "WyJ4IiwieSJd"):
        answer = await world.http.get("/v1/ekts", params={"cursor": wrong}, headers=world.headers())
        assert answer.status_code == 400


async def test_unknown_things_are_not_found_and_tokens_are_asked_for(world: World) -> None:
    nothing = "00000000-0000-7000-8000-000000000000"
    for path in (f"/v1/ekts/{nothing}", f"/v1/ekts/{nothing}/file"):
        assert (await world.http.get(path, headers=world.headers())).status_code == 404
        assert (await world.http.get(path)).status_code == 401
    day = await world.day(new_id())
    assert (day["ekts"], day["visible"], day["sale_revision"]) == ([], False, None)
    assert (await world.http.get("/v1/debtors/D1/days/yesterday", headers=world.headers())).status_code == 422


async def test_a_file_is_explained_finding_by_finding(world: World) -> None:
    good = await world.http.post("/v1/validate", content=GOLDEN.read_bytes(), headers=world.headers())
    report = good.json()
    assert Decimal(report.pop("goods_total")) == Decimal("143.56")
    assert report == {"acceptable": True, "messages": 2, "lines": 2, "findings": [], "left_off": 0}
    broken = GOLDEN.read_bytes().replace(b"QTY+66:8", b"QTY+66:0", 1)
    report = (await world.http.post("/v1/validate", content=broken, headers=world.headers())).json()
    (finding,) = report["findings"]
    assert (finding["code"], finding["place"]) == ("units", "segment 17, QTY+66, element 1, component 2")
    assert "above 0" in finding["cure"]


async def test_an_upload_of_100_megabytes_is_refused_before_it_fills_the_memory(world: World) -> None:
    async def much():
        for _ in range(100):
            yield b"x" * 1_000_000

    answer = await world.http.post("/v1/validate", content=much(), headers=world.headers())
    assert answer.status_code == 413
    answer = await world.http.post("/v1/validate", content=b"x" * 6_000_000, headers=world.headers())
    assert answer.status_code == 413


async def test_the_summary_counts_what_happened_today(world: World) -> None:
    before = {count["name"]: count["value"] for count in (await world.get("/v1/summary"))["counts"]}
    debtor, unknown = a_debtor(), new_id()
    await world.publish(debtor, a_sale(debtor.debtor_id), a_sale(unknown))
    await world.ekts(debtor.debtor_id, 1)
    await world.consumed()
    summary = await world.get("/v1/summary")
    after = {count["name"]: count["value"] for count in summary["counts"]}
    assert after["ekts_sent_today"] == before["ekts_sent_today"] + 1
    assert after["ekts_waiting"] == before["ekts_waiting"] + 1
    assert any(debtor.debtor_id in entry["text"] for entry in summary["recent"])


@pytest.mark.timeout(120)
async def test_two_replicas_share_the_work_and_send_each_ekt_once(own_world: World) -> None:
    await own_world.activate()
    debtors = [a_debtor() for _ in range(10)]
    async with start_world(own_world.database.url, own_world.kafka, own_world.sink, own_world.folder):
        await eventually(lambda: _consume_together(own_world, 2), within=PATIENCE)
        await own_world.publish(*debtors, *(a_sale(debtor.debtor_id) for debtor in debtors))
        await own_world.publish(*(a_request(debtor.debtor_id) for debtor in debtors))
        for debtor in debtors:
            await own_world.ekts(debtor.debtor_id, 2)
        await own_world.consumed()
    for debtor in debtors:
        log = (await own_world.day(debtor.debtor_id))["ekts"]
        assert sorted(ekt["trigger"] for ekt in log) == ["first", "resend"]
        assert {ekt["state"] for ekt in log} == {"sent"}
        assert len(await own_world.sink.to(address_of(debtor))) == 2
    assert await own_world.scalar("select count(*) from delivery where attempts = 1") == 20
    assert await own_world.scalar("select count(*) from delivery_attempt") == 20


async def _consume_together(world: World, members: int) -> bool:
    """Whether the group has settled with so many members, each with its partitions."""
    admin = AIOKafkaAdminClient(**world.kafka.client_options())
    await admin.start()
    try:
        (answer,) = await admin.describe_consumer_groups([world.kafka.prefix + NAME])
    finally:
        await admin.close()
    _, _, state, _, _, found, *_ = answer.groups[0]
    assignments = [member[4] for member in found]
    return state == "Stable" and len(assignments) == members and all(assignments)


def test_the_command_line_explains_a_file(tmp_path: Path) -> None:
    broken = tmp_path / "broken.edi"
    broken.write_bytes(GOLDEN.read_bytes().replace(b"UNZ+2", b"UNZ+3"))

    def run(*files: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ekt_service", "validate", *map(str, files)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    good = run(GOLDEN)
    assert good.returncode == 0
    assert "2 messages, 2 lines" in good.stdout
    bad = run(GOLDEN, broken)
    assert bad.returncode == 1
    assert "UNZ counts '3' messages, the file has 2." in bad.stdout
    assert run(tmp_path / "absent.edi").returncode == 2
    assert run().returncode == 2
