"""Merging two cards: preview, tombstone, what stays, what is refused, and what happens at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
from debtor_world import World, fresh, invoice, sale
from klokwerk.testing import all_consumed, eventually
from klokwerk_contracts.debtor_changed import CardState


async def pair(
    world: World, removed: dict[str, Any] | None = None, target: dict[str, Any] | None = None, **both: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two cards of one administration: the superfluous one and the one that stays."""
    administration = both.pop("administration", fresh("adm"))
    made = []
    for prefix, own in (("old", removed or {}), ("new", target or {})):
        made.append(await world.make(debtor_id=fresh(prefix), administration=administration, **both, **own))
    return made[0], made[1]


async def merge(
    world: World, removed: dict[str, Any], target: dict[str, Any], *, key: str = "", **body: Any
) -> httpx.Response:
    headers = world.headers(revision=removed["revision"]) | ({"Idempotency-Key": key} if key else {})
    wanted = {"into": target["debtor_id"], "into_revision": target["revision"], "confirm": True}
    return await world.client.post(
        f"/v1/debtors/{removed['debtor_id']}/merge", json=wanted | body, headers=headers
    )


async def preview(world: World, removed_id: str, target_id: str, **params: Any) -> httpx.Response:
    return await world.client.get(
        f"/v1/debtors/{removed_id}/merge-preview",
        params={"into": target_id, **params},
        headers=world.headers("read-only"),
    )


@asynccontextmanager
async def held(world: World, *debtor_ids: str) -> AsyncIterator[asyncpg.Connection]:
    """Cards locked by somebody else until the block ends."""
    connection = await asyncpg.connect(world.database_url)
    try:
        async with connection.transaction():
            await connection.execute("select 1 from card where debtor_id = any($1) for update", debtor_ids)
            yield connection
    finally:
        await connection.close()


async def waiters(connection: asyncpg.Connection, count: int) -> None:
    """Return once so many statements of this database wait for a lock."""

    async def so_many() -> bool:
        found = await connection.fetchval(
            "select count(*) from pg_stat_activity where datname = current_database() "
            "and wait_event_type = 'Lock'"
        )
        return found >= count

    await eventually(so_many)


async def test_FA_52_the_superfluous_card_becomes_a_tombstone_that_all_are_told_about(world: World) -> None:
    removed, target = await pair(world)
    answer = await merge(world, removed, target)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Location"] == f"/v1/debtors/{target['debtor_id']}"

    gone = await world.card(removed["debtor_id"])
    assert (gone["state"], gone["merged_into"], gone["revision"]) == ("merged", target["debtor_id"], 2)
    kept = await world.card(target["debtor_id"])
    assert (kept["state"], kept["previous_ids"]) == ("active", [removed["debtor_id"]])

    _, tombstone = await world.told(removed["debtor_id"], at_least=2)
    assert (tombstone.state, tombstone.merged_into) == (CardState.MERGED, target["debtor_id"])
    _, told = await world.told(target["debtor_id"], at_least=2)
    assert told.previous_ids == (removed["debtor_id"],)

    listed = await world.client.get(
        "/v1/debtors", params={"administration": removed["administration"]}, headers=world.headers()
    )
    assert [item["debtor_id"] for item in listed.json()["items"]] == [target["debtor_id"]]


async def test_the_history_of_both_cards_says_who_merged_them(world: World) -> None:
    removed, target = await pair(world)
    await merge(world, removed, target)
    for card, action, new in (
        (removed, f"merged into card {target['debtor_id']}", {"state": "merged", "merged_into": target["debtor_id"]}),
        (target, f"took over card {removed['debtor_id']}", {"previous_ids": [removed["debtor_id"]]}),
    ):  # fmt: skip
        trail = await world.client.get(f"/v1/debtors/{card['debtor_id']}/history", headers=world.headers())
        newest = trail.json()["items"][0]
        assert (newest["action"], newest["person_name"], newest["new"]) == (action, "Anna", new)


