"""Every accounting system in file mode through the running service: settings, checks, file, trial."""

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest
from accounting_sync import fetching
from accounting_sync.api import lines as line_routes
from accounting_world import Books, World, changed
from klokwerk.testing import eventually
from lxml import etree

KING = {
    "mappings": {
        "payment_terms": {"30": "30", "14": "14"},
        "vat_regimes": {"standard": "4"},
        "currencies": {"EUR": "EUR"},
        "countries": {"NL": "NLD"},
    }
}


async def test_king_debtors_and_creditors_go_to_files_of_their_own(world: World, tmp_path: Path) -> None:
    books = await world.books("king-xml", folder=str(tmp_path / "king"), **KING)
    creditors = books.creditors()
    (line,) = await books.taken_up(books.card())
    assert (line["data"]["vat_code"], line["data"]["addresses"][0]["country"]) == ("4", "NLD")
    await creditors.taken_up(creditors.card(name="Kwekerij"))
    for each, root, name in (
        (books, "KING_DEBITEUREN", "Relation 001"),
        (creditors, "KING_CREDITEUREN", "Kwekerij"),
    ):
        export = await each.export()
        assert export["state"] == "done", export["message"]
        document = etree.fromstring((tmp_path / "king" / export["file_name"]).read_bytes())
        assert (document.tag, document.findtext(".//ADR_NAAM1")) == (root, name)
    assert len(list((tmp_path / "king").iterdir())) == 2


async def test_EP_58_EP_59_kings_lengths_are_checked_before_and_the_kept_file_is_empty(world: World) -> None:
    books = await world.books("king-xml", **KING)
    await books.taken_up(books.card(name="x" * 41), books.card(vat_regime="export"))
    lines = {line["name"]: line["preflight"] for line in await books.lines()}
    assert any("King takes 40" in reason for reason in lines["x" * 41])
    assert any('add "export" to the table "vat_regimes"' in reason for reason in lines["Relation 002"])
    export = await books.export()
    assert (export["state"], export["failed"]) == ("failed", 2)
    assert etree.fromstring(await books.file(export)).findall(".//DEBITEUR") == []


async def test_a_generic_csv_goes_without_any_mapping(world: World) -> None:
    books = await world.books("csv", mappings={"currencies": {}})
    await books.taken_up(books.card(name="=HYPERLINK(A1)", payment_term_days=21, currency="SEK"))
    export = await books.export()
    assert export["file_name"].endswith(".csv")
    answer = await world.ask("GET", export["links"]["file"].removeprefix("/v1"))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    (row,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";")
    assert (row["name"], row["payment_condition"], row["currency"]) == ("'=HYPERLINK(A1)", "21", "SEK")
    (entry,) = await books.exports()
    assert entry["synced"] == 1
    result = await world.ask("POST", f"/{books.code}/exports/{export['id']}/import-result", content=b"<x/>")
    assert (result.status_code, "Only Exact Online" in result.json()["detail"]) == (409, True)


async def test_number_ranges_may_overlap_where_debtors_and_creditors_are_kept_apart(world: World) -> None:
    overlap = {"debtors": {"first": 1, "last": 50_000}, "creditors": {"first": 1, "last": 50_000}}
    books = await world.books("king-xml", ranges=overlap, **KING)
    creditors = books.creditors()
    await creditors.publish(creditors.card(number="15000"))
    (line,) = await books.taken_up(books.card(number="15000"))
    assert line["preflight"] == []
    refused = await world.ask(
        "PUT", "/administrations/never", json={"name": "x", "target": "moneybird", "ranges": overlap}
    )
    assert refused.json()["errors"][0]["field"] == "ranges"


async def test_a_set_of_books_can_not_move_to_another_system_once_that_was_told_of_somebody(
    world: World,
) -> None:
    books = await world.books()
    await books.taken_up(books.card())
    path = f"/administrations/{books.code}"
    king = {"name": "Books", "target": "king-xml", "mappings": KING["mappings"]}
    assert (await world.ask("PUT", path, json=king, headers={"If-Match": '"1"'})).status_code == 200
    exact = {"name": "Books", "target": "exact-xml", "mappings": {"payment_terms": {"30": "30"}}}
    assert (await world.ask("PUT", path, json=exact, headers={"If-Match": '"2"'})).status_code == 200
    await books.fetch()
    await books.export()
    answer = await world.ask("PUT", path, json=king, headers={"If-Match": '"3"'})
    assert (answer.status_code, "make another administration" in answer.json()["detail"]) == (409, True)
    other = await world.books("king-xml", source_administration=books.code, **KING)
    await other.fetch()
    assert [line["action"] for line in await other.lines()] == ["Insert"]


async def test_an_administration_can_not_have_the_name_of_a_path(world: World) -> None:
    answer = await world.ask("PUT", "/administrations/jobs", json={"name": "x", "target": "csv"})
    assert answer.json()["errors"][0]["field"] == "code"


@pytest.mark.parametrize("target", ["exact-xml", "king-xml", "csv", "moneybird", "exact-direct"])
async def test_EP_69_EP_70_a_trial_export_is_made_for_every_system_also_when_the_real_one_fails(
    world: World, target: str
) -> None:
    books = await world.books(target, **(KING if target == "king-xml" else {}))
    await books.taken_up(books.card(name="Right"), books.card(number=None, name="Wrong"))
    if target in ("exact-xml", "king-xml", "csv"):
        assert (await books.export())["state"] == "failed"
    before = (await books.lines(), await books.exports())
    answer = await world.ask("POST", f"/{books.code}/debtors/trial", roles=("ops",))
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    (sent,) = [name for name in archive.namelist() if name.startswith("would-be-sent")]
    assert b"Right" in archive.read(sent)
    assert b"Wrong" not in archive.read(sent)
    lines = [json.loads(line) for line in archive.read("lines.jsonl").splitlines()]
    assert {line["data"]["name"]: line["objections"] for line in lines} == {
        "Right": "",
        "Wrong": "no debtor number",
    }
    surroundings = json.loads(archive.read("surroundings.json"))
    assert surroundings["administration"]["target"] == target
    everything = b"".join(map(archive.read, archive.namelist()))
    assert b"klokwerk-secret" not in everything
    assert b"moneybird-token" not in everything
    assert (await books.lines(), await books.exports()) == before
    assert await world.moneybird.requests() == []


