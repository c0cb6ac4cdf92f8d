"""What other systems publish: recorded once, in whatever order it comes, shown while it waits."""

from __future__ import annotations

from datetime import timedelta

from klokwerk.testing import all_consumed, eventually, publish, read_topic
from klokwerk_contracts import InvoiceDispatchChanged, SaleCompleted, record_of
from klokwerk_contracts.invoice_created import InvoiceCreated
from sales_world import (
    MONDAY,
    NOON,
    WEBSHOP,
    World,
    card,
    foreign_sale,
    line,
    sold_line,
    start_world,
)

GROUP = "sales-service"


def foreign_invoice(world: World, debtor_id: str, number: str, invoice_id: str) -> InvoiceCreated:
    """An invoice that another system issued."""
    party = {"name": "Webwinkel", "address": {"country": "NL"}}
    return InvoiceCreated.model_validate(
        {
            "invoice_id": invoice_id,
            "invoice_number": number,
            "source": "interface",
            "debtor_id": debtor_id,
            "issue_date": str(MONDAY),
            "seller": party,
            "buyer": {**party, "name": "=cmd|' /C calc'!A0"},
            "lines": [
                {
                    "line_id": "1",
                    "name": "Tulp",
                    "quantity": "100",
                    "price": "0.10",
                    "net_amount": "10.00",
                    "vat_percent": "9",
                }
            ],
            "vat": [{"category": "S", "percent": "9", "taxable": "10.00", "tax": "0.90"}],
            "totals": {"net": "10.00", "vat": "0.90", "gross": "10.90", "payable": "10.90"},
            "created_at": NOON.isoformat(),
        }
    )


async def _rows(world: World) -> list:
    tables = ("debtors", "distributions", "sale_lines", "invoices", "invoice_lines", "invoice_dispatches")
    found = []
    for table in tables:
        found.append(await world.sql(f"select to_jsonb(t)::text from {table} t order by 1"))
    return found


async def test_a_sale_of_another_system_is_listed_with_its_source_and_can_be_resent(world: World) -> None:
    debtor = await world.debtor()
    await world.publish(foreign_sale(debtor.debtor_id, sold_line("W-1"), sold_line("W-2", units=2)))

    async def listed() -> dict:
        found = await world.get(f"/days/{MONDAY}/debtors", params={"q": debtor.debtor_id})
        return next(iter(found.json()["items"]), {})

    row = await eventually(listed)
    assert (row["source"], row["lines"], row["total"]) == (WEBSHOP, 2, "537.60")
    assert (row["complete"], row["revision"]) == (True, 1)
    answer = await world.post(f"/days/{MONDAY}/debtors/{debtor.debtor_id}/resend", {})
    assert answer.status_code == 202
    (event,) = await world.events("ekt.resend.requested", debtor.debtor_id, at_least=1)
    assert event["sale_revision"] == 1
    assert await world.events("sale.completed", debtor.debtor_id) == []
    # It is corrected where it is kept.
    own = await world.post(f"/days/{MONDAY}/lines", {"debtor_id": debtor.debtor_id, "lines": [line()]})
    assert own.status_code == 409
    assert WEBSHOP in own.json()["errors"][0]["message"]


async def test_revisions_that_come_out_of_order_leave_the_newest(world: World) -> None:
    debtor = await world.debtor()
    newest = foreign_sale(debtor.debtor_id, sold_line("W-2", units=7), revision=3)
    await world.publish(newest)
    await world.publish(
        foreign_sale(debtor.debtor_id, sold_line("W-1")),
        foreign_sale(debtor.debtor_id, sold_line("W-1"), sold_line("W-2"), revision=2),
    )
    await all_consumed(world.kafka, GROUP, SaleCompleted.TOPIC)
    shown = await world.day(debtor.debtor_id)
    assert shown["revision"] == 3
    assert [(entry["line_id"], entry["units"]) for entry in shown["lines"]] == [("W-2", 7)]


async def test_events_for_an_unknown_debtor_wait_visibly_and_go_on_when_the_card_comes(world: World) -> None:
    late = card()
    await world.publish(
        foreign_sale(late.debtor_id, sold_line(units=1)),
        foreign_sale(late.debtor_id, sold_line(units=2), revision=2),
        foreign_invoice(world, late.debtor_id, f"W-{late.debtor_id}", f"inv-{late.debtor_id}"),
    )

    async def waiting() -> list:
        items = (await world.get("/waiting", params={"limit": 200})).json()["items"]
        mine = [item for item in items if item["waits_for"] == f"debtor:{late.debtor_id}"]
        return mine if len(mine) == 3 else []

    items = await eventually(waiting)
    assert {item["kind"] for item in items} == {"sale.completed", "invoice.created"}
    assert all(item["source"] == WEBSHOP and late.debtor_id in item["reason"] for item in items)
    counts = {entry["name"]: entry for entry in (await world.get("/summary")).json()["counts"]}
    assert counts["waiting"]["value"] >= 3
    assert counts["waiting"]["state"] == "warn"

    await world.know(late)
    shown = await world.day(late.debtor_id)
    assert (shown["revision"], shown["lines"][0]["units"]) == (2, 2)
    invoice = (await world.get(f"/invoices/inv-{late.debtor_id}")).json()
    assert invoice["number"] == f"W-{late.debtor_id}"
    assert await waiting() == []


