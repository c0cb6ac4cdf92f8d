"""Two cards of one customer become one, and every service brings what it has under the card that is left."""

from __future__ import annotations

from typing import Any

import pytest
from klokwerk_platform.demo.doors import StepFailedError, until
from klokwerk_platform.demo.steps.accounting import fetch

pytestmark = pytest.mark.system
TRANSPORT = {"name": "Vervoer", "quantity": "1", "price": "25.00"}


async def merge(world, removed: str, target: str) -> dict[str, Any]:
    """Look at the preview, then confirm it."""
    shown = await world.doors.get("debtor-service", f"/debtors/{removed}/merge-preview", into=target)
    assert "can't be undone" in shown["warning"]
    answer = await world.doors.ask(
        "debtor-service",
        "POST",
        f"/debtors/{removed}/merge",
        json={"into": target, "into_revision": shown["target"]["revision"], "confirm": True},
        revision=f'"{shown["removed"]["revision"]}"',
    )
    return dict(answer.json())


async def document(world, invoice_id: str) -> tuple[dict[str, Any], bytes]:
    """An invoice as the sales service has it, and the PDF that was sent."""
    shown = await world.doors.get("sales-service", f"/invoices/{invoice_id}")
    shown.pop("dispatch", None)
    pdf = await world.doors.ask("dispatch-service", "GET", f"/invoices/{invoice_id}/documents/pdf")
    return shown, pdf.content


async def test_FA_52_FA_56_FA_57_documents_of_the_removed_card_come_under_the_target_as_they_were(world):
    removed, target = await world.debtor("Jansen (oud)"), await world.debtor("Jansen Bloemen")
    await world.sell(removed)
    await world.ekt_sent(removed)
    issued = (await world.invoice(removed, lines=[TRANSPORT]))["invoice_id"]
    await world.invoice(target, lines=[TRANSPORT])
    old_number, new_number = await world.number(removed), await world.number(target)
    await world.dispatch(issued, "waiting")
    await world.send_invoice(issued)
    await world.dispatch(issued, "sent")
    before, paper = await document(world, issued)

    async def listed() -> bool:
        return removed in {line["debtor_id"] for line in await fetch(world.play, "main", "debtors")}

    await until("the superfluous card is on the bookkeeper's list", listed)

    await merge(world, removed, target)

    async def moved() -> bool:
        return bool((await document(world, issued))[0]["debtor_id"] == target)

    await until("the invoice is the target's", moved)
    after, same_paper = await document(world, issued)
    assert {name for name in before if before[name] != after[name]} == {"debtor_id"}
    assert same_paper == paper

    async def sold_to_target() -> bool:
        return bool((await world.sale(target))["lines"])

    await until("the sale of the day is the target's", sold_to_target)

    async def log_moved() -> bool:
        return [ekt["state"] for ekt in await world.ekts(target)] == ["sent"]

    await until("the EKT log is the target's", log_moved)
    assert len(await world.mailed(removed)) == 1, "nothing is sent again"
    assert (await world.card_of(target))["debtor_number"] == new_number
    assert (await world.card_of(removed))["debtor_number"] == old_number

    async def told_to_the_bookkeeper() -> bool:
        lines = {line["debtor_id"]: line for line in await fetch(world.play, "main", "debtors")}
        return lines.get(removed, {}).get("merged_into") == target

    await until("the removed card's line says what it was merged into", told_to_the_bookkeeper)
    with pytest.raises(StepFailedError, match="409"):
        await world.change_card(removed, name="Toch nog")


async def test_a_sale_to_a_merged_card_gives_its_number_to_the_card_that_is_left(world):
    removed, target = await world.debtor(use_ekts=False), await world.debtor(use_ekts=False)
    await merge(world, removed, target)
    await world.all_read()
    await world.sell(removed)
    assert await world.number(target)
    assert (await world.card_of(removed))["debtor_number"] == ""
