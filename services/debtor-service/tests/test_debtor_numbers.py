"""Numbers: the three triggers, ranges, concurrency, waiting, replays, two replicas."""

from __future__ import annotations

import asyncio

from debtor_world import World, fresh, invoice, sale, start_world
from klokwerk.testing import all_consumed, eventually, publish, read_topic
from klokwerk_contracts import DebtorChanged


async def numbered_world(world: World, first: int = 100, last: int = 999) -> str:
    """An administration of one test with a debtor range."""
    administration = fresh("adm")
    await world.set_range(administration, first, last)
    return administration


async def test_EP_03_EP_05_EP_10_a_card_has_no_number_at_creation_nor_after_saving(world: World) -> None:
    administration = await numbered_world(world)
    made = await world.make(debtor_id=fresh(), administration=administration)
    assert (made["debtor_number"], made["creditor_number"]) == ("", "")
    saved = await world.save(made, name="Anders")
    assert saved.json()["debtor_number"] == ""
    assert [e.debtor_number for e in await world.told(made["debtor_id"], at_least=2)] == ["", ""]


async def test_EP_04_EP_06_EP_11_a_completed_sale_gives_the_next_number(world: World) -> None:
    administration = await numbered_world(world)
    ids = [fresh("a"), fresh("b")]
    for debtor_id in ids:
        await world.make(debtor_id=debtor_id, administration=administration)
        await world.publish(sale(debtor_id))
        await world.number_comes(debtor_id)
    assert [(await world.card(i))["debtor_number"] for i in ids] == ["100", "101"]
    before, after = await world.told(ids[0], at_least=2)
    assert (before.debtor_number, after.debtor_number, after.revision) == ("", "100", 2)
    history = await world.client.get(f"/v1/debtors/{ids[0]}/history", headers=world.headers())
    assert history.json()["items"][0]["action"] == "number given"
    assert history.json()["items"][0]["person_name"] == "debtor-service"


async def test_EP_07_EP_17_an_invoice_gives_a_debtor_number_and_no_creditor_number(world: World) -> None:
    administration = await numbered_world(world)
    await world.set_range(administration, 5000, 5999, "creditor")
    made = await world.make(debtor_id=fresh(), administration=administration, kinds=["debtor", "creditor"])
    await world.publish(invoice(made["debtor_id"]))
    assert await world.number_comes(made["debtor_id"]) == "100"
    assert (await world.card(made["debtor_id"]))["creditor_number"] == ""


async def test_EP_09_EP_13_EP_15_the_button_gives_each_kind_from_its_own_range_and_only_once(
    world: World,
) -> None:
    administration = await numbered_world(world)
    await world.set_range(administration, 5000, 5999, "creditor")
    made = await world.make(debtor_id=fresh(), administration=administration, kinds=["debtor", "creditor"])
    assert (await world.press(made["debtor_id"])).json()["debtor_number"] == "100"
    assert (await world.press(made["debtor_id"], "creditor")).json()["creditor_number"] == "5000"
    again = await world.press(made["debtor_id"])
    assert (again.status_code, again.json()["debtor_number"], again.json()["revision"]) == (200, "100", 3)
    other = await world.make(debtor_id=fresh(), administration=administration)
    assert (await world.press(other["debtor_id"])).json()["debtor_number"] == "101"
    assert (await world.press("nobody")).status_code == 404


async def test_EP_12_taken_numbers_are_skipped_and_never_given_twice(world: World) -> None:
    administration = await numbered_world(world)
    for number in ("100", "102", "555", "A7"):
        await world.make(debtor_id=fresh(), administration=administration, debtor_number=number)
    double = await world.client.post(
        "/v1/debtors",
        json={"name": "x", "administration": administration, "debtor_number": "102"},
        headers=world.headers(),
    )
    assert double.status_code == 409
    assert double.json()["errors"][0]["field"] == "debtor_number"
    given = []
    for _ in range(3):
        made = await world.make(debtor_id=fresh(), administration=administration)
        given.append((await world.press(made["debtor_id"])).json()["debtor_number"])
    assert given == ["101", "103", "104"]
    late = await world.make(debtor_id=fresh(), administration=administration)
    assert (await world.save(late, debtor_number="104")).status_code == 409
    assert (await world.save(late, debtor_number="105")).json()["debtor_number"] == "105"


