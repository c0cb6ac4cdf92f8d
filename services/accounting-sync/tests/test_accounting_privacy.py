"""Personal data: told on request, and gone once a card is anonymised, except where the books need a number."""

from datetime import timedelta
from pathlib import Path

from accounting_world import World, changed
from klokwerk.testing import eventually
from lxml import etree

SECRETS = ("Jan de Vries", "jan@devries.example", "NL91ABNA0417164300", "Kade 1")


def anonymised(card, **fields):
    return changed(
        card,
        **{"state": "anonymised", "name": "Anonymised 17", "emails": [], "phones": [], "addresses": [],
           "bank_accounts": [], **fields},
    )  # fmt: skip


def person(books):
    return books.card(
        name="Jan de Vries",
        party="person",
        emails=[{"address": "jan@devries.example"}],
        bank_accounts=[{"iban": "NL91ABNA0417164300"}],
    )


async def held(world: World, debtor_id: str) -> str:
    answer = await world.ask("GET", f"/debtors/{debtor_id}/personal-data", roles=("ops",))
    assert answer.status_code == 200, answer.text
    return answer.text


async def blanked(world: World, code: str) -> None:
    async def done() -> bool:
        return not await world.rows(
            "select 1 from relation where administration = :code and to_blank", code=code
        )

    await eventually(done)


async def test_all_that_is_held_of_a_person_is_told_to_ops_and_finance(world: World) -> None:
    books = await world.books()
    card = person(books)
    await books.taken_up(card)
    await books.export()
    await books.publish(changed(card, phones=["+31 6 12345678"]))
    answer = await world.ask("GET", f"/debtors/{card.debtor_id}/personal-data")
    told = answer.json()
    assert told["cards"][0]["as_debtor"]["phone"] == "+31 6 12345678"
    assert told["relations"][0]["synced_data"]["name"] == "Jan de Vries"
    assert (told["exported"][0]["outcome"], told["exported"][0]["data"]["email"]) == (
        "synced",
        "jan@devries.example",
    )
    for roles in (("sales",), ("read-only",)):
        refused = await world.ask("GET", f"/debtors/{card.debtor_id}/personal-data", roles=roles)
        assert refused.status_code == 403
    nobody = (await world.ask("GET", "/debtors/nobody/personal-data")).json()
    assert (nobody["cards"], nobody["relations"], nobody["exported"]) == ([], [], [])
    trail = await world.rows("select action from audit where entity_id = :id", id=card.debtor_id)
    assert [row.action for row in trail] == ["personal data read"]


async def test_an_anonymised_card_is_blanked_in_the_history_and_told_to_accounting(world: World) -> None:
    books = await world.books()
    card, other = person(books), books.card(name="Kiosk")
    await books.taken_up(card, other)
    export = await books.export()
    path = Path(export["folder"]) / export["file_name"]
    assert path.exists()
    await books.publish(anonymised(card))
    await blanked(world, books.code)
    text = await held(world, card.debtor_id)
    assert not [secret for secret in SECRETS if secret in text], text
    assert not path.exists(), "the file in the service's own folder is gone"
    document = etree.fromstring(await books.file(export))
    assert [each.findtext("Name") for each in document.iterfind("Accounts/Account")] == ["Kiosk"]
    entry = await books.exported(export)
    assert (entry["kept_without_persons"], entry["lines"]) == (True, 2)
    assert {each["number"]: each["name"] for each in entry["entries"]} == {"10001": "", "10002": "Kiosk"}
    await books.fetch()
    (line,) = await books.lines()
    assert (line["action"], line["name"]) == ("Update", "Anonymised 17")
    assert line["emptied"] == ["addresses", "bank_accounts", "email"]
    again = await books.export()
    account = etree.fromstring(await books.file(again)).find("Accounts/Account")
    assert (account.findtext("Name"), account.find("Email").text) == ("Anonymised 17", None)


async def test_an_anonymised_card_that_accounting_never_heard_of_leaves_the_list(world: World) -> None:
    books = await world.books("exact-direct")
    card = person(books)
    await books.taken_up(card)
    await books.publish(anonymised(card))
    await blanked(world, books.code)
    assert await books.lines() == []
    text = await held(world, card.debtor_id)
    assert not [secret for secret in SECRETS if secret in text]


async def test_what_was_sent_directly_is_blanked_and_emptied_over_there(world: World) -> None:
    books = await world.books("exact-direct")
    card = person(books)
    await books.taken_up(card)
    await books.finished(await books.export())
    await books.publish(anonymised(card))
    await blanked(world, books.code)
    payloads = await world.rows("select payload from delivery where recipient = :code", code=books.code)
    assert [row.payload for row in payloads] == [None]
    await books.fetch()
    await books.finished(await books.export())
    (account,) = await world.exact.accounts()
    assert (account["Name"], account["Email"], account["AddressLine1"]) == ("Anonymised 17", None, None)
    assert (account["Code"], account["Blocked"]) == ("10001", True)


async def test_a_card_that_is_anonymised_while_its_line_is_on_its_way_is_blanked_afterwards(
    world: World,
) -> None:
    books = await world.books("exact-direct")
    card = person(books)
    await world.exact.behave(status=503, times=1, only_methods=["POST"], only_paths=["/api/v1"])
    await books.taken_up(card)
    await books.export()

    async def put_off() -> bool:
        return all(each["message"] for each in await books.lines())

    await eventually(put_off)  # the next attempt is counted from then
    await books.publish(anonymised(card))
    world.clock.advance(timedelta(minutes=6))

    async def sent_or_gone() -> bool:
        return not await books.lines()

    await eventually(sent_or_gone)
    await blanked(world, books.code)
    text = await held(world, card.debtor_id)
    assert not [secret for secret in SECRETS if secret in text]