async def test_FA_55_FA_62_the_user_is_warned_of_what_is_lost_before_confirming(world: World) -> None:
    field = {"key": fresh("f").replace("-", "_"), "label": "Route"}
    assert (
        await world.client.post("/v1/own-fields", json=field, headers=world.headers("ops"))
    ).status_code == 201
    own = {field["key"]: "Noord"}
    els = {"contact_id": "els", "name": "Els"}
    removed, target = await pair(
        world,
        removed={
            "internal_note": "Betaalt contant",
            "phones": ["+31 20 1234567"],
            "debtor_number": "77",
            "contact_persons": [els],
            "own_fields": own,
        },
        target={"name": "Jansen BV", "debtor_number": "88", "emails": []},
    )
    answer = await preview(world, removed["debtor_id"], target["debtor_id"])
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert "can't be undone" in shown["warning"]
    assert shown["lost"] == {
        "name": "Bloemisterij Jansen",
        "internal_note": "Betaalt contant",
        "phones": ["+31 20 1234567"],
        "emails": [{"address": "info@jansen.example", "document": "general"}],
        "contact_persons": shown["lost"]["contact_persons"],
        "own_fields": own,
        "debtor_number": "77",
        "customer_number": removed["customer_number"],
    }
    assert shown["lost"]["contact_persons"][0]["name"] == "Els"
    assert (shown["kept"]["name"], shown["kept"]["debtor_number"]) == ("Jansen BV", "88")
    assert shown["filled"] == {}
    assert any("77" in notice and "never" in notice for notice in shown["notices"])
    assert any("Invoices" in line for line in shown["moves"])
    assert (await world.card(removed["debtor_id"]))["revision"] == 1, "a preview changes nothing"

    unconfirmed = await merge(world, removed, target, confirm=False)
    assert unconfirmed.status_code == 422
    assert unconfirmed.json()["errors"][0]["field"] == "confirm"
    assert "can't be undone" in unconfirmed.json()["detail"]
    assert (await world.card(removed["debtor_id"]))["state"] == "active"

    assert (await merge(world, removed, target, fill_empty=True)).status_code == 200
    after = await world.card(target["debtor_id"])
    assert (after["internal_note"], after["contact_persons"]) == ("", [])
    assert after["own_fields"][field["key"]] == ""


async def test_FA_59_not_even_an_empty_field_of_the_target_is_filled(world: World) -> None:
    removed, target = await pair(
        world,
        removed={
            "phones": ["+31 20 1234567"],
            "internal_note": "x",
            "vat_number": "",
            "website": "a.example",
        },
        target={"emails": [], "name": "Doel"},
    )
    assert (await merge(world, removed, target)).status_code == 200
    after = await world.card(target["debtor_id"])
    service_own = {"revision", "changed_at", "previous_ids"}
    assert {k: v for k, v in after.items() if k not in service_own} == {
        k: v for k, v in target.items() if k not in service_own
    }


async def test_empty_fields_are_filled_only_when_asked_for_and_notes_never(world: World) -> None:
    removed, target = await pair(
        world,
        removed={
            "phones": ["+31 20 1234567"], "internal_note": "geheim", "chamber_number": "0777.777.177",
            "country": "BE", "website": "oud.example", "payment_term_days": 30,
            "invoice_delivery": {"electronic": {"scheme": "0208", "identifier": "0777777177"}, "print_allowed": False},
        },
        target={"emails": [], "website": "nieuw.example"},
    )  # fmt: skip
    shown = (await preview(world, removed["debtor_id"], target["debtor_id"], fill_empty=True)).json()
    assert set(shown["filled"]) == {"phones", "emails", "payment_term_days", "invoice_delivery"}
    assert (await merge(world, removed, target, fill_empty=True)).status_code == 200
    after = await world.card(target["debtor_id"])
    assert (after["phones"], after["payment_term_days"]) == (["+31 20 1234567"], 30)
    assert after["website"] == "nieuw.example"
    assert (after["internal_note"], after["chamber_number"]) == ("", ""), (
        "a register number of another country"
    )
    assert after["invoice_delivery"]["electronic"]["identifier"] == "0777777177"
    assert after["invoice_delivery"]["print_allowed"] is True, "a choice of the target is not empty"


async def test_the_targets_number_stays_and_the_removed_one_is_never_given_again(world: World) -> None:
    administration = fresh("adm")
    await world.set_range(administration, 100, 199)
    removed, target = await pair(world, administration=administration)
    for card in (removed, target):
        card.update((await world.press(card["debtor_id"])).json())
    assert (removed["debtor_number"], target["debtor_number"]) == ("100", "101")
    await merge(world, removed, target)
    assert (await world.card(target["debtor_id"]))["debtor_number"] == "101"
    assert (await world.told(removed["debtor_id"], at_least=3))[-1].debtor_number == "100"
    await world.set_range(administration, 100, 199, fill_gaps=True)
    other = await world.make(debtor_id=fresh(), administration=administration)
    assert (await world.press(other["debtor_id"])).json()["debtor_number"] == "102"
    typed = await world.client.post(
        "/v1/debtors",
        json={"name": "x", "administration": administration, "debtor_number": "100"},
        headers=world.headers(),
    )
    assert typed.status_code == 409