async def test_gaps_stay_open_unless_the_range_says_so(world: World) -> None:
    administration = await numbered_world(world, 1, 50)
    keeper = await world.make(debtor_id=fresh(), administration=administration, debtor_number="1")
    made = await world.make(debtor_id=fresh(), administration=administration)
    assert (await world.press(made["debtor_id"])).json()["debtor_number"] == "2"
    await world.set_range(administration, 1, 50)
    assert keeper["debtor_number"] == "1"
    await world.set_range(administration, 40, 50)
    jump = await world.make(debtor_id=fresh(), administration=administration)
    assert (await world.press(jump["debtor_id"])).json()["debtor_number"] == "40"
    await world.set_range(administration, 1, 50, fill_gaps=True)
    filler = await world.make(debtor_id=fresh(), administration=administration)
    assert (await world.press(filler["debtor_id"])).json()["debtor_number"] == "3"


async def test_EP_16_50_triggers_at_once_give_50_numbers_without_doubles(world: World) -> None:
    administration = await numbered_world(world)
    ids = [fresh() for _ in range(50)]
    for debtor_id in ids:
        await world.make(debtor_id=debtor_id, administration=administration)
    events = [sale(i) for i in ids[:30]] + [invoice(i) for i in ids[15:40]]
    answers, _ = await asyncio.gather(
        asyncio.gather(*(world.press(i) for i in ids[25:])), publish(world.kafka, *events)
    )
    assert {a.status_code for a in answers} == {200}
    numbers = [int(await world.number_comes(i)) for i in ids]
    assert sorted(numbers) == list(range(100, 150))


async def test_EP_14_a_full_range_refuses_keeps_the_trigger_and_serves_it_once_widened(world: World) -> None:
    administration = await numbered_world(world, 1, 2)
    for _ in range(2):
        made = await world.make(debtor_id=fresh(), administration=administration)
        assert (await world.press(made["debtor_id"])).status_code == 200
    button = await world.make(debtor_id=fresh(), administration=administration)
    refused = await world.press(button["debtor_id"])
    assert refused.status_code == 409
    assert administration in refused.json()["detail"]
    assert refused.json()["errors"][0]["cure"] == "Set or widen the range."

    buyer = await world.make(debtor_id=fresh(), administration=administration)
    await world.publish(sale(buyer["debtor_id"]))
    waiting = await eventually(lambda: world.waiting(buyer["debtor_id"]))
    assert waiting[0]["trigger"] == "sale.completed"
    assert "Widen the range" in waiting[0]["reason"]
    assert (await world.waiting(button["debtor_id"]))[0]["trigger"] == "button"
    of_one = {"debtor_id": buyer["debtor_id"], "limit": 1}
    answer = await world.client.get("/v1/waiting", params=of_one, headers=world.headers("read-only"))
    assert [(each["name"], each["number_kind"]) for each in answer.json()["items"]] == [
        (buyer["name"], "debtor")
    ]
    assert (await world.card(buyer["debtor_id"]))["debtor_number"] == "", "nothing outside the range is given"

    widened = await world.set_range(administration, 1, 10)
    assert widened["given"] == 2
    assert (await world.card(button["debtor_id"]))["debtor_number"] == "3"
    assert (await world.card(buyer["debtor_id"]))["debtor_number"] == "4"
    assert await world.waiting(buyer["debtor_id"]) == []


async def test_a_trigger_without_any_range_waits_for_it(world: World) -> None:
    administration = fresh("adm")
    made = await world.make(debtor_id=fresh(), administration=administration)
    assert (await world.press(made["debtor_id"])).status_code == 409
    await world.set_range(administration, 7, 9)
    assert (await world.card(made["debtor_id"]))["debtor_number"] == "7"


async def test_EP_14_from_90_percent_on_people_are_warned(world: World) -> None:
    administration = await numbered_world(world, 1, 10)
    for i in range(9):
        made = await world.make(debtor_id=fresh(), administration=administration)
        await world.press(made["debtor_id"])
        answer = await world.client.get(f"/v1/number-ranges/{administration}/debtor", headers=world.headers())
        assert (answer.json()["warning"] != "") == (i == 8), answer.json()
    assert answer.json()["remaining"] == 1
    assert answer.json()["warning"] == "1 number is left of 10: widen the range in time."
    empty = await world.client.put(
        f"/v1/number-ranges/{administration}/debtor", json={"first": 5, "last": 4}, headers=world.headers()
    )
    assert empty.status_code == 422
    assert (
        await world.client.get("/v1/number-ranges/nowhere/debtor", headers=world.headers())
    ).status_code == 404


