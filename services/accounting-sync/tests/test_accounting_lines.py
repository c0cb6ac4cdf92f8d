"""The list of lines: what it shows, and changing the status."""

import uuid

import pytest
from accounting_world import World, changed


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
    assert answer.json() == {"changed": 3, "skipped": []}
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
    assert (await world.ask("GET", f"{path}/count", params={"q": "kwekerij"})).json() == {"count": 5}
    body = {"matching": {"q": "kwekerij"}, "action": "Update"}
    answer = await world.ask("POST", f"{path}/status", json=body)
    assert answer.json() == {"changed": 5, "skipped": []}
    assert [line["name"] for line in await books.lines(action="Insert")] == ["Kiosk"]
    answer = await world.ask("POST", f"{path}/status", json={"action": "Update"})
    assert answer.status_code == 422, "neither lines nor a filter"


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
