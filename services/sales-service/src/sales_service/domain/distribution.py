"""The distribution of one debtor and order day: totals, snapshot, and when a new revision is published."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from klokwerk_contracts.sale_completed import Correction, SaleCompleted
from klokwerk_contracts.types import Money

from sales_service.domain.completeness import missing
from sales_service.domain.lines import CURRENCY, Line, to_contract

MAX_LINES = 5000
"""Lines that one ``sale.completed`` can hold."""


@dataclass(frozen=True, slots=True)
class Published:
    """What the world knows of a distribution: its last revision and the digest of that one's lines."""

    revision: int
    digest: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a distribution stands after a change.

    Attributes:
        line_count: lines sold.
        allocated_count: lines that are allocated in full.
        goods_total: sum of pieces x units x price, unrounded.
        missing_count: things that are missing; 0 means complete.
        publish: revision to publish now; none when the world already knows, or may not know yet.
        digest: digest of the lines to publish; empty without `publish`.
    """

    line_count: int
    allocated_count: int
    goods_total: Decimal
    missing_count: int
    publish: int | None
    digest: str

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return self.missing_count == 0


def snapshot_digest(lines: Sequence[Line]) -> str:
    """SHA-256 of what the world would be told: the same for the same lines, in whatever order they stand
    and however many zeros end their prices.
    """
    told = [to_contract(_normal(line)).model_dump(mode="json") for line in lines]
    told.sort(key=lambda entry: str(entry["line_id"]))
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _normal(line: Line) -> Line:
    def shortest(amount: Decimal | None) -> Decimal | None:
        return None if amount is None else amount.normalize() + 0

    return replace(
        line,
        price=shortest(line.price),
        customer_price=shortest(line.customer_price),
        packing_price=shortest(line.packing_price),
    )


def standing(lines: Sequence[Line], published: Published | None) -> Standing:
    """Judge the lines of one debtor and day after a change (D-03, D-21).

    A first completion is published as revision 1, a changed completed distribution with the next
    revision, an unchanged one not at all. A completed one that became incomplete waits until it is
    complete again. One whose last line was removed is published without lines: the sale is void.
    """
    gaps = missing(lines)
    publish: int | None = None
    digest = ""
    void = not lines and published is not None
    if not gaps or void:
        digest = snapshot_digest(lines)
        if published is None:
            publish = 1
        elif published.digest != digest:
            publish = published.revision + 1
    return Standing(
        line_count=len(lines),
        allocated_count=sum(1 for line in lines if line.allocated == line.units),
        goods_total=sum((line.amount for line in lines), start=Decimal(0)),
        missing_count=len(gaps),
        publish=publish,
        digest=digest if publish else "",
    )


def sale_completed(
    *,
    administration: str,
    debtor_id: str,
    order_day: date,
    revision: int,
    lines: Sequence[Line],
    completed_at: datetime,
    by: str,
    reason: str,
) -> SaleCompleted:
    """The event of one revision; from revision 2 on it says who changed it and why."""
    total = sum((line.amount for line in lines), start=Decimal(0))
    return SaleCompleted(
        administration=administration,
        debtor_id=debtor_id,
        order_day=order_day,
        revision=revision,
        completed_at=completed_at,
        lines=tuple(to_contract(line) for line in lines),
        goods_total=Money(amount=total.quantize(Decimal("0.000001")).normalize() + 0, currency=CURRENCY),
        correction=Correction(by=by, reason=reason) if revision > 1 else None,
    )