async def test_NV_13_an_invoice_of_another_program_is_recorded_with_number_and_source(
    world: World,
) -> None:
    debtor = await world.debtor()
    event = foreign_invoice(world, debtor.debtor_id, f"W-{debtor.debtor_id}", f"inv-{debtor.debtor_id}")
    await world.publish(event)

    async def known() -> bool:
        return (await world.get(f"/invoices/{event.invoice_id}")).status_code == 200

    await eventually(known)
    shown = (await world.get(f"/invoices/{event.invoice_id}")).json()
    assert (shown["state"], shown["number"], shown["source"]) == ("final", event.invoice_number, "interface")
    assert shown["origin"] == WEBSHOP
    assert shown["document"] == event.model_dump(mode="json")
    own = await world.finalised(debtor.debtor_id, source="rebilled")
    assert own["source"] == "rebilled"
    (told,) = await world.events("invoice.created", debtor.debtor_id, at_least=1)
    assert told["source"] == "rebilled"
    # A name that a spreadsheet would run as a formula is made inert.
    exported = await world.get("/invoices.csv", params={"debtor_id": debtor.debtor_id})
    assert "'=cmd|" in exported.text
    assert exported.text.count("\r\n") == 3


async def test_a_clash_is_dead_lettered_with_the_reason_and_its_neighbours_are_taken(world: World) -> None:
    ours, theirs = await world.debtor(), await world.debtor()
    await world.sell(ours.debtor_id)
    before = await world.day(ours.debtor_id)
    await world.publish(foreign_sale(ours.debtor_id, revision=9), foreign_sale(theirs.debtor_id))
    dead = f"{SaleCompleted.TOPIC}.{GROUP}.dlq"

    async def buried() -> str:
        records = [
            record for record in await read_topic(world.kafka, dead) if record.key == ours.debtor_id.encode()
        ]
        return dict(records[0].headers)["dlq_detail"].decode() if records else ""

    assert "is kept by /sales-service" in await eventually(buried)
    assert await world.day(ours.debtor_id) == before

    async def taken() -> bool:
        return (await world.day(theirs.debtor_id))["revision"] == 1

    await eventually(taken)


async def test_an_invoice_number_is_taken_once_from_each_system(world: World) -> None:
    debtor = await world.debtor()
    first = foreign_invoice(world, debtor.debtor_id, f"N-{debtor.debtor_id}", f"a-{debtor.debtor_id}")
    second = foreign_invoice(world, debtor.debtor_id, f"N-{debtor.debtor_id}", f"b-{debtor.debtor_id}")
    await world.publish(first)
    await world.publish(second)
    dead = f"{InvoiceCreated.TOPIC}.{GROUP}.dlq"

    async def buried() -> str:
        found = [
            dict(record.headers)["dlq_detail"].decode()
            for record in await read_topic(world.kafka, dead)
            if record.key == debtor.debtor_id.encode()
        ]
        return found[0] if found else ""

    assert "a number is given once" in await eventually(buried)
    assert (await world.get(f"/invoices/{second.invoice_id}")).status_code == 404


async def test_dispatch_states_are_shown_on_invoices_also_when_they_come_first(world: World) -> None:
    debtor = await world.debtor()
    invoice_id = f"inv-{debtor.debtor_id}"

    def told(revision: int, state: str) -> InvoiceDispatchChanged:
        return InvoiceDispatchChanged(
            dispatch_id="X",
            invoice_id=invoice_id,
            debtor_id=debtor.debtor_id,
            revision=revision,
            state=state,
            channel="email",
            message=f"it is {state}",
            changed_at=NOON + timedelta(minutes=revision),
        )

    await world.publish(told(2, "sent"), told(1, "sending"), source="/dispatch-service")
    await all_consumed(world.kafka, GROUP, InvoiceDispatchChanged.TOPIC)
    await world.publish(foreign_invoice(world, debtor.debtor_id, f"W-{debtor.debtor_id}", invoice_id))

    async def shown() -> dict:
        found = await world.get("/invoices", params={"dispatch": "sent", "debtor_id": debtor.debtor_id})
        return next(iter(found.json()["items"]), {})

    row = await eventually(shown)
    assert row["dispatch"]["state"] == "sent"
    assert (row["dispatch"]["channel"], row["dispatch"]["message"]) == ("email", "it is sent")


