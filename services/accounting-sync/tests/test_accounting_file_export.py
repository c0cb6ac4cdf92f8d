"""Export to a file: all or nothing, history, and taking back an import that went wrong."""

import asyncio
import hashlib
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import accounting_sync.file_export
import pytest
from accounting_world import World, changed
from klokwerk.testing import eventually
from lxml import etree


def inside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def names(document: bytes) -> list[str | None]:
    return [account.findtext("Name") for account in etree.fromstring(document).iterfind("Accounts/Account")]


async def test_EP_40_EP_42_EP_54_EP_56_all_lines_go_to_a_file_in_the_own_folder(world: World) -> None:
    books = await world.books()
    await books.taken_up(*(books.card() for _ in range(3)))
    export = await books.export()
    assert (export["state"], export["lines"], export["synced"]) == ("done", 3, 3)
    folder = Path(export["folder"])
    assert folder == world.folder / books.code
    assert inside(folder) == [export["file_name"]]
    assert names((folder / export["file_name"]).read_bytes()) == [f"Relation 00{n}" for n in (1, 2, 3)]
    assert await books.lines() == []


async def test_EP_41_only_the_selected_lines_go(world: World) -> None:
    books = await world.books()
    lines = await books.taken_up(*(books.card() for _ in range(4)))
    export = await books.export(lines[1], lines[3])
    assert names(await books.file(export)) == ["Relation 002", "Relation 004"]
    assert [line["name"] for line in await books.lines()] == ["Relation 001", "Relation 003"]


async def test_EP_55_the_file_is_in_the_configured_folder_and_nothing_else_is(
    world: World, tmp_path: Path
) -> None:
    books = await world.books(folder=str(tmp_path / "to exact"))
    await books.taken_up(books.card())
    export = await books.export()
    assert inside(tmp_path / "to exact") == [export["file_name"]]
    sent = (tmp_path / "to exact" / export["file_name"]).read_bytes()
    assert hashlib.sha256(sent).hexdigest() == export["sha256"]
    assert inside(world.folder / books.code) == []


async def test_EP_57_EP_68_the_history_tells_when_who_what_and_gives_the_file(world: World) -> None:
    books = await world.books()
    await books.taken_up(books.card())
    made = await books.export()
    shutil.rmtree(made["folder"])
    (entry,) = await books.exports()
    assert (entry["kind"], entry["mode"], entry["lines"], entry["state"]) == ("debtors", "file", 1, "done")
    assert (entry["created_by"], entry["created_by_name"]) == ("anna", "Anna")
    assert datetime.fromisoformat(entry["created_at"]) == world.clock.now()
    answer = await world.ask("GET", entry["links"]["file"].removeprefix("/v1"))
    assert answer.headers["content-disposition"] == f'attachment; filename="{entry["file_name"]}"'
    assert hashlib.sha256(answer.content).hexdigest() == entry["sha256"]
    assert names(answer.content) == ["Relation 001"]


async def test_EP_58_EP_59_EP_62_EP_63_one_wrong_line_fails_all_and_the_kept_file_is_empty(
    world: World,
) -> None:
    books = await world.books()
    wrong = books.card(number=None, vat_number="NL123", payment_term_days=21)
    await books.taken_up(books.card(), wrong, books.card())
    export = await books.export()
    assert (export["state"], export["lines"], export["synced"], export["failed"]) == ("failed", 3, 0, 1)
    assert "1 of the lines" in export["message"]
    assert names(await books.file(export)) == []
    assert len(await books.lines()) == 3
    message = (await books.line(wrong.name))["message"]
    for words in ("no debtor number", 'VAT number "NL123"', "payment term of 21 days"):
        assert words in message
    assert [line["message_origin"] for line in await books.lines(with_message=True)] == ["own"]
    assert {line["message"] for line in await books.lines(with_message=False)} == {""}
    entries = (await books.exported(export))["entries"]
    assert (entries[0]["outcome"], entries[0]["name"]) == ("failed", wrong.name)
    assert [each["outcome"] for each in entries[1:]] == ["left_out", "left_out"]
    assert inside(world.folder / books.code) == []


async def test_EP_60_the_export_is_repeated_with_only_the_right_lines(world: World) -> None:
    books = await world.books()
    await books.taken_up(books.card(), books.card(number=None), books.card())
    await books.export()
    right = await books.lines(with_message=False)
    export = await books.export(*right)
    assert (export["state"], names(await books.file(export))) == ("done", ["Relation 001", "Relation 003"])
    (left,) = await books.lines()
    assert left["message"] == "no debtor number"
    assert [entry["state"] for entry in await books.exports()] == ["done", "failed"]


