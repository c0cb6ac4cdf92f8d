"""The list of lines: what it shows, and changing the status."""

import asyncio
import uuid

import pytest
import sqlalchemy as sa
from accounting_sync import status_change
from accounting_sync.domain.lines import Action
from accounting_sync.domain.relation import Kind
from accounting_sync.store.lines import LineFilter
from accounting_world import World, changed
from klokwerk import jobs, pinned
from klokwerk.access import Person
from klokwerk.testing import eventually

PERSON = Person("p1", "Piet", frozenset({"finance"}))


async def test_EP_31_the_line_shows_all_data_as_it_will_be_sent(world: World) -> None:
    books = await world.books(
        mappings={"payment_terms": {"30": "0030"}, "currencies": {"EUR": "EUO"}, "languages": {"nl": "NED"}}
    )
    card = books.card(
        search_name="REL",
        emails=[
            {"address": "info@relation.example"},
            {"address": "invoice@relation.example", "document": "invoice"},
        ],
        phones=["+31 20 1234567"],
        vat_number="NL004495445B01",
        chamber_number="12345678",
        bank_accounts=[{"iban": "NL91 ABNA 0417 1643 00", "bic": "ABNANL2A"}],
    )
    (line,) = await books.taken_up(card)
    assert line["preflight"] == []
    assert line["data"] == {
        "code": "10001",
        "name": "Relation 001",
        "search_code": "REL",
        "phone": "+31 20 1234567",
        "email": "invoice@relation.example",
        "language": "NED",
        "addresses": [
            {
                "type": "visit",
                "line1": "Kade 1",
                "line2": None,
                "postal_code": "1011 AB",
                "city": "Amsterdam",
                "country": "NL",
            }
        ],
        "bank_accounts": [{"iban": "NL91ABNA0417164300", "bic": "ABNANL2A"}],
        "vat_number": "NL004495445B01",
        "chamber_number": "12345678",
        "currency": "EUO",
        "payment_condition": "0030",
    }


async def test_EP_32_there_is_no_way_to_edit_the_data_of_a_line(world: World) -> None:
    books = await world.books()
    (line,) = await books.taken_up(books.card())
    for method in ("PUT", "PATCH"):
        answer = await world.ask(method, f"/{books.code}/debtors/lines/{line['id']}", json={"name": "x"})
        assert answer.status_code in (404, 405)
    edited = {"line_ids": [line["id"]], "action": "Update", "data": {"name": "x"}}
    answer = await world.ask("POST", f"/{books.code}/debtors/lines/status", json=edited)
    assert answer.status_code == 422
    assert (await books.line("Relation 001"))["action"] == "Insert"


async def test_EP_26_new_relations_have_action_insert(world: World) -> None:
    books = await world.books()
    (line,) = await books.taken_up(books.card())
    assert (line["action"], line["by_hand"]) == ("Insert", False)


async def test_EP_28_EP_29_EP_37_EP_38_several_lines_are_set_to_update_and_others_stay(world: World) -> None:
    books = await world.books()
    lines = await books.taken_up(*(books.card() for _ in range(4)))
    answer = await books.status("Update", *lines[:3])
    assert answer.json() == {"changed": 3, "skipped": [], "left": 0, "job": None}
    assert [line["action"] for line in await books.lines()] == ["Update", "Update", "Update", "Insert"]


async def test_EP_30_a_hand_made_action_survives_a_failed_export(world: World) -> None:
    books = await world.books()
    await books.taken_up(books.card(), books.card(number=None))
    await books.status("Update", *await books.lines())
    assert (await books.export())["state"] == "failed"
    assert [line["action"] for line in await books.lines()] == ["Update", "Update"]


async def test_an_ignored_line_stays_out_of_every_export_until_it_is_taken_back(world: World) -> None:
    books = await world.books()
    lines = await books.taken_up(books.card(), books.card(number=None))
    await books.status("Ignore", lines[1])
    assert (await books.export())["state"] == "done"
    (left,) = await books.lines()
    assert (left["name"], left["action"]) == ("Relation 002", "Ignore")
    answer = await world.ask("POST", f"/{books.code}/debtors/export")
    assert (answer.status_code, answer.json()["title"]) == (422, "Nothing to export")
    assert (await books.export(left))["state"] == "failed"
    assert "set to Ignore" in (await books.line("Relation 002"))["message"]