async def test_EP_13_ranges_of_one_list_of_numbers_must_not_overlap_and_those_of_two_lists_may(
    world: World,
) -> None:
    administration = fresh("adm")
    space = f"/v1/number-ranges/{administration}"

    async def put(path: str, **body: object) -> tuple[int, dict]:
        answer = await world.client.put(path, json=body, headers=world.headers("finance"))
        return answer.status_code, answer.json()

    await world.set_range(administration, 100, 199)
    status, refused = await put(f"{space}/creditor", first=150, last=300)
    assert status == 409
    assert f"creditor range 150 to 300 of administration {administration}" in refused["errors"][0]["message"]
    assert f"debtor range 100 to 199 of administration {administration}" in refused["errors"][0]["message"]
    assert (await put(f"{space}/creditor", first=200, last=300))[0] == 200
    assert (await put(f"{space}/creditor", first=199, last=300))[0] == 409

    assert await put(space, shared_number_space=False) == (200, {"shared_number_space": False})
    assert (await put(f"{space}/creditor", first=150, last=300))[0] == 200
    status, refused = await put(space, shared_number_space=True)
    assert (status, refused["title"]) == (409, "The ranges overlap")
    assert (await world.client.get(space, headers=world.headers())).json() == {"shared_number_space": False}
    reader = await world.client.put(space, json={"shared_number_space": True}, headers=world.headers("sales"))
    assert reader.status_code == 403


async def test_EP_14_what_waits_goes_on_by_itself_when_one_list_becomes_two(world: World) -> None:
    administration = await numbered_world(world, 100, 100)
    await world.make(
        debtor_id=fresh(), administration=administration, creditor_number="100", kinds=["creditor"]
    )
    made = await world.make(debtor_id=fresh(), administration=administration)
    assert (await world.press(made["debtor_id"])).status_code == 409
    await world.client.put(
        f"/v1/number-ranges/{administration}", json={"shared_number_space": False}, headers=world.headers()
    )
    assert (await world.card(made["debtor_id"]))["debtor_number"] == "100"
    assert await world.waiting(made["debtor_id"]) == []


async def test_EP_12_in_one_list_a_number_of_the_other_kind_is_taken_as_well(world: World) -> None:
    administration = await numbered_world(world, 100, 105)
    await world.make(
        debtor_id=fresh(), administration=administration, creditor_number="100", kinds=["creditor"]
    )
    made = await world.make(debtor_id=fresh(), administration=administration)
    assert (await world.press(made["debtor_id"])).json()["debtor_number"] == "101"
    await world.client.put(
        f"/v1/number-ranges/{administration}", json={"shared_number_space": False}, headers=world.headers()
    )
    await world.set_range(administration, 100, 105, fill_gaps=True)
    other = await world.make(debtor_id=fresh(), administration=administration)
    assert (await world.press(other["debtor_id"])).json()["debtor_number"] == "100", (
        "two lists, two relations"
    )


async def test_an_event_for_an_unknown_debtor_waits_and_goes_on_when_the_card_comes(world: World) -> None:
    administration = await numbered_world(world)
    debtor_id = fresh()
    await world.publish(sale(debtor_id), invoice(debtor_id))
    waiting = await eventually(lambda: world.waiting(debtor_id))
    assert len(waiting) == 1, "the same wish waits once"
    assert debtor_id in waiting[0]["reason"]
    made = await world.make(debtor_id=debtor_id, administration=administration)
    assert made["debtor_number"] == "100", "the number is there as soon as the card is"
    assert await world.waiting(debtor_id) == []
    assert [e.revision for e in await world.told(debtor_id, at_least=2)] == [1, 2]


async def test_who_is_sold_to_becomes_a_debtor(world: World) -> None:
    administration = await numbered_world(world)
    made = await world.make(debtor_id=fresh(), administration=administration, kinds=["creditor"])
    await world.publish(sale(made["debtor_id"]))
    await world.number_comes(made["debtor_id"])
    assert (await world.card(made["debtor_id"]))["kinds"] == ["debtor", "creditor"]


async def test_a_malformed_event_is_put_aside_and_hinders_nobody(world: World) -> None:
    administration = await numbered_world(world)
    made = await world.make(debtor_id=fresh(), administration=administration)
    producer = world.kafka.producer()
    await producer.start()
    for value, headers in (
        (b"{", []), (None, []), (b"\x00\xff", [("ce_id", b"\xff")]), (b'{"debtor_id": 5}', [("ce_type", None)]),
    ):  # fmt: skip
        await producer.send_and_wait(
            world.kafka.topic("sale.completed"), value, key=made["debtor_id"].encode(), headers=headers
        )
    await producer.stop()
    await world.publish(sale(made["debtor_id"]))
    assert await world.number_comes(made["debtor_id"])
    letters = await read_topic(world.kafka, "sale.completed.debtor-service.dlq", at_least=4)
    assert all(letter.key == made["debtor_id"].encode() for letter in letters)


