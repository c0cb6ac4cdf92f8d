"""Moneybird over HTTP: per contact, nothing twice, its words on the line, its limit kept."""

from datetime import timedelta
from typing import Any

from accounting_world import Books, World, changed
from klokwerk.testing import eventually


async def line_with(books: Books, words: str) -> dict[str, Any]:
    async def there() -> dict[str, Any] | None:
        return next((line for line in await books.lines() if words in line["message"]), None)

    return await eventually(there)


async def test_EP_43_EP_44_contacts_are_added_and_changed_and_lines_leave_the_list(world: World) -> None:
    books = await world.books("moneybird")
    card = books.card(
        emails=[{"address": "info@relation.example"}], bank_accounts=[{"iban": "NL91ABNA0417164300"}]
    )
    (line,) = await books.taken_up(card)
    assert set(line["data"]) == {"code", "name", "email", "addresses", "bank_accounts"}, (
        "what Moneybird takes"
    )
    done = await books.finished(await books.export())
    assert (done["synced"], done["target"]) == (1, "moneybird")
    (contact,) = await world.moneybird.contacts()
    assert (contact["customer_id"], contact["company_name"], contact["city"]) == (
        "10001",
        "Relation 001",
        "Amsterdam",
    )
    await books.taken_up(changed(card, name="Renamed", emails=[]))
    await books.finished(await books.export())
    (contact,) = await world.moneybird.contacts()
    assert (contact["company_name"], contact["send_invoices_to_email"], contact["writes"]) == (
        "Renamed",
        "",
        2,
    )
    assert len(await world.moneybird.requests("PATCH")) == 1, "the id was remembered: no look-up"


async def test_EP_45_EP_49_EP_51_errors_of_each_field_are_the_message_from_accounting(world: World) -> None:
    books = await world.books("moneybird")
    refuse = [{"company_name": "Relation 001", "field": "tax_number", "message": "is invalid"}]
    await world.moneybird.set(refuse=refuse)
    await books.taken_up(books.card(), books.card())
    done = await books.finished(await books.export())
    assert (done["synced"], done["failed"]) == (1, 1)
    (line,) = await books.lines()
    assert (line["message"], line["message_origin"]) == ("tax_number: is invalid", "accounting")


async def test_an_insert_of_what_exists_names_the_cure_and_update_finds_it_by_its_number(
    world: World,
) -> None:
    books = await world.books("moneybird")
    await books.taken_up(books.card())
    await books.finished(await books.export())
    other = await world.books("moneybird", source_administration=books.code)
    await other.fetch()
    await other.finished(await other.export())
    (line,) = await other.lines()
    assert "has already been taken" in line["message"]
    assert "change the status of this line to Update" in line["message"]
    await other.status("Update", line)
    await other.finished(await other.export(line))
    assert len(await world.moneybird.contacts()) == 1


async def test_a_lost_answer_after_an_insert_makes_no_duplicate(world: World) -> None:
    books = await world.books("moneybird")
    await world.moneybird.behave(lose_answer_after_accepting=1, only_methods=["POST"])
    await books.taken_up(books.card())
    export = await books.export()
    await line_with(books, "no answer")
    world.clock.advance(timedelta(seconds=3))
    assert (await books.finished(export))["synced"] == 1
    assert len(await world.moneybird.contacts()) == 1
    assert len(await world.moneybird.requests("POST")) == 1


async def test_150_calls_in_five_minutes_are_kept_to_from_the_headers(world: World) -> None:
    books = await world.books("moneybird")
    world.clock.advance(timedelta(minutes=6))
    await world.moneybird.set(limit=3)
    await books.taken_up(*(books.card() for _ in range(5)))
    export = await books.export()
    await line_with(books, "limit")

    async def three() -> bool:
        return len(await world.moneybird.contacts()) == 3

    await eventually(three)
    world.clock.advance(timedelta(minutes=5, seconds=1))
    done = await books.finished(export)
    assert (done["synced"], len(await world.moneybird.contacts())) == (5, 5)
    assert {each["status"] for each in await world.moneybird.requests("POST")} == {201}, "no call was refused"


async def test_a_token_that_was_taken_back_stops_all_calls_until_another_is_entered(world: World) -> None:
    books = await world.books("moneybird")
    await books.taken_up(books.card())
    await world.moneybird.set(token="another")
    export = await books.export()
    await line_with(books, "does not accept the token")
    shown = (await world.ask("GET", f"/administrations/{books.code}")).json()
    assert (shown["connection"]["needs_consent"], "make a new one" in shown["connection"]["why"]) == (
        True,
        True,
    )
    calls = len(await world.moneybird.requests())
    world.clock.advance(timedelta(minutes=6))
    assert (await world.ask("GET", f"/{books.code}/health")).json()["ok"] is False
    assert len(await world.moneybird.requests()) == calls, "no call is made without hope"
    credentials = {
        "base_url": f"{world.moneybird.url}/api/v2",
        "administration_id": "123456789",
        "token": "another",
    }
    body = {"name": "Books", "target": "moneybird", "credentials": credentials}
    path = f"/administrations/{books.code}"
    assert (await world.ask("PUT", path, json=body, headers={"If-Match": '"1"'})).status_code == 200
    health = (await world.ask("GET", f"/{books.code}/health")).json()
    assert (health["ok"], "Bloemen B.V." in health["message"]) == (True, True)
    world.clock.advance(timedelta(minutes=31))
    assert (await books.finished(export))["synced"] == 1


async def test_credentials_that_are_not_complete_are_refused_by_field(world: World) -> None:
    body = {"name": "x", "target": "moneybird", "credentials": {"administration_id": "12"}}
    answer = await world.ask("PUT", "/administrations/never", json=body)
    assert [each["field"] for each in answer.json()["errors"]] == ["credentials.token"]
    body |= {"target": "csv"}
    answer = await world.ask("PUT", "/administrations/never", json=body)
    assert [each["field"] for each in answer.json()["errors"]] == ["credentials"]