async def test_a_status_change_says_of_each_line_that_stayed_as_it_was_why(world: World) -> None:
    books = await world.books()
    (line,) = await books.taken_up(books.card())
    answer = await books.status("Update", line, {"id": str(uuid.uuid4())})
    assert answer.status_code == 200
    assert answer.json()["changed"] == 1
    (skipped,) = answer.json()["skipped"]
    assert skipped["reason"] == "this line is not in the list any more"
    assert (await books.line("Relation 001"))["action"] == "Update"


async def test_EP_29_all_lines_that_a_filter_means_change_status_at_once(world: World) -> None:
    books = await world.books()
    await books.taken_up(*(books.card(name=f"Kwekerij {n}") for n in range(5)), books.card(name="Kiosk"))
    path = f"/{books.code}/debtors/lines"
    answer = await world.ask("GET", f"{path}/count", params={"q": "kwekerij"})
    assert (answer.json()["count"], answer.json()["exportable"]["count"]) == (5, 5)
    body = {"matching": {"q": "kwekerij"}, "action": "Update"}
    answer = await world.ask("POST", f"{path}/status", json=body)
    assert answer.json() == {"changed": 5, "skipped": [], "left": 0, "job": None}
    assert [line["name"] for line in await books.lines(action="Insert")] == ["Kiosk"]
    await books.status("Ignore", (await books.lines(q="kwekerij"))[0])
    answer = await world.ask("GET", f"{path}/count", params={"q": "kwekerij"})
    assert (answer.json()["count"], answer.json()["exportable"]["count"]) == (5, 4), (
        "ignored lines stay out of an export of all"
    )
    answer = await world.ask("POST", f"{path}/status", json={"action": "Update"})
    assert answer.status_code == 422, "neither lines nor a filter"


async def test_EP_37_the_status_of_very_many_lines_is_changed_by_a_job_that_leaves_busy_ones_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_change, "AT_ONCE", 3)
    monkeypatch.setattr(status_change, "CHUNK", 2)
    books = await world.books()
    lines = await books.taken_up(
        *(books.card(name=f"Kwekerij {n}") for n in range(5)), books.card(name="Kiosk")
    )
    async with world.database.transaction() as connection:
        busy = sa.text("update line set state = 'exporting' where id = :id")
        await connection.execute(busy, {"id": lines[1]["id"]})
    path = f"/{books.code}/debtors/lines/status"
    body = {"matching": {"q": "kwekerij", "action": "Insert"}, "action": "Update"}
    answer = await world.ask("POST", path, json=body)
    assert answer.json()["changed"] == 0
    address = answer.json()["job"].removeprefix("/v1")

    async def over() -> dict[str, object] | None:
        job = (await world.ask("GET", address)).json()
        return job if job["state"] == "done" else None

    job = await eventually(over)
    assert (job["result"], job["done"], job["total"]) == ({"changed": 4, "left": 1}, 5, 5)
    shown = {line["name"]: line["action"] for line in await books.lines()}
    assert [name for name, action in shown.items() if action == "Insert"] == ["Kiosk", lines[1]["name"]]
    monkeypatch.setattr(status_change, "AT_ONCE", 100)
    answer = (await world.ask("POST", path, json={"matching": {}, "action": "Ignore"})).json()
    assert (answer["changed"], answer["left"], answer["skipped"][0]["name"]) == (5, 1, lines[1]["name"])
    assert "being exported" in answer["skipped"][0]["reason"]


