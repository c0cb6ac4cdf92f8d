"""Direct export to a simulated Exact Online over HTTP: per line, retried, nothing twice."""

import asyncio
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from accounting_sync.direct_export import DirectExport
from accounting_sync.domain.relation import Kind
from accounting_sync.domain.retries import next_night
from accounting_sync.domain.targets import Target
from accounting_sync.exporting import Order, check_selection
from accounting_sync.store import administrations
from accounting_world import Books, World, changed
from klokwerk.http import Problem
from klokwerk.testing import eventually


async def codes(world: World) -> list[str]:
    return [account["Code"] for account in await world.exact.accounts()]


async def waits(books: Books, name: str, words: str) -> dict[str, Any]:
    """The line once its message holds `words`."""

    async def there() -> dict[str, Any] | None:
        line = await books.line(name)
        return line if words in line["message"] else None

    return await eventually(there)


async def gone(books: Books) -> None:
    async def empty() -> bool:
        return not await books.lines()

    await eventually(empty)


async def idle(books: Books) -> bool:
    """Whether no call of these books is under way at this moment."""
    statement = "select 1 from delivery where recipient = :code and (state = 'sending' or due_at <= :now) "
    statement += "and state in ('planned', 'sending', 'unknown')"
    return not await books.world.rows(statement, code=books.code, now=books.world.clock.now())


async def posts(world: World) -> list[dict[str, Any]]:
    return await world.exact.requests("POST", "/api/v1")


async def test_EP_43_EP_44_each_debtor_is_added_at_once_and_leaves_the_list(world: World) -> None:
    books = await world.books("exact-direct")
    await books.taken_up(books.card(), books.card())
    export = await books.export()
    assert export["mode"] == "direct"
    done = await books.finished(export)
    assert (done["synced"], done["failed"]) == (2, 0)
    assert await codes(world) == ["10001", "10002"]
    assert await books.lines() == []
    assert (await books.fetch())["total"] == 0


async def test_EP_43_a_changed_debtor_is_changed_over_there(world: World) -> None:
    books = await world.books("exact-direct")
    card = books.card()
    await books.taken_up(card)
    await books.finished(await books.export())
    (line,) = await books.taken_up(changed(card, name="Renamed"))
    assert line["action"] == "Update"
    await books.finished(await books.export())
    (account,) = await world.exact.accounts()
    assert (account["Name"], account["writes"]) == ("Renamed", 2)


async def test_EP_45_EP_46_EP_48_EP_49_EP_50_EP_51_a_refused_line_stays_with_the_systems_own_words(
    world: World,
) -> None:
    books = await world.books("exact-direct")
    await world.exact.set(
        minutely_limit=9999, refuse=[{"name": "Relation 002", "message": "Verplicht: BTW\r\nVerplicht: Land"}]
    )
    await books.taken_up(books.card(), books.card(), books.card())
    done = await books.finished(await books.export())
    assert (done["synced"], done["failed"]) == (2, 1)
    (line,) = await books.lines()
    assert line["name"] == "Relation 002"
    assert (line["message"], line["message_origin"]) == ("Verplicht: BTW; Verplicht: Land", "accounting")
    assert done["entries"][0]["message"] == line["message"]


async def test_EP_46_EP_49_D_05_own_objections_stop_one_line_and_not_the_others(world: World) -> None:
    books = await world.books("exact-direct")
    await books.taken_up(books.card(number=None), books.card())
    done = await books.finished(await books.export())
    assert (done["synced"], done["failed"]) == (1, 1)
    (line,) = await books.lines()
    assert (line["message"], line["message_origin"]) == ("no debtor number", "own")
    assert await codes(world) == ["10002"]


async def test_EP_41_only_the_selected_lines_are_sent(world: World) -> None:
    books = await world.books("exact-direct")
    lines = await books.taken_up(books.card(), books.card(), books.card())
    await books.finished(await books.export(lines[1]))
    assert await codes(world) == ["10002"]
    assert len(await books.lines()) == 2