async def test_FA_60_itself_a_missing_card_a_merged_one_and_a_circle_are_refused(world: World) -> None:
    removed, target = await pair(world)
    third = await world.make(debtor_id=fresh(), administration=removed["administration"])
    itself = await merge(world, removed, removed)
    assert (itself.status_code, itself.json()["errors"][0]["field"]) == (422, "into")
    assert "itself" in itself.json()["detail"]
    nobody = {"debtor_id": fresh("nobody"), "revision": 1}
    assert (await merge(world, nobody, target)).status_code == 404
    missing = await merge(world, removed, nobody)
    assert (missing.status_code, missing.json()["errors"][0]["field"]) == (422, "into")
    assert (await preview(world, removed["debtor_id"], nobody["debtor_id"])).status_code == 422
    assert (await world.card(removed["debtor_id"]))["revision"] == 1

    assert (await merge(world, removed, target)).status_code == 200
    target, removed = await world.card(target["debtor_id"]), await world.card(removed["debtor_id"])
    for wrong_removed, wrong_target, word in (
        (removed, target, "already"),
        (removed, third, "already"),
        (target, removed, "circle"),
        (third, removed, "itself"),
    ):
        answer = await merge(world, wrong_removed, wrong_target)
        assert answer.status_code == 409, answer.text
        assert word in answer.json()["detail"]
        assert answer.json()["errors"][0]["link"] == f"/v1/debtors/{target['debtor_id']}"
        shown = await preview(world, wrong_removed["debtor_id"], wrong_target["debtor_id"])
        assert shown.status_code == 409


async def test_cards_of_two_legal_entities_are_not_merged(world: World) -> None:
    removed = await world.make(debtor_id=fresh(), administration=fresh("adm"))
    target = await world.make(debtor_id=fresh(), administration=fresh("adm"))
    answer = await merge(world, removed, target)
    assert answer.status_code == 422
    assert target["administration"] in answer.json()["detail"]


async def test_a_merge_needs_both_revisions_as_seen_and_a_role(world: World) -> None:
    removed, target = await pair(world)
    url = f"/v1/debtors/{removed['debtor_id']}/merge"
    body = {"into": target["debtor_id"], "into_revision": 1, "confirm": True}
    assert (await world.client.post(url, json=body, headers=world.headers())).status_code == 428
    reader = world.headers("read-only", revision=1)
    assert (await world.client.post(url, json=body, headers=reader)).status_code == 403
    await world.save(target, name="Veranderd")
    assert (await merge(world, removed, target)).status_code == 412
    await world.save(removed, name="Ook veranderd")
    assert (await merge(world, removed, await world.card(target["debtor_id"]))).status_code == 412
    assert (await world.card(removed["debtor_id"]))["state"] == "active"


async def test_a_tombstone_is_not_edited_and_says_where_to_go(world: World) -> None:
    removed, target = await pair(world)
    await merge(world, removed, target)
    gone = await world.card(removed["debtor_id"])
    for seen in (gone, removed):
        saved = await world.save(seen, name="Toch")
        assert saved.status_code == 409
        assert saved.json()["errors"][0]["link"] == f"/v1/debtors/{target['debtor_id']}"
    ekt = await world.client.patch(
        f"/v1/debtors/{gone['debtor_id']}/ekt", json={"use_ekts": True}, headers=world.headers(revision=2)
    )
    assert ekt.status_code == 409
    row = f"debtor_id;name\n{gone['debtor_id']};Toch\n".encode()
    imported = await world.client.post("/v1/debtors/import", content=row, headers=world.headers())
    assert imported.status_code == 422


async def test_a_repeated_request_merges_once(world: World) -> None:
    removed, target = await pair(world)
    key = fresh("key")
    answers = await asyncio.gather(*(merge(world, removed, target, key=key) for _ in range(3)))
    assert [a.status_code for a in answers] == [200, 200, 200]
    assert (await world.card(target["debtor_id"]))["revision"] == 2


