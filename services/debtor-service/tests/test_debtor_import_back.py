"""An import is taken back as far as its cards are untouched; and goes on after a restart, each line once."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime

import asyncpg
from debtor_service.importing import running
from debtor_world import World, fresh, invoice, sale, start_world
from import_steps import Steps, csv_of, hand_in
from klokwerk.testing import eventually
from klokwerk_contracts.debtor_changed import CardState


async def imported(world: World, content: bytes, administration: str, duplicates: str = "update") -> Steps:
    steps = await hand_in(world, content, params={"administration": administration})
    await steps.map()
    await steps.decide(duplicates)
    await steps.run()
    return steps


async def test_an_import_taken_back_removes_its_cards_restores_the_changed_and_leaves_the_touched(
    world: World,
) -> None:
    where, tag = fresh("adm"), fresh()
    old = await world.make(
        debtor_id=f"{tag}-old",
        name="Was er al",
        emails=[{"address": f"{tag}@x.example"}],
        administration=where,
    )
    content = csv_of(
        ("id", "Debiteurnr", "Naam", "E-mail", "Plaats"),
        (f"{tag}-new", "501", f"Nieuw {tag}", f"n-{tag}@x.example", "Katwijk"),
        ("", "502", f"Aangeraakt {tag}", "", "Katwijk"),
        ("", "503", f"Verkocht {tag}", "", "Katwijk"),
        ("", "504", "Andere naam", f"{tag}@x.example", "Leiden"),
    )
    steps = await imported(world, content, where)
    rows = await steps.rows()
    new, touched, sold = (rows[number]["card_id"] for number in (2, 3, 4))
    changed = await world.card(old["debtor_id"])
    assert (changed["name"], changed["debtor_number"]) == ("Andere naam", "504")
    assert (await world.save(await world.card(touched), search_name="KLAAR")).status_code == 200
    await world.publish(sale(sold, administration=where), invoice(sold, administration=where))
    await used(world, sold)

    done = await steps.take_back()
    assert done["counts"]["taken_back"] == {"removed": 1, "restored": 1, "left": 2}
    left = await steps.rows(taken_back="left")
    assert "Anna changed the card" in left[3]["message"]
    assert "invoice, sale" in left[4]["message"]

    gone = await world.card(new)
    assert (gone["state"], gone["name"], gone["debtor_number"]) == ("anonymised", f"Anonymised {new}", "")
    assert (gone["emails"], gone["addresses"]) == ([], [])
    events = await world.told(new, at_least=2)
    assert (events[-1].state, events[-1].emails, events[-1].revision) == (CardState.ANONYMISED, (), 2)
    found = await world.client.get(
        "/v1/debtors", params={"administration": where}, headers=world.headers("read-only")
    )
    assert {card["debtor_id"] for card in found.json()["items"]} == {touched, sold, old["debtor_id"]}

    restored = await world.card(old["debtor_id"])
    for name in ("name", "emails", "addresses", "debtor_number"):
        assert restored[name] == old[name], name
    assert restored["revision"] == 3
    assert (await world.card(sold))["state"] == "active"

    # The same list comes in again: numbers are free, and an id that went comes back under its next revision.
    again = await imported(world, content, where)
    outcomes = {number: row["outcome"] for number, row in (await again.rows()).items()}
    assert outcomes == {2: "created", 3: "unchanged", 4: "unchanged", 5: "updated"}
    back = await world.card(new)
    assert (back["state"], back["name"], back["debtor_number"]) == ("active", f"Nieuw {tag}", "501")
    assert back["revision"] > 2
    second = await again.take_back()
    assert second["counts"]["taken_back"] == {"removed": 1, "restored": 1}


async def used(world: World, debtor_id: str) -> None:
    connection = await asyncpg.connect(world.database_url)
    try:

        async def noted() -> bool:
            count = await connection.fetchval("select count(*) from card_use where debtor_id = $1", debtor_id)
            return bool(count == 2)

        await eventually(noted)
    finally:
        await connection.close()


async def test_an_import_goes_on_after_a_restart_and_does_each_line_once(
    own_world: World, monkeypatch
) -> None:
    """Chunks are held up, the job is torn from the process that has it, and two processes go on with it."""
    world, count = own_world, 40
    monkeypatch.setattr(running, "CHUNK", 4)
    reached, released = asyncio.Event(), asyncio.Event()
    store = running.Running._store

    async def held_up(self, connection, each, rows, person):
        if rows[0].number > 12 and not released.is_set():
            reached.set()
            await released.wait()
        return await store(self, connection, each, rows, person)

    monkeypatch.setattr(running.Running, "_store", held_up)
    steps = await hand_in(world, csv_of(("naam",), *((f"Klant {n}",) for n in range(count))))
    await steps.map()
    assert (await steps.call("POST", "/run")).status_code == 202
    await asyncio.wait_for(reached.wait(), 20)
    before = await steps.reload()
    assert 0 < before["counts"]["outcome"]["created"] < count

    connection = await asyncpg.connect(world.database_url)
    # As if the process had died: nobody renews its claim any more, and another process may take the job up.
    await connection.execute(
        "update job set leased_by = gen_random_uuid(), lease_until = clock_timestamp() - interval '1 second' "
        "where kind = 'card-import-run'"
    )
    released.set()
    async with start_world(world.database_url, world.kafka):
        done = await steps.until("done")
    assert done["counts"]["outcome"] == {"created": count}
    names = await connection.fetch("select name, count(*) from card group by name")
    await connection.close()
    assert len(names) == count
    assert {row["count"] for row in names} == {1}


async def test_an_import_that_was_stopped_can_be_gone_on_with_or_taken_back(
    own_world: World, monkeypatch
) -> None:
    world, count = own_world, 30
    monkeypatch.setattr(running, "CHUNK", 3)
    reached, released = asyncio.Event(), asyncio.Event()
    store = running.Running._store

    async def held_up(self, connection, each, rows, person):
        ran = await store(self, connection, each, rows, person)
        if rows[0].number > 9 and not released.is_set():
            reached.set()
            await released.wait()
        return ran

    monkeypatch.setattr(running.Running, "_store", held_up)
    steps = await hand_in(world, csv_of(("naam",), *((f"Klant {n}",) for n in range(count))))
    await steps.map()
    await steps.call("POST", "/run")
    await asyncio.wait_for(reached.wait(), 20)
    assert (await steps.call("POST", "/take-back")).status_code in (409, 412)
    job = f"/v1/jobs/{(await steps.reload())['job']['id']}"
    assert (await world.client.post(f"{job}/cancel", headers=world.headers("sales"))).status_code == 200
    released.set()

    async def stopped() -> bool:
        return (await steps.reload())["job"]["state"] == "cancelled"

    await eventually(stopped)
    some = steps.view["counts"]["outcome"]["created"]
    assert 0 < some < count
    assert (await steps.run())["counts"]["outcome"] == {"created": count}
    back = await steps.take_back()
    assert back["counts"]["taken_back"] == {"removed": count}


async def test_a_sale_for_a_removed_card_does_not_bring_it_back(world: World) -> None:
    where, tag = fresh("adm"), fresh()
    steps = await imported(
        world,
        csv_of(
            ("id", "naam"),
            (f"{tag}-x", "Weg"),
        ),
        where,
    )
    await steps.take_back()
    await world.publish(
        sale(
            f"{tag}-x",
            administration=where,
            order_day=date(2026, 11, 25),
            completed_at=datetime(2026, 11, 25, tzinfo=UTC),
        )
    )
    other = await world.make(debtor_id=fresh(), administration=where)
    await world.set_range(where, 1, 9)
    await world.publish(sale(other["debtor_id"], administration=where))
    assert await world.number_comes(other["debtor_id"])
    card = await world.card(f"{tag}-x")
    assert (card["state"], card["debtor_number"]) == ("anonymised", "")
