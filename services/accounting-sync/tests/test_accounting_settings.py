"""Administrations, rights, the trial export, health and summary."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from accounting_world import World
from lxml import etree

PLAIN = {"name": "Books", "target": "exact-xml"}


async def test_settings_are_changed_with_the_revision_one_saw(world: World) -> None:
    books = await world.books()
    path = f"/administrations/{books.code}"
    first = await world.ask("GET", path)
    assert (first.headers["ETag"], first.json()["mode"]) == ('"1"', "file")
    body = {**PLAIN, "name": "New name", "folder": "/srv/exports"}
    assert (await world.ask("PUT", path, json=body)).status_code == 428
    done = await world.ask("PUT", path, json=body, headers={"If-Match": '"1"'})
    assert (done.status_code, done.headers["ETag"], done.json()["folder"]) == (200, '"2"', "/srv/exports")
    assert (await world.ask("PUT", path, json=body, headers={"If-Match": '"1"'})).status_code == 412
    listed = (await world.ask("GET", "/administrations", roles=("read-only",))).json()["items"]
    assert "New name" in [each["name"] for each in listed]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (
            {"ranges": {"debtors": {"first": 1, "last": 500}, "creditors": {"first": 500, "last": 9}}},
            "ranges",
        ),
        (
            {"ranges": {"debtors": {"first": 1, "last": 500}, "creditors": {"first": 400, "last": 900}}},
            "ranges",
        ),
        ({"target": "exact-globe"}, "target"),
        ({"folder": "../elsewhere"}, "folder"),
        ({"payment": {}}, "payment"),
    ],
)
async def test_wrong_settings_are_refused_by_field(world: World, change: dict, field: str) -> None:
    answer = await world.ask("PUT", "/administrations/never", json={**PLAIN, **change})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith(field)
    assert (await world.ask("GET", "/administrations/never")).status_code == 404


async def test_credentials_are_sealed_and_never_shown_again(world: World) -> None:
    books = await world.books("exact-direct")
    shown = await world.ask("GET", f"/administrations/{books.code}")
    assert "klokwerk-secret" not in shown.text
    assert shown.json()["connection"]["has_credentials"] is True
    (row,) = await world.rows("select sealed from connection where administration = :code", code=books.code)
    assert b"klokwerk-secret" not in bytes(row.sealed)
    trail = await world.rows("select new from audit where entity_id = :code", code=books.code)
    assert trail
    assert "klokwerk-secret" not in json.dumps([each.new for each in trail])


async def test_a_consent_code_that_is_wrong_is_refused_in_plain_words(world: World) -> None:
    books = await world.books("exact-direct")
    back = await world.exact.visit(await world.authorize(books.code))
    answer = await world.ask("POST", "/consents", json={"state": back["state"], "code": "x"})
    assert (answer.status_code, answer.json()["title"]) == (422, "The consent was not accepted")


async def test_EP_72_fetching_changing_and_exporting_belong_to_finance(world: World) -> None:
    books = await world.books()
    (line,) = await books.taken_up(books.card())
    body = {"line_ids": [line["id"]], "action": "Update"}
    for roles in (("sales",), ("read-only",), ("ops",)):
        for path, sent in (("fetch", None), ("lines/status", body), ("export", {})):
            answer = await world.ask("POST", f"/{books.code}/debtors/{path}", json=sent, roles=roles)
            assert answer.status_code == 403, (roles, path)
            assert "finance" in answer.json()["detail"]
        assert (await world.ask("GET", f"/{books.code}/debtors/lines", roles=roles)).status_code == 200
    put = await world.ask("PUT", "/administrations/other", json=PLAIN, roles=("sales",))
    assert put.status_code == 403
    assert (await books.line("Relation 001"))["action"] == "Insert"
    assert (await world.client.get(f"/v1/{books.code}/debtors/lines")).status_code == 401


async def test_a_text_that_can_not_be_stored_is_refused_and_no_fault_of_ours(world: World) -> None:
    books = await world.books()
    for method, path, sent in (
        ("GET", f"/{books.code}/debtors/lines?q=a%00b", None),
        ("GET", f"/{books.code}/debtors/lines/count?q=%00", None),
        ("PUT", "/administrations/never", {**PLAIN, "name": "a\x00"}),
        ("PUT", "/administrations/never", {**PLAIN, "mappings": {"countries": {"NL": "\x00"}}}),
    ):
        answer = await world.ask(method, path, json=sent)
        assert answer.status_code == 422, path
        assert "a character that no text may have" in answer.json()["detail"]


async def test_every_change_by_a_person_leaves_an_audit_row(world: World) -> None:
    books = await world.books()
    (line,) = await books.taken_up(books.card())
    await books.status("Update", line)
    export = await books.export()
    rows = await world.rows(
        "select action, person from audit where entity_id in (:books, :queue, :export) order by id",
        books=books.code,
        queue=f"{books.code}/debtors",
        export=export["id"],
    )
    assert [(row.action, row.person) for row in rows] == [
        ("made", "anna"),
        ("fetched", "anna"),
        ("status changed", "anna"),
        ("exported", "anna"),
    ]


async def test_EP_69_EP_70_a_trial_export_tells_all_and_changes_nothing(world: World) -> None:
    books = await world.books()
    await books.taken_up(books.card(name="<b>& Co"), books.card(number=None))
    await books.export()
    before = (await books.lines(), await books.exports())
    answer = await world.ask("POST", f"/{books.code}/debtors/trial")
    assert answer.status_code == 200
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    document = etree.fromstring(archive.read("would-be-sent.xml"))
    assert document.findtext("Accounts/Account/Name") == "<b>& Co"
    lines = [json.loads(each) for each in archive.read("lines.jsonl").splitlines()]
    assert {each["objections"] for each in lines} == {"", "no debtor number"}
    surroundings = json.loads(archive.read("surroundings.json"))
    assert surroundings["last_exports"][0]["state"] == "failed"
    assert (await books.lines(), await books.exports()) == before
    assert not list(Path(world.folder).glob(f"{books.code}/*"))  # noqa: ASYNC240


async def test_EP_70_a_trial_of_a_direct_link_sends_nothing_and_holds_no_secrets(world: World) -> None:
    books = await world.books("exact-direct")
    kade, dok = ({"lines": [street], "city": "Amsterdam", "country": "NL"} for street in ("Kade 1", "Dok 2"))
    full = books.card(
        addresses=[{"kind": "visit", **kade}, {"kind": "delivery", **dok}],
        bank_accounts=[{"iban": "NL91ABNA0417164300", "bic": "ABNANL2A"}],
    )
    lines = await books.taken_up(full, books.card())
    await books.status("Update", lines[1])
    calls = len(await world.exact.requests())
    answer = await world.ask("POST", f"/{books.code}/debtors/trial")
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    insert, update = map(json.loads, archive.read("would-be-sent.jsonl").splitlines())
    assert (insert["action"], insert["number"], update["action"]) == ("Insert", "10001", "Update")
    everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"klokwerk-secret" not in everything
    assert len(await world.exact.requests()) == calls
    await books.export(lines[0])
    await books.finished((await books.exports())[0])
    made = [one for one in await world.exact.requests("POST", "/api/v1") if one["method"] == "POST"]
    sent = [json.loads(one["body"]) for one in made]
    told = [call["body"] for call in insert["calls"]]
    assert [{k: v for k, v in body.items() if k != "Account"} for body in sent] == told, "as it is sent"
    assert [call["endpoint"] for call in insert["calls"]] == [
        "crm/Accounts",
        "crm/Addresses",
        "crm/BankAccounts",
    ]
    assert "Code" not in update["calls"][0]["body"], "an update never sends the code"
    assert "10002" in update["calls"][0]["find"]


async def failing(world: World) -> int:
    counts = (await world.ask("GET", "/summary")).json()["counts"]
    return next(each["value"] for each in counts if each["name"] == "accounting_failing")


async def test_the_connection_test_says_how_things_stand(world: World, tmp_path: Path) -> None:
    direct = await world.books("exact-direct")
    health = (await world.ask("GET", f"/{direct.code}/health")).json()
    assert (health["ok"], "division 102030" in health["message"]) == (True, True)
    before = await failing(world)
    await world.exact.behave(status=503)
    health = (await world.ask("GET", f"/{direct.code}/health")).json()
    assert (health["ok"], "503" in health["message"]) == (False, True)
    assert await failing(world) == before + 1, "the home page tells of it"
    there = await world.books(folder=str(tmp_path))
    assert (await world.ask("GET", f"/{there.code}/health")).json()["ok"] is True
    missing = await world.books(folder=str(tmp_path / "no" / "such"))
    health = (await world.ask("GET", f"/{missing.code}/health")).json()
    assert (health["ok"], "is not there" in health["message"]) == (False, True)
    assert (await world.ask("GET", "/nobody/health")).status_code == 404


async def test_the_summary_counts_what_waits_and_what_failed(world: World) -> None:
    books = await world.books()
    before = (await world.ask("GET", "/summary")).json()
    await books.taken_up(books.card(number=None))
    await books.export()
    await books.publish(books.card())
    after = (await world.ask("GET", "/summary", roles=("read-only",))).json()

    def value(summary: dict, name: str) -> int:
        return next(each["value"] for each in summary["counts"] if each["name"] == name)

    assert value(after, "accounting_messages") == value(before, "accounting_messages") + 1
    assert value(after, "accounting_to_fetch") >= 1
    assert after["recent"][0]["state"] == "error"
    assert books.code in after["recent"][0]["text"]