async def test_EP_53_EP_61_a_mended_relation_loses_its_message_at_the_next_attempt(world: World) -> None:
    books = await world.books()
    card = books.card(number=None)
    await books.taken_up(card, books.card(number=None))
    await books.export()
    await books.taken_up(changed(card, debtor_number="10042"))
    assert (await books.line(card.name))["message"] == "no debtor number"
    assert (await books.export())["state"] == "failed"
    assert (await books.line(card.name))["message"] == ""
    assert (await books.line("Relation 002"))["message"] == "no debtor number"


async def test_EP_66_EP_67_a_failed_import_brings_its_lines_back_with_the_same_action(world: World) -> None:
    books = await world.books()
    cards = [books.card(), books.card()]
    lines = await books.taken_up(*cards)
    await books.status("Update", lines[0])
    export = await books.export()
    answer = await world.ask(
        "POST", f"/{books.code}/exports/{export['id']}/import-failed", json={"note": "Exact refused the file"}
    )
    assert answer.json() == {"returned": 2, "refused": 2, "unknown": []}
    assert await books.lines() == []
    await books.fetch()
    assert [(line["action"], line["never_synced"]) for line in await books.lines()] == [
        ("Update", True),
        ("Insert", True),
    ]
    entry = await books.exported(export)
    assert (entry["state"], entry["returned_by"], entry["returned_note"]) == (
        "import_failed",
        "Anna",
        "Exact refused the file",
    )
    again = await world.ask("POST", f"/{books.code}/exports/{export['id']}/import-failed")
    assert again.status_code == 409


async def test_EP_67_what_a_later_export_forwarded_is_not_brought_back(world: World) -> None:
    books = await world.books()
    cards = [books.card(), books.card()]
    await books.taken_up(*cards)
    first = await books.export()
    await books.taken_up(changed(cards[0], name="Relation 001 again"))
    await books.export()
    answer = await world.ask("POST", f"/{books.code}/exports/{first['id']}/import-failed")
    assert answer.json()["returned"] == 1
    await books.fetch()
    assert [line["name"] for line in await books.lines()] == ["Relation 002"]


RESULT = b"""<?xml version="1.0" encoding="utf-8"?>
<eExact><Messages>
 <Message type="2"><Topic code="Accounts" node="Account"><Data key="10001"/></Topic>
  <Date>2026-11-02T10:00:00</Date><Description>Created</Description></Message>
 <Message type="0"><Topic code="Accounts" node="Account"><Data key=" 10002"/></Topic>
  <Date>2026-11-02</Date><Description>Payment condition unknown</Description></Message>
</Messages></eExact>"""


async def test_EP_66_with_the_result_file_only_the_refused_relations_come_back(world: World) -> None:
    books = await world.books()
    await books.taken_up(books.card(), books.card(), books.card())
    export = await books.export()
    answer = await world.ask("POST", f"/{books.code}/exports/{export['id']}/import-result", content=RESULT)
    assert answer.json() == {"returned": 1, "refused": 1, "unknown": []}
    await books.fetch()
    assert [line["number"] for line in await books.lines()] == ["10002"]


async def test_EP_64_EP_65_EP_66_a_person_imports_the_file_and_only_what_was_refused_comes_back(
    world: World,
) -> None:
    await world.exact.set(payment_conditions=["30"])
    books = await world.books()
    cards = [books.card(), books.card(payment_term_days=14), books.card(vat_number="NL004495445B01")]
    await books.taken_up(*cards)
    export = await books.export()
    assert await world.exact.accounts() == [], "nothing arrives before a person imports the file"
    result = await world.exact.imports(await books.file(export))
    known = await world.exact.accounts()
    assert [(one["Code"], one["Name"], one["Status"]) for one in known] == [
        ("10001", "Relation 001", "C"),
        ("10003", "Relation 003", "C"),
    ]
    path = f"/{books.code}/exports/{export['id']}/import-result"
    assert (await world.ask("POST", path, content=result)).json()["returned"] == 1
    await books.fetch()
    (line,) = await books.lines()
    assert (line["number"], line["message_origin"]) == ("10002", "accounting")
    assert line["message"] == "Niet gevonden: Betalingsconditie (14)"
    await books.taken_up(changed(cards[1], payment_term_days=30))
    await world.exact.imports(await books.file(await books.export()))
    assert [one["Code"] for one in await world.exact.accounts()] == ["10001", "10002", "10003"]


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><eExact><Messages>&b;</Messages></eExact>',
        b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><eExact><Messages>&f;</Messages></eExact>',
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x><eExact><Messages/></eExact>'.encode("utf-16"),
        b"<eExact><Messages>",
        b"<html/>",
        b"",
    ],
    ids=["entities", "external", "utf-16", "cut off", "another document", "nothing"],
)
async def test_a_poisoned_or_foreign_result_file_is_refused(world: World, document: bytes) -> None:
    books = await world.books()
    await books.taken_up(books.card())
    export = await books.export()
    answer = await world.ask("POST", f"/{books.code}/exports/{export['id']}/import-result", content=document)
    assert answer.status_code == 422, answer.text
    assert (await books.exported(export))["state"] == "done"