async def test_a_long_export_answers_at_once_and_is_followed_in_the_history(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_routes, "EXPORT_WAIT", 0)
    books = await world.books()
    await books.taken_up(*(books.card() for _ in range(20)))
    answer = await world.ask("POST", f"/{books.code}/debtors/export")
    assert (answer.status_code, answer.json()["state"]) == (202, "planned")
    mark, export = answer.json()["mark"], answer.json()
    path = answer.headers["Location"].removeprefix("/v1")

    async def over() -> dict | None:
        nonlocal mark
        now = (await world.ask("GET", path, params={"after": mark, "wait": 5})).json()
        mark = now["mark"]
        return now if now["state"] == "done" else None

    done = await eventually(over)
    assert (done["synced"], done["written"], done["mark"] != export["mark"]) == (20, 20, True)


async def test_EP_35_a_first_fetch_of_very_many_is_a_job_that_a_person_watches(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "AT_ONCE", 3)
    monkeypatch.setattr(fetching, "CHUNK", 2)
    books = await world.books()
    await books.publish(*(books.card() for _ in range(7)))
    answer = await world.ask("POST", f"/{books.code}/debtors/fetch")
    address = answer.json()["job"].removeprefix("/v1")

    async def over() -> dict | None:
        job = (await world.ask("GET", address)).json()
        return job if job["state"] == "done" else None

    job = await eventually(over)
    assert (job["done"], job["result"]["listed"], job["result"]["total"]) == (7, 7, 7)
    assert len(await books.lines()) == 7
    assert (await books.fetch())["listed"] == 0


async def test_EP_66_a_refused_relation_comes_back_with_the_accounting_systems_words(world: World) -> None:
    books = await world.books()
    await books.taken_up(books.card(), books.card())
    export = await books.export()
    result = (
        '<eExact><Messages><Message type="0"><Topic code="Accounts"><Data key="10002"/></Topic>'
        "<Description>Betalingsconditie onbekend</Description></Message></Messages></eExact>"
    )
    await world.ask("POST", f"/{books.code}/exports/{export['id']}/import-result", content=result.encode())
    await books.fetch()
    (line,) = await books.lines()
    assert (line["message"], line["message_origin"]) == ("Betalingsconditie onbekend", "accounting")
    entries = {entry["number"]: entry for entry in (await books.exported(export))["entries"]}
    assert (entries["10002"]["outcome"], entries["10001"]["outcome"]) == ("returned", "synced")


def result_of(*refused: str) -> bytes:
    """A result file in which each of the `<Data>` elements was refused."""
    messages = "".join(
        f'<Message type="0"><Topic code="Accounts" node="Account">{data}</Topic>'
        "<Description>Btw-code onbekend</Description></Message>"
        for data in refused
    )
    return f"<eExact><Messages>{messages}</Messages></eExact>".encode()


async def test_EP_66_a_result_that_calls_relations_by_exacts_own_ids_is_read_by_their_numbers(
    world: World,
) -> None:
    books = await world.books()
    await books.taken_up(*(books.card() for _ in range(4)))
    export = await books.export()
    by_id = '<Data key="{8a6fbf5d-1f3c-4d4e-9a56-6a2f1f0e7a11}" keyAlt="             10002"/>'
    two = '<Data keyAlt="10003"/><Data key="10004" keyAlt=""/>'
    path = f"/{books.code}/exports/{export['id']}/import-result"
    answer = await world.ask("POST", path, content=result_of(by_id, two))
    assert answer.json() == {"returned": 3, "refused": 3, "unknown": []}
    await books.fetch()
    assert [line["number"] for line in await books.lines()] == ["10002", "10003", "10004"]


async def test_EP_66_the_result_of_another_export_records_nothing(world: World) -> None:
    books = await world.books()
    await books.taken_up(books.card(), books.card())
    export = await books.export()
    path = f"/{books.code}/exports/{export['id']}/import-result"
    answer = await world.ask("POST", path, content=result_of('<Data key="99999"/>'))
    assert (answer.status_code, answer.json()["title"]) == (422, "The result is not of this export")
    assert "99999" in answer.json()["detail"]
    assert (await books.exported(export))["state"] == "done", "the right file can still be handed in"
    answer = await world.ask("POST", path, content=result_of('<Data key="99999"/>', '<Data key="10001"/>'))
    assert answer.json() == {"returned": 1, "refused": 1, "unknown": ["99999"]}


async def test_EP_31_an_emptied_field_is_shown_and_sent_as_empty(world: World) -> None:
    books: Books = await world.books()
    card = books.card(phones=["+31 20 1234567"])
    await books.taken_up(card)
    await books.export()
    (line,) = await books.taken_up(changed(card, phones=[]))
    assert line["emptied"] == ["phone"]
    assert line["changes"] == [{"field": "phone", "before": "+31 20 1234567", "after": None}]
    export = await books.export()
    account = etree.fromstring(await books.file(export)).find("Accounts/Account")
    assert account.find("Phone").text is None