async def test_two_different_changes_of_status_of_very_many_lines_do_not_run_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_change, "AT_ONCE", 0)
    books = await world.books()
    await books.taken_up(books.card())
    given = status_change.job_input(books.code, Kind.DEBTORS, LineFilter(), Action.IGNORE)
    async with world.database.transaction() as connection:
        job = await jobs.start(connection, world.clock, jobs.NewJob(status_change.JOB, input=given), PERSON)
        asleep = sa.text("update job set due_at = 'infinity' where id = :id")
        await connection.execute(asleep, {"id": job.id})
    path = f"/{books.code}/debtors/lines/status"
    answer = await world.ask("POST", path, json={"matching": {}, "action": "Ignore"})
    assert answer.json()["job"] == f"/v1/jobs/{job.id}", "the same one again is that one"
    answer = await world.ask("POST", path, json={"matching": {}, "action": "Update"})
    assert (answer.status_code, answer.json()["title"]) == (409, "Another change of status is under way")


async def test_EP_42_an_export_takes_the_lines_its_user_was_told_or_none_at_all(world: World) -> None:
    books = await world.books()
    lines = await books.taken_up(
        *(books.card(name=f"Kwekerij {n}") for n in range(3)), books.card(name="Kiosk")
    )
    path, matching = f"/{books.code}/debtors/export", {"q": "kwekerij"}
    told = (await world.ask("GET", f"/{books.code}/debtors/lines/count", params=matching)).json()
    assert (told["count"], told["exportable"]["count"]) == (3, 3)

    async def refused() -> str:
        asked = {"matching": matching, "pin": told["exportable"]}
        answer = await world.ask("POST", path, json=asked)
        assert (answer.status_code, answer.json()["type"]) == (409, pinned.CHANGED)
        assert await books.exports() == []
        return str(answer.json()["detail"])

    # One came and one went: as many as before, but others.
    renamed = sa.text("update line set name = :name where id = :id")
    async with world.database.transaction() as connection:
        await connection.execute(renamed, {"id": lines[0]["id"], "name": "Kwekerij nieuw"})
        await connection.execute(renamed, {"id": lines[1]["id"], "name": "Boerderij 0"})
    assert "3 rows match now, as before, but not the same ones" in await refused()
    async with world.database.transaction() as connection:
        await connection.execute(renamed, {"id": lines[0]["id"], "name": "Kiosk"})
        await connection.execute(renamed, {"id": lines[1]["id"], "name": "Kwekerij 0"})
    # The same ones, of which a colleague set one to another action.
    await books.status("Update", lines[1])
    assert "not the same ones" in await refused()
    await books.status("Ignore", lines[1])
    assert "2 rows match now, instead of 3" in await refused()
    await books.status("Insert", lines[1])
    answer = await world.ask("POST", path, json={"matching": matching, "pin": told["exportable"]})
    assert (answer.status_code, answer.json()["lines"]) == (201, 3)
    assert [line["name"] for line in await books.lines()] == ["Kiosk"]


async def test_EP_42_a_line_that_changes_while_an_export_takes_it_is_judged_as_it_became(
    world: World,
) -> None:
    books = await world.books()
    (line,) = await books.taken_up(books.card())
    told = (await world.ask("GET", f"/{books.code}/debtors/lines/count")).json()["exportable"]
    waits = sa.text(
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' "
        "and query like 'with chosen%'"
    )
    async with world.database.transaction() as connection:
        # Seen as Insert by the export's statement, which then waits for the colleague who sets it to Update.
        await connection.execute(
            sa.text("update line set action = 'Update' where id = :id"), {"id": line["id"]}
        )
        asked = {"matching": {}, "pin": told}
        task = asyncio.create_task(world.ask("POST", f"/{books.code}/debtors/export", json=asked))

        async def waiting() -> bool:
            async with world.database.connect() as other:
                return int((await other.execute(waits)).scalar_one()) == 1

        await eventually(waiting)
    answer = await task
    assert (answer.status_code, answer.json()["type"]) == (409, pinned.CHANGED)
    assert (await books.line("Relation 001"))["state"] == "listed"