async def test_EP_43_EP_50_a_large_export_is_handed_over_in_chunks_by_whoever_is_free(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounting_sync.direct_export.CHUNK", 2)
    books = await world.books("exact-direct")
    await books.taken_up(
        books.card(), books.card(), books.card(number=None), *(books.card() for _ in range(4))
    )
    export = await books.export()
    assert (export["state"], export["lines"], export["open"] + export["failed"]) == ("running", 7, 7)
    another = DirectExport(world.database, world.clock)
    await asyncio.gather(another.hand_over_claimed(), another.hand_over_claimed())
    done = await books.finished(export)
    assert (done["lines"], done["synced"], done["failed"]) == (7, 6, 1)
    assert len(await posts(world)) == len(await codes(world)) == 6
    (line,) = await books.lines()
    assert (line["state"], line["message"]) == ("failed", "no debtor number")


async def test_EP_43_a_claimed_line_is_in_no_second_export_and_goes_where_it_was_ordered_to(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounting_sync.direct_export.CHUNK", 1)
    books = await world.books("exact-direct")
    cards = [books.card(), books.card()]
    lines = await books.taken_up(*cards)
    async with world.database.transaction() as connection:
        here = await administrations.find(connection, books.code)
        assert here is not None
        order = Order(here, Kind.DEBTORS, None, "somebody", "Somebody")
        await DirectExport(world.database, world.clock).begin(connection, order)
        with pytest.raises(Problem, match="wait for that export"):
            await check_selection(
                connection, replace(order, selected=[uuid.UUID(line["id"]) for line in lines])
            )
        await administrations.save(connection, replace(here, target=Target.EXACT_XML))
    await gone(books)
    assert await codes(world) == [card.debtor_number for card in cards]


async def test_EP_47_D_07_a_refused_line_is_tried_again_when_its_relation_changes(world: World) -> None:
    books = await world.books("exact-direct")
    card = books.card(name=f"Refused {books.code}")
    await world.exact.set(minutely_limit=9999, refuse=[{"name": card.name}])
    await books.taken_up(card)
    await books.finished(await books.export())
    tonight = next_night(world.clock.now(), world.clock.zone)
    assert datetime.fromisoformat((await books.line(card.name))["retry_at"]) == tonight
    await books.publish(changed(card, name=f"Mended {books.code}"))
    await gone(books)
    assert [account["Name"] for account in await world.exact.accounts()] == [f"Mended {books.code}"]
    (entry,) = await books.exports()
    assert (entry["synced"], entry["failed"]) == (1, 0)


async def test_EP_47_D_07_a_refused_line_is_tried_again_in_the_night(world: World) -> None:
    books = await world.books("exact-direct")
    card = books.card(name=f"Refused {books.code}")
    await world.exact.set(minutely_limit=9999, refuse=[{"name": card.name}])
    await books.taken_up(card)
    await books.finished(await books.export())
    await world.exact.set(minutely_limit=9999)
    world.clock.advance(timedelta(days=1))
    await gone(books)
    assert card.name in [account["Name"] for account in await world.exact.accounts()]


async def test_EP_47_EP_53_D_07_temporary_trouble_is_tried_again_after_5_and_30_minutes(world: World) -> None:
    books = await world.books("exact-direct")
    card = books.card(name=f"Patient {books.code}")
    await world.exact.behave(status=503, only_methods=["POST"], only_paths=["/api/v1"])
    await books.taken_up(card)
    export = await books.export()
    line = await waits(books, card.name, "503")
    assert (line["state"], line["message_origin"]) == ("sending", "own")
    for minutes, attempts in ((5, 2), (30, 3)):
        world.clock.advance(timedelta(minutes=minutes, seconds=-1))
        before = len(await posts(world))
        world.clock.advance(timedelta(seconds=2))

        async def tried(more: int = before) -> bool:
            return len(await posts(world)) > more

        await eventually(tried)
        await eventually(partial(_attempts, world, books, attempts))
    await world.exact.behave()
    world.clock.advance(timedelta(hours=2, seconds=1))
    done = await books.finished(export)
    assert (done["synced"], await books.lines()) == (1, [])


async def _attempts(world: World, books: Books, wanted: int) -> bool:
    rows = await world.rows("select state, attempts from delivery where recipient = :code", code=books.code)
    return [(row.state, row.attempts) for row in rows] == [("planned", wanted)]


async def test_a_lost_answer_after_an_insert_makes_no_duplicate(world: World) -> None:
    books = await world.books("exact-direct")
    card = books.card()
    await world.exact.behave(lose_answer_after_accepting=1, only_methods=["POST"], only_paths=["/api/v1"])
    await books.taken_up(card)
    export = await books.export()
    await waits(books, card.name, "no answer")
    world.clock.advance(timedelta(seconds=3))
    done = await books.finished(export)
    assert (done["synced"], await codes(world)) == (1, ["10001"])
    assert len(await posts(world)) == 1


async def test_a_lost_answer_is_completed_with_what_belongs_to_the_relation(world: World) -> None:
    books = await world.books("exact-direct")
    card = books.card(bank_accounts=[{"iban": "NL91ABNA0417164300"}])
    await world.exact.behave(lose_answer_after_accepting=1, only_methods=["POST"], only_paths=["/api/v1"])
    await books.taken_up(card)
    export = await books.export()
    await waits(books, card.name, "no answer")
    world.clock.advance(timedelta(seconds=3))
    assert (await books.finished(export))["synced"] == 1
    (account,) = await world.exact.accounts()
    assert account["writes"] == 2
    assert [bank["BankAccount"] for bank in await world.exact.stored("exact_bank_accounts")] == [
        "NL91ABNA0417164300"
    ]


async def test_a_lost_answer_of_an_update_ends_as_one_relation_with_the_new_data(world: World) -> None:
    books = await world.books("exact-direct")
    card = books.card()
    await books.taken_up(card)
    await books.finished(await books.export())
    await world.exact.behave(lose_answer_after_accepting=1, only_methods=["PUT"], only_paths=["/api/v1"])
    await books.taken_up(changed(card, name="Renamed"))
    export = await books.export()
    await waits(books, "Renamed", "no answer")
    world.clock.advance(timedelta(seconds=3))
    await books.finished(export)
    assert [account["Name"] for account in await world.exact.accounts()] == ["Renamed"]


async def test_a_failing_gateway_that_did_insert_makes_no_duplicate_and_no_false_refusal(
    world: World,
) -> None:
    books = await world.books("exact-direct")
    card = books.card(bank_accounts=[{"iban": "NL91ABNA0417164300"}])
    await world.exact.behave(status=500, body=False, only_paths=["/api/v1/102030/crm/BankAccounts"])
    await books.taken_up(card)
    export = await books.export()
    await waits(books, card.name, "500")
    await world.exact.behave()
    world.clock.advance(timedelta(minutes=5, seconds=1))
    done = await books.finished(export)
    assert (done["synced"], done["failed"], await codes(world)) == (1, 0, ["10001"])


async def test_EP_30_an_insert_of_what_exists_names_the_cure_and_update_then_works(world: World) -> None:
    books = await world.books("exact-direct")
    card = books.card()
    await books.taken_up(card)
    await books.finished(await books.export())
    other = await world.books("exact-direct", source_administration=books.code)
    await other.fetch()
    await other.finished(await other.export())
    (line,) = await other.lines()
    assert "Gegeven bestaat reeds" in line["message"]
    assert "change the status of this line to Update" in line["message"]
    await other.status("Update", line)
    await other.finished(await other.export(line))
    assert await other.lines() == []
    assert await codes(world) == ["10001"]


async def test_calls_wait_for_room_and_all_lines_arrive_once(world: World) -> None:
    books = await world.books("exact-direct")
    await world.exact.set(minutely_limit=3)
    await books.taken_up(*(books.card() for _ in range(5)))
    export = await books.export()

    async def held() -> bool:
        return any("limit" in line["message"] for line in await books.lines())

    await eventually(held)
    for wanted in (3, 5):
        world.clock.advance(timedelta(seconds=61))

        async def arrived(wanted: int = wanted) -> bool:
            return len(await world.exact.accounts()) >= wanted and await idle(books)

        await eventually(arrived)
    done = await books.finished(export)
    assert (done["synced"], len(await codes(world)), len(set(await codes(world)))) == (5, 5, 5)


async def test_a_429_is_honoured_as_it_asks(world: World) -> None:
    books = await world.books("exact-direct")
    card = books.card()
    await world.exact.behave(
        status=429, retry_after=120, times=1, only_methods=["POST"], only_paths=["/api/v1"]
    )
    await books.taken_up(card)
    export = await books.export()
    await waits(books, card.name, "limit")
    world.clock.advance(timedelta(seconds=100))
    health = (await world.ask("GET", f"/{books.code}/health")).json()
    assert (health["ok"], len(await posts(world))) == (False, 1)
    world.clock.advance(timedelta(seconds=21))
    assert (await books.finished(export))["synced"] == 1
    assert len(await posts(world)) == 2


async def test_two_workers_refresh_a_token_once_and_both_go_on(world: World) -> None:
    books = await world.books("exact-direct")
    await world.ask("GET", f"/{books.code}/health")
    world.clock.advance(timedelta(minutes=11))
    await world.exact.reset()
    await world.exact.set(minutely_limit=9999)
    async with world.links() as one, world.links() as two:
        workers = [links.exact(books.code) for links in (one, two)]
        answers = await asyncio.gather(*(worker.call("GET", "Me") for worker in workers * 3))
    assert all(answer["results"] for answer in answers)
    assert len(await world.exact.requests("POST", "/api/oauth2/token")) == 1


async def test_tokens_that_were_taken_back_stop_all_calls_until_there_is_consent_again(world: World) -> None:
    books = await world.books("exact-direct")
    card = books.card()
    await books.taken_up(card)
    await world.exact.revoke()
    export = await books.export()
    line = await waits(books, card.name, "give consent again")
    assert line["message_origin"] == "own"
    health = (await world.ask("GET", f"/{books.code}/health")).json()
    assert (health["ok"], health["connection"]["needs_consent"]) == (False, True)
    calls = len(await world.exact.requests())
    world.clock.advance(timedelta(minutes=6))
    await eventually(lambda: _attempts(world, books, 2))
    assert len(await world.exact.requests()) == calls, "no call is made without hope"
    answer = await world.consent(books.code)
    assert answer.json()["connection"]["needs_consent"] is False
    world.clock.advance(timedelta(minutes=31))
    assert (await books.finished(export))["synced"] == 1


async def test_a_card_that_changes_while_its_line_is_sent_comes_up_again(world: World) -> None:
    books = await world.books("exact-direct")
    card = books.card()
    await world.exact.behave(status=503, only_methods=["POST"], only_paths=["/api/v1"], times=1)
    await books.taken_up(card)
    export = await books.export()
    await waits(books, card.name, "503")
    await books.publish(changed(card, name="Changed meanwhile"))
    world.clock.advance(timedelta(minutes=5, seconds=1))
    await books.finished(export)
    await books.fetch()
    (line,) = await books.lines()
    assert (line["action"], line["name"]) == ("Update", "Changed meanwhile")


async def test_EP_34_fetching_while_a_line_waits_sends_the_corrected_data_instead(world: World) -> None:
    books = await world.books("exact-direct")
    card = books.card()
    await world.exact.behave(status=503, only_methods=["POST"], only_paths=["/api/v1"], times=1)
    await books.taken_up(card)
    await books.export()
    await waits(books, card.name, "503")
    await books.publish(changed(card, name="Corrected"))
    await books.fetch()
    await gone(books)
    assert [account["Name"] for account in await world.exact.accounts()] == ["Corrected"]


async def test_EP_18_creditors_are_sent_as_suppliers(world: World) -> None:
    books = (await world.books("exact-direct")).creditors()
    await books.taken_up(books.card())
    await books.finished(await books.export())
    (account,) = await world.exact.accounts()
    assert (account["IsSupplier"], account["PaymentConditionPurchase"], account.get("Status")) == (
        True,
        "30",
        None,
    )


async def test_two_replicas_share_the_lines_and_send_each_once(world: World) -> None:
    books = await world.books("exact-direct")
    await books.taken_up(*(books.card() for _ in range(12)))
    async with world.replica():
        done = await books.finished(await books.export())
    assert (done["synced"], done["failed"]) == (12, 0)
    assert [account["writes"] for account in await world.exact.accounts()] == [1] * 12
    assert len(await posts(world)) == 12
