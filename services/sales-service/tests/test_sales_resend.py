"""Resend EKT: what is asked for, what the request carries, and that it changes nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from klokwerk.testing import eventually
from klokwerk_contracts import EktDeliveryChanged
from sales_world import MONDAY, NOON, World, card, line


def resend_path(debtor_id: str) -> str:
    return f"/days/{MONDAY}/debtors/{debtor_id}/resend"


async def test_D_22_a_resend_carries_the_revision_of_the_corrected_distribution(world: World) -> None:
    debtor = await world.debtor()
    (line_id,) = await world.sell(debtor.debtor_id)
    await world.put(f"/days/{MONDAY}/debtors/{debtor.debtor_id}/lines/{line_id}", {"pieces_per_unit": 60})
    answer = await world.post(resend_path(debtor.debtor_id), {"reason": "corrected", "note": "10 x 60"})
    assert answer.status_code == 202
    assert answer.json()["sale_revision"] == 2
    (event,) = await world.events("ekt.resend.requested", debtor.debtor_id, at_least=1)
    assert event["request_id"] == answer.json()["request_id"]
    assert (event["sale_revision"], event["order_day"]) == (2, str(MONDAY))
    assert (event["requested_by"], event["reason"], event["note"]) == ("Anna", "corrected", "10 x 60")
    (asked,) = (await world.day(debtor.debtor_id))["resends"]
    assert asked["request_id"] == event["request_id"]


async def test_EF_06_a_resend_changes_neither_the_sale_nor_an_invoice(world: World) -> None:
    debtor = await world.debtor()
    await world.sell(debtor.debtor_id)
    invoice = await world.finalised(debtor.debtor_id)
    before = await world.day(debtor.debtor_id)
    await world.post(resend_path(debtor.debtor_id), {})
    after = await world.day(debtor.debtor_id)
    assert {**after, "resends": []} == {**before, "resends": []}
    assert (await world.get(f"/invoices/{invoice['invoice_id']}")).json() == invoice
    assert len(await world.events("sale.completed", debtor.debtor_id)) == 1


async def test_EF_05_EF_63_a_resend_is_refused_while_use_ekts_is_off(world: World) -> None:
    debtor = await world.debtor(use_ekts=False)
    await world.sell(debtor.debtor_id)
    shown = (await world.day(debtor.debtor_id))["can_resend"]
    assert shown["visible"] is False
    assert [gap["rule"] for gap in shown["missing"]] == ["EF-63"]
    answer = await world.post(resend_path(debtor.debtor_id), {})
    assert answer.status_code == 409
    (problem,) = answer.json()["errors"]
    assert problem["code"] == "EF-63"
    assert problem["link"] == f"/debtors/{debtor.debtor_id}/configuration"
    # EF-43: ticked and saved, it works.
    await world.know(card(debtor.debtor_id, revision=2, name=debtor.name))
    assert (await world.day(debtor.debtor_id))["can_resend"] == {"visible": True, "missing": []}
    assert (await world.post(resend_path(debtor.debtor_id), {})).status_code == 202
    assert len(await world.events("ekt.resend.requested", debtor.debtor_id, at_least=1)) == 1


async def test_EF_69_a_resend_needs_a_distribution(world: World) -> None:
    debtor = await world.debtor()
    answer = await world.post(resend_path(debtor.debtor_id), {})
    assert answer.status_code == 409
    assert [problem["code"] for problem in answer.json()["errors"]] == ["EF-69"]
    assert (await world.get(f"/days/{MONDAY}/debtors/NOBODY")).status_code == 404


async def test_EF_70_EF_71_a_resend_names_everything_that_is_missing_line_by_line(world: World) -> None:
    debtor = await world.debtor()
    bare = {"line_id": "B-1", "units": 5, "price": None, "article": {"name": "LILY"}}
    await world.sell(debtor.debtor_id, line(line_id="A-1"), bare, allocate=False)
    answer = await world.post(resend_path(debtor.debtor_id), {})
    assert answer.status_code == 409
    found = {(problem["code"], problem["field"]) for problem in answer.json()["errors"]}
    assert found == {
        ("EF-70", "lines.A-1.allocated"),
        ("EF-70", "lines.B-1.allocated"),
        ("EF-71", "lines.B-1.vbn_code"),
        ("EF-71", "lines.B-1.packing"),
        ("EF-71", "lines.B-1.pieces_per_unit"),
        ("EF-71", "lines.B-1.price"),
    }
    assert all(problem["cure"] for problem in answer.json()["errors"])
    shown = await world.day(debtor.debtor_id)
    assert shown["can_resend"]["visible"] is True
    assert {gap["field"] for gap in shown["lines"][1]["missing"]} >= {"vbn_code", "price"}
    assert await world.events("ekt.resend.requested", debtor.debtor_id) == []


async def test_one_click_that_arrives_many_times_asks_once(world: World) -> None:
    debtor = await world.debtor()
    await world.sell(debtor.debtor_id)
    key = {"Idempotency-Key": f"click-{debtor.debtor_id}"}
    answers = await asyncio.gather(
        *[world.post(resend_path(debtor.debtor_id), {}, headers=key) for _ in range(8)]
    )
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["request_id"] for answer in answers}) == 1
    assert len(await world.events("ekt.resend.requested", debtor.debtor_id)) == 1
    # Without a key each click is a request of its own: there is no limit.
    await world.post(resend_path(debtor.debtor_id), {})
    assert len(await world.events("ekt.resend.requested", debtor.debtor_id)) == 2


async def test_EF_04_the_last_state_of_the_ekt_is_shown_and_never_blocks_a_resend(world: World) -> None:
    debtor = await world.debtor()
    await world.sell(debtor.debtor_id)

    def told(ekt_id: str, revision: int, state: str, minutes: int) -> EktDeliveryChanged:
        return EktDeliveryChanged(
            ekt_id=ekt_id,
            debtor_id=debtor.debtor_id,
            order_day=MONDAY,
            revision=revision,
            trigger="first",
            state=state,
            message=f"{state} at {minutes}",
            changed_at=NOON + timedelta(minutes=minutes),
        )

    name = f"E-{debtor.debtor_id}"
    # Newest first on the wire: an older state that comes later is left alone.
    await world.publish(told(name, 3, "failed", 3), source="/ekt-service")
    await world.publish(told(name, 1, "planned", 1), told(name, 2, "sending", 2), source="/ekt-service")

    async def shown() -> bool:
        ekt = (await world.day(debtor.debtor_id))["ekt"]
        return bool(ekt and ekt["state"] == "failed")

    await eventually(shown)
    rows = (await world.get(f"/days/{MONDAY}/debtors", params={"q": debtor.debtor_id})).json()["items"]
    assert rows[0]["ekt"]["message"] == "failed at 3"
    assert (await world.post(resend_path(debtor.debtor_id), {})).status_code == 202
    for revision, state in enumerate(("sent", "unknown", "planned"), start=4):
        await world.publish(told(name, revision, state, revision), source="/ekt-service")

        async def now_shown(state: str = state) -> bool:
            return bool((await world.day(debtor.debtor_id))["ekt"]["state"] == state)

        await eventually(now_shown)
        assert (await world.post(resend_path(debtor.debtor_id), {})).status_code == 202