async def test_a_folder_that_cannot_be_written_fails_the_export_and_leaves_the_queue_as_it_was(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file, no folder")
    books = await world.books(folder=str(tmp_path / "taken" / "exports"))
    lines = await books.taken_up(books.card(), books.card())
    await books.status("Update", lines[0])
    export = await books.export()
    assert (export["state"], export["synced"]) == ("failed", 0)
    assert "can't be written" in export["message"]
    assert [(line["action"], line["state"]) for line in await books.lines()] == [
        ("Update", "listed"),
        ("Insert", "listed"),
    ]


async def test_an_export_that_died_before_its_file_was_named_is_finished_by_whoever_looks_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _dies_at_the_name(world, monkeypatch, named_before=False)


async def test_an_export_that_died_after_its_file_was_named_is_finished_with_the_same_bytes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _dies_at_the_name(world, monkeypatch, named_before=True)


async def _dies_at_the_name(world: World, monkeypatch: pytest.MonkeyPatch, *, named_before: bool) -> None:
    real = accounting_sync.file_export._give_name
    seen: list[bytes] = []

    def dies_once(draft: Path, final: Path) -> None:
        if not seen:
            seen.append(draft.read_bytes())
            if named_before:
                real(draft, final)
            raise RuntimeError("the process is gone")
        real(draft, final)

    monkeypatch.setattr(accounting_sync.file_export, "_give_name", dies_once)
    books = await world.books()
    await books.taken_up(*(books.card() for _ in range(3)))
    answer = await world.ask("POST", f"/{books.code}/debtors/export")
    assert answer.status_code == 500

    async def done() -> dict[str, object] | None:
        (entry,) = await books.exports()
        return entry if entry["state"] == "done" else None

    entry = await eventually(done, within=60)  # whoever looks next does so every few seconds
    folder = world.folder / books.code
    assert inside(folder) == [entry["file_name"]]
    assert (folder / str(entry["file_name"])).read_bytes() == seen[0]
    assert await books.lines() == []
    assert (await books.fetch())["total"] == 0


async def test_two_users_exporting_at_once_make_one_file_with_the_lines(world: World) -> None:
    books = await world.books()
    lines = await books.taken_up(*(books.card() for _ in range(5)))
    body = {"line_ids": [line["id"] for line in lines]}
    answers = await asyncio.gather(
        *(world.ask("POST", f"/{books.code}/debtors/export", json=body) for _ in range(3))
    )
    assert sorted(answer.status_code for answer in answers)[0] == 201
    assert {answer.status_code for answer in answers} <= {201, 409, 422}
    assert len([answer for answer in answers if answer.status_code == 201]) == 1
    (entry,) = await books.exports()
    assert names(await books.file(entry)) == [f"Relation 00{n}" for n in range(1, 6)]


async def test_the_same_request_sent_twice_is_one_export(world: World) -> None:
    books = await world.books()
    await books.taken_up(books.card())
    headers = {"Idempotency-Key": f"export-{books.code}"}
    first = await books.export(headers=headers)
    second = await books.export(headers=headers)
    assert second == first
    assert len(await books.exports()) == 1


async def test_numbers_that_would_overwrite_each_other_are_refused(world: World) -> None:
    books = await world.books()
    creditors = books.creditors()
    first, second = books.card(number="15000"), books.card(number="15000")
    await creditors.publish(creditors.card(number="16000", name="Grower"))
    await books.taken_up(first, second, books.card(number="16000"), books.card())
    export = await books.export()
    assert (export["state"], export["failed"]) == ("failed", 3)
    assert "also the debtor number of Relation 002" in (await books.line(first.name))["message"]
    assert "also the creditor number of Grower" in (await books.line("Relation 003"))["message"]


async def test_file_mode_never_tries_again_by_itself(world: World) -> None:
    books = await world.books()
    card = books.card(number=None)
    await books.taken_up(card)
    await books.export()
    await books.publish(changed(card, debtor_number="10042"))
    world.clock.advance(timedelta(days=2))
    (line,) = await books.lines()
    assert (line["retry_at"], len(await books.exports())) == (None, 1)
