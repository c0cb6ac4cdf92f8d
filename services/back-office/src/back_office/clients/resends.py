"""Resends of many debtors at once: the sales service asks for them, the EKT service has requirements of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pydantic import Field

from back_office.clients.ekts import Requirement
from back_office.clients.sale_shapes import LastSending, Missing
from back_office.clients.shapes import Page, Pin, Said, Shape, Words, at
from back_office.clients.transport import Caller

CHECKED_AT_ONCE = 500
MANY_SECONDS = 30.0
"""How long judging thousands of customers may take; ten thousand take about two seconds."""


class PreviewItem(Shape):
    """One debtor of a selection: what would be sent, or what stands in the way."""

    debtor_id: str
    debtor_number: Words = ""
    name: Words = ""
    lines: int = 0
    total: Decimal | None = None
    revision: int = 0
    can: bool = False
    missing: tuple[Missing, ...] = ()
    ekt: LastSending | None = None
    resends: int = 0
    warn: bool = False


class Preview(Page[PreviewItem]):
    """Everybody of the selection, of a long one the first; `count` and `digest` tell which there are in all."""

    can: int = 0
    warned: int = 0
    count: int = 0
    digest: str = ""

    @property
    def whole(self) -> bool:
        """Whether everybody is shown."""
        return self.count <= len(self.items)

    @property
    def pin(self) -> Pin:
        """What a person confirms who does not see them all."""
        return Pin(count=self.count, digest=self.digest)


class EktCheck(Shape):
    """What the EKT service would need for one debtor, and where a file would go."""

    debtor_id: str
    can_resend: bool = False
    missing: tuple[Requirement, ...] = ()
    warnings: tuple[Requirement, ...] = ()
    method: Words = ""
    recipient: Said = ""


class BatchAsked(Shape):
    """What was asked for with one click."""

    batch_id: str
    asked: int = 0
    skipped: int = 0


class BatchEntry(Shape):
    """One debtor of a batch."""

    debtor_id: str
    debtor_number: Words = ""
    name: Words = ""
    state: Words = ""
    message: Said = ""
    recipient: Said = ""
    at: datetime | None = None


class LeftOut(Shape):
    """A debtor to whom nothing was sent."""

    debtor_id: str
    debtor_number: Words = ""
    name: Words = ""
    missing: tuple[Missing, ...] = ()


class Batch(Shape):
    """How a batch stands."""

    batch_id: str
    order_day: date
    asked_by: Words = ""
    asked_at: datetime | None = None
    reason: Words = ""
    note: Words = ""
    over: bool = False
    counts: dict[str, int] = Field(default_factory=dict)
    items: tuple[BatchEntry, ...] = ()
    next: str | None = None
    skipped: tuple[LeftOut, ...] = ()
    skipped_count: int = 0
    waiting: int = 0

    @property
    def left_out(self) -> int:
        """How many nothing was sent to; the first of them are named."""
        return max(self.skipped_count, len(self.skipped))


class BatchLine(Shape):
    """One batch in the list of a day."""

    batch_id: str
    asked_by: Words = ""
    asked_at: datetime | None = None
    asked: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Who:
    """Of which customers EKTs are sent again.

    Attributes:
        ids: those that were ticked; without any the others count.
        query: all that the list shows with this filter; none for all whose last sending failed.
    """

    ids: tuple[str, ...] = ()
    query: Mapping[str, str] | None = None

    def body(self) -> dict[str, Any]:
        """As the service takes it."""
        if self.ids:
            return {"debtor_ids": list(self.ids)}
        if self.query is None:
            return {}
        return {
            "matching": {
                name: [value] if name == "ekt" else value for name, value in self.query.items() if value
            }
        }


class ResendsClient:
    """Asks for resends of many debtors and follows them."""

    def __init__(self, sales: Caller, ekts: Caller) -> None:
        self._sales = sales
        self._ekts = ekts

    async def preview(self, day: date, who: Who) -> Preview:
        """Who would get what."""
        path = at("days", day.isoformat(), "resend-preview")
        return (await self._sales.send("POST", path, Preview, who.body(), seconds=MANY_SECONDS)).value

    async def check(self, day: date, ids: Sequence[str]) -> dict[str, EktCheck]:
        """What the EKT service would need for each."""
        path = at("days", day.isoformat(), "resend-check")
        found: dict[str, EktCheck] = {}
        for start in range(0, len(ids), CHECKED_AT_ONCE):
            body = {"debtor_ids": list(ids[start : start + CHECKED_AT_ONCE])}
            answer = await self._ekts.send("POST", path, Page[EktCheck], body)
            found |= {check.debtor_id: check for check in answer.value.items}
        return found

    async def ask(
        self, day: date, who: Who, *, told: Pin | None, reason: str, note: str, once: str
    ) -> BatchAsked:
        """Send them again; those of a filter as they were told."""
        body = {**who.body(), "reason": reason or "unsaid", "note": note}
        if told is not None and not who.ids:
            body["pin"] = told.model_dump()
        path = at("days", day.isoformat(), "resends")
        return (await self._sales.send("POST", path, BatchAsked, body, once=once, seconds=MANY_SECONDS)).value

    async def batch(self, batch_id: str, cursor: str | None = None) -> Batch:
        """How they stand."""
        return (await self._sales.get(at("resend-batches", batch_id), Batch, {"cursor": cursor})).value

    async def of_day(self, day: date) -> tuple[BatchLine, ...]:
        """Batches of a day, newest first."""
        path = at("days", day.isoformat(), "resend-batches")
        return (await self._sales.get(path, Page[BatchLine])).value.items