async def test_FA_56_FA_57_FA_61_what_a_merged_card_had_comes_under_its_target(world: World) -> None:
    target, removed = await world.debtor(), await world.debtor()
    tuesday = MONDAY + timedelta(days=1)
    await world.sell(target.debtor_id, line(line_id="L-1"))
    await world.sell(removed.debtor_id, line(line_id="L-1", units=1), line(line_id="L-2", units=2))
    await world.sell(removed.debtor_id, line(line_id="T-1"), day=tuesday)
    invoice = await world.finalised(removed.debtor_id)
    await world.publish(
        card(removed.debtor_id, revision=2, state="merged", merged_into=target.debtor_id),
        source="/debtor-service",
    )

    async def moved() -> bool:
        return (await world.day(removed.debtor_id, tuesday))["debtor_id"] == target.debtor_id

    await eventually(moved)
    both = await world.day(target.debtor_id)
    assert sorted(entry["units"] for entry in both["lines"]) == [1, 2, 10]
    assert (both["complete"], both["revision"]) == (True, 2)
    told = (await world.events("sale.completed", target.debtor_id, at_least=2))[-1]
    assert len(told["lines"]) == 3
    assert (await world.day(target.debtor_id, tuesday))["revision"] == 1
    shown = (await world.get(f"/invoices/{invoice['invoice_id']}")).json()
    assert shown["debtor_id"] == target.debtor_id
    assert shown["document"] == invoice["document"]
    assert shown["document"]["buyer"]["name"] == removed.name
    turnover = (await world.get(f"/debtors/{target.debtor_id}/turnover")).json()
    assert (turnover["net"], turnover["documents"]) == ("448.00", 1)
    # Whoever still asks for the old card gets the new one, and sells to it.
    await world.sell(removed.debtor_id, line(line_id="L-9"))
    assert len((await world.day(target.debtor_id))["lines"]) == 4


async def test_all_topics_once_more_change_nothing(world: World) -> None:
    debtor = await world.debtor()
    await world.sell(debtor.debtor_id)
    await world.finalised(debtor.debtor_id)
    await world.publish(
        foreign_sale(debtor.debtor_id, day=MONDAY + timedelta(days=2)),
        foreign_invoice(world, debtor.debtor_id, f"R-{debtor.debtor_id}", f"r-{debtor.debtor_id}"),
    )
    topics = ("debtor.changed", "sale.completed", "invoice.created", "invoice.dispatch.changed")
    for topic in topics:
        await all_consumed(world.kafka, GROUP, topic)
    before = await _rows(world)
    sent = {topic: len(await read_topic(world.kafka, topic)) for topic in (*topics, "ekt.resend.requested")}
    for topic in topics:
        producer = world.kafka.producer()
        await producer.start()
        records = await read_topic(world.kafka, topic)
        for record in records:
            await producer.send_and_wait(
                world.kafka.topic(f"{topic}.{GROUP}.replay"),
                record.value,
                key=record.key,
                headers=list(record.headers),
            )
        await producer.stop()
        await all_consumed(world.kafka, GROUP, f"{topic}.{GROUP}.replay")
    assert await _rows(world) == before
    assert await world.sql("select count(*) from outbox") == [(0,)]
    for topic, count in sent.items():
        assert len(await read_topic(world.kafka, topic)) == count


async def test_two_replicas_share_the_work_and_keep_each_debtors_order(
    world: World, database_url: str
) -> None:
    async with start_world(database_url, world.kafka, world.issuer) as second:
        debtors = [await world.debtor() for _ in range(6)]
        for revision in range(1, 6):
            await publish(
                world.kafka,
                *[
                    record_of(
                        foreign_sale(one.debtor_id, sold_line(units=revision), revision=revision),
                        source=WEBSHOP,
                    )
                    for one in debtors[:3]
                ],
            )
        for one in debtors[3:]:
            (line_id,) = await world.sell(one.debtor_id)
            for n, replica in enumerate([second, world, second, world]):
                path = f"/days/{MONDAY}/debtors/{one.debtor_id}/lines/{line_id}"
                answer = await replica.put(path, {"units": 20 + n})
                assert answer.json()["revision"] == 1 + n
                await world.told(second)
        for one in debtors[:3]:

            async def last(debtor_id: str = one.debtor_id) -> bool:
                return (await second.day(debtor_id))["revision"] == 5

            await eventually(last)
        for one in debtors[3:]:
            events = await world.events("sale.completed", one.debtor_id, at_least=5)
            assert [event["revision"] for event in events] == [1, 2, 3, 4, 5]