async def test_triggers_for_merged_cards_go_to_the_one_that_is_left(world: World) -> None:
    administration = fresh("adm")
    await world.set_range(administration, 100, 199)
    first, second = await pair(world, administration=administration)
    last = await world.make(debtor_id=fresh("last"), administration=administration)
    first |= (await world.press(first["debtor_id"])).json()
    await merge(world, first, second)
    await merge(world, await world.card(second["debtor_id"]), last)
    assert set((await world.card(last["debtor_id"]))["previous_ids"]) == {
        first["debtor_id"],
        second["debtor_id"],
    }
    await world.publish(sale(first["debtor_id"]), invoice(second["debtor_id"]))
    assert await world.number_comes(last["debtor_id"]) == "101"
    assert (await world.card(second["debtor_id"]))["debtor_number"] == ""
    pressed = await world.press(second["debtor_id"])
    assert (pressed.json()["debtor_id"], pressed.json()["debtor_number"]) == (last["debtor_id"], "101")


async def test_a_trigger_that_waited_for_a_range_goes_to_the_target_too(world: World) -> None:
    administration = fresh("adm")
    removed, target = await pair(world, administration=administration)
    await world.publish(sale(removed["debtor_id"]))
    await eventually(lambda: world.waiting(removed["debtor_id"]))
    shown = (await preview(world, removed["debtor_id"], target["debtor_id"])).json()
    assert any("wait for a number" in line for line in shown["moves"])
    await merge(world, removed, target)
    await world.set_range(administration, 1, 9)
    assert await world.number_comes(target["debtor_id"]) == "1"
    assert (await world.card(removed["debtor_id"]))["debtor_number"] == ""
    assert await world.waiting(removed["debtor_id"]) == []


# --- at the same time -----------------------------------------------------------------------------------------


async def test_of_two_merges_of_one_card_at_once_one_wins(world: World) -> None:
    removed, target = await pair(world)
    other = await world.make(debtor_id=fresh(), administration=removed["administration"])
    async with held(world, removed["debtor_id"]) as connection:
        both = asyncio.gather(merge(world, removed, target), merge(world, removed, other))
        await waiters(connection, 2)
    answers = await both
    assert sorted(a.status_code for a in answers) == [200, 409]
    winner = (target, other)[[a.status_code for a in answers].index(200)]
    loser = other if winner is target else target
    assert (await world.card(removed["debtor_id"]))["merged_into"] == winner["debtor_id"]
    assert (await world.card(loser["debtor_id"]))["previous_ids"] == []


async def test_two_cards_that_are_merged_into_each_other_at_once_make_no_circle(world: World) -> None:
    one, two = await pair(world)
    async with held(world, one["debtor_id"], two["debtor_id"]) as connection:
        both = asyncio.gather(merge(world, one, two), merge(world, two, one))
        await waiters(connection, 2)
    answers = await both
    assert sorted(a.status_code for a in answers) == [200, 409]
    states = [(await world.card(card["debtor_id"]))["state"] for card in (one, two)]
    assert sorted(states) == ["active", "merged"]


async def test_a_trigger_during_a_merge_numbers_the_target(world: World) -> None:
    administration = fresh("adm")
    await world.set_range(administration, 100, 199)
    removed = await world.make(debtor_id=fresh("a"), administration=administration)
    target = await world.make(debtor_id=fresh("b"), administration=administration)
    async with held(world, target["debtor_id"]) as connection:
        merging = asyncio.ensure_future(merge(world, removed, target))  # locks the one, waits for the other
        await waiters(connection, 1)
        await world.publish(sale(removed["debtor_id"]))  # found while it is still a card of its own
        await waiters(connection, 2)
    assert (await merging).status_code == 200
    assert await world.number_comes(target["debtor_id"]) == "100"
    assert (await world.card(removed["debtor_id"]))["debtor_number"] == ""
    await all_consumed(world.kafka, "debtor-service", "sale.completed")


async def test_a_merge_during_a_trigger_is_told_that_the_card_changed(world: World) -> None:
    administration = fresh("adm")
    await world.set_range(administration, 100, 199)
    removed, target = await pair(world, administration=administration)
    async with held(world, removed["debtor_id"]) as connection:
        pressing = asyncio.ensure_future(world.press(removed["debtor_id"]))
        await waiters(connection, 1)
        merging = asyncio.ensure_future(merge(world, removed, target))
        await waiters(connection, 2)
    assert (await pressing).json()["debtor_number"] == "100"
    assert (await merging).status_code == 412
    assert (await merge(world, await world.card(removed["debtor_id"]), target)).status_code == 200
    assert (await world.card(target["debtor_id"]))["debtor_number"] == ""