async def test_a_replay_of_everything_changes_nothing_and_tells_nobody(own_world: World) -> None:
    world = own_world
    await world.set_range("main", 1, 500)
    ids = [fresh() for _ in range(20)]
    for debtor_id in ids:
        await world.make(debtor_id=debtor_id)
    events = [sale(i) for i in ids] + [invoice(i) for i in ids]
    records = await publish(world.kafka, *events)
    before = {i: await world.number_comes(i) for i in ids}
    for topic in ("sale.completed", "invoice.created"):
        await all_consumed(world.kafka, "debtor-service", topic)
    told = len(await read_topic(world.kafka, "debtor.changed", at_least=40))
    assert told == 40

    await publish(world.kafka, *records)
    await publish(world.kafka, *[sale(i, revision=2) for i in ids])
    for topic in ("sale.completed", "invoice.created"):
        await all_consumed(world.kafka, "debtor-service", topic)
    assert {i: (await world.card(i))["debtor_number"] for i in ids} == before
    assert {(await world.card(i))["revision"] for i in ids} == {2}
    marker = await world.make(debtor_id=fresh())
    await world.told(marker["debtor_id"])
    assert len(await read_topic(world.kafka, "debtor.changed")) == 41


async def test_two_replicas_share_the_work_without_doubles_and_keep_the_order(own_world: World) -> None:
    world = own_world
    await world.set_range("main", 1, 500)
    async with start_world(world.database_url, world.kafka) as twin:
        ids = [fresh() for _ in range(20)]
        worlds = [world, twin]
        await asyncio.gather(*(worlds[n % 2].publish(sale(i), invoice(i)) for n, i in enumerate(ids)))
        for n, debtor_id in enumerate(ids):
            await worlds[n % 2].make(debtor_id=debtor_id)
        numbers = [int(await world.number_comes(i)) for i in ids]
        assert sorted(numbers) == list(range(1, 21))
        for turn in range(3):
            for debtor_id in ids[:10]:
                saved = await worlds[turn % 2].card(debtor_id)
                assert (await worlds[turn % 2].save(saved, name=f"Beurt {turn}")).status_code == 200
        records = await read_topic(world.kafka, "debtor.changed", at_least=2 * len(ids) + 30)
        for debtor_id in ids[:10]:
            told = [
                DebtorChanged.model_validate_json(r.value) for r in records if r.key == debtor_id.encode()
            ]
            assert [event.revision for event in told] == [1, 2, 3, 4, 5]


async def test_what_was_not_woken_is_found_by_the_stragglers_worker(own_world: World) -> None:
    from klokwerk.database import Database
    from klokwerk.parked import Parked, park

    world = own_world
    await world.set_range("main", 1, 500)
    made = await world.make(debtor_id=fresh())
    database = Database(world.database_url)
    async with database.transaction() as connection:
        await park(
            connection,
            Parked(
                natural_key=f"number:debtor:{made['debtor_id']}",
                waits_for=f"debtor:{made['debtor_id']}",
                kind="number wanted",
                body={"debtor_id": made["debtor_id"], "kind": "debtor", "trigger": "sale.completed"},
                reason="its card was being made at that moment",
                parked_at=sale("x").completed_at,
            ),
        )
    await database.close()
    assert await world.number_comes(made["debtor_id"]) == "1"


async def test_a_thousand_cards_at_once_are_told_in_full_and_wake_what_waits_for_them(
    own_world: World,
) -> None:
    world = own_world
    await world.set_range("main", 1, 500)
    await world.publish(sale("bulk-777"))
    await eventually(lambda: world.waiting("bulk-777"))
    lines = "".join(f"bulk-{i};Bloemist {i}\n" for i in range(1200))
    answer = await world.client.post(
        "/v1/debtors/import", content=f"debtor_id;name\n{lines}".encode(), headers=world.headers()
    )
    assert answer.json()["created"] == 1200, answer.text
    assert (await world.card("bulk-777"))["debtor_number"] == "1"
    records = await read_topic(world.kafka, "debtor.changed", at_least=1201)
    assert {r.key for r in records} == {f"bulk-{i}".encode() for i in range(1200)}