@pytest.mark.parametrize("at_once", [100, 0], ids=["at once", "as a job"])
async def test_EP_37_a_change_of_status_takes_the_lines_its_user_was_told_or_none_at_all(
    world: World, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(status_change, "AT_ONCE", at_once)
    books = await world.books()
    lines = await books.taken_up(books.card(name="Kwekerij"), books.card(name="Kiosk"))
    path = f"/{books.code}/debtors/lines"
    told = (await world.ask("GET", f"{path}/count", params={"q": "kwekerij"})).json()
    body = {
        "matching": {"q": "kwekerij"},
        "action": "Ignore",
        "pin": {"count": 1, "digest": told["digest"]},
    }
    async with world.database.transaction() as connection:
        change = "update line set name = case when name = 'Kiosk' then 'Kwekerij' else 'Kiosk' end where id = any(:ids)"
        await connection.execute(sa.text(change), {"ids": [uuid.UUID(line["id"]) for line in lines]})
    answer = await world.ask("POST", f"{path}/status", json=body)
    assert (answer.status_code, answer.json()["type"]) == (409, pinned.CHANGED)
    assert [line["action"] for line in await books.lines()] == ["Insert", "Insert"]
    begun = (await world.ask("GET", "/jobs", params={"kind": status_change.JOB})).json()["items"]
    assert not [job for job in begun if job["title"].startswith(books.code)]
    body["pin"] = {
        "count": 1,
        "digest": (await world.ask("GET", f"{path}/count?q=kwekerij")).json()["digest"],
    }
    once = {"Idempotency-Key": uuid.uuid4().hex}
    answer = await world.ask("POST", f"{path}/status", json=body, headers=once)
    again = await world.ask("POST", f"{path}/status", json=body, headers=once)
    assert again.json() == answer.json(), (
        "a second click is the same change, whatever the list has become by it"
    )

    async def ignored() -> bool:
        return [line["action"] for line in await books.lines(q="kwekerij")] == ["Ignore"]

    await eventually(ignored)


async def test_the_list_goes_on_in_pages_by_name_and_can_be_searched(world: World) -> None:
    books = await world.books()
    await books.taken_up(*(books.card(name=f"Name {n % 3} {n}") for n in range(7)))
    names, cursor = [], None
    while True:
        query = {"limit": 3, **({"cursor": cursor} if cursor else {})}
        page = (await world.ask("GET", f"/{books.code}/debtors/lines", params=query)).json()
        names += [line["name"] for line in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert names == sorted(names)
    assert len(names) == 7
    assert len(await books.lines(q="Name 2")) == 2
    assert await books.lines(q="100%") == []
    assert (await world.ask("GET", f"/{books.code}/debtors/lines?cursor=x")).status_code == 400


@pytest.mark.parametrize("name", ['=HYPERLINK("http://x")', "<b>&amp;</b>", "Robert'); drop table line;--"])
async def test_names_that_look_like_code_are_shown_and_sent_as_text(world: World, name: str) -> None:
    books = await world.books()
    (line,) = await books.taken_up(books.card(name=name))
    assert line["name"] == name
    export = await books.export()
    from lxml import etree

    assert etree.fromstring(await books.file(export)).findtext("Accounts/Account/Name") == name


async def test_EP_71_D_05_a_line_without_a_number_is_listed_and_said_so(world: World) -> None:
    books = await world.books()
    card = books.card(number=None)
    (line,) = await books.taken_up(card)
    assert (line["number"], line["preflight"]) == (None, ["no debtor number"])
    assert (await books.export())["state"] == "failed"
    (line,) = await books.lines()
    assert (line["message"], line["message_origin"]) == ("no debtor number", "own")
    (line,) = await books.taken_up(changed(card, debtor_number="10042"))
    assert (line["number"], line["preflight"]) == ("10042", [])


async def test_the_list_as_csv_holds_no_formulas(world: World) -> None:
    books = await world.books()
    await books.taken_up(books.card(name="=1+1"), books.card())
    answer = await world.ask("GET", f"/{books.code}/debtors/lines.csv")
    rows = answer.content.decode("utf-8-sig").splitlines()
    assert [row.split(";")[:3] for row in rows[1:]] == [
        ["10001", "'=1+1", "Insert"],
        ["10002", "Relation 002", "Insert"],
    ]
    sheet = await world.ask("GET", f"/{books.code}/debtors/lines.xlsx")
    assert sheet.content.startswith(b"PK")
