"""The distribution of one debtor and order day: totals, snapshot, and when a new revision is published.

A first completion is told at once. Corrections of a completed one are gathered for a moment, so that ten quick
ones are told as one revision.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from klokwerk_contracts.sale_completed import Correction, SaleCompleted
from klokwerk_contracts.types import Money

from sales_service.domain.completeness import missing
from sales_service.domain.lines import CURRENCY, Line, to_contract

MAX_LINES = 5000
"""Lines that one ``sale.completed`` can hold."""


MOST_REASON = 200
"""Characters of the names and of the reasons that an event takes."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes a distribution, and why; both go along in the event."""

    by: str = ""
    reason: str = ""

    def with_(self, later: Author) -> Author:
        """Both as one, each name and reason once, in the order in which they came."""
        return Author(_together(self.by, later.by, ", "), _together(self.reason, later.reason, "; "))


def _together(before: str, now: str, joint: str) -> str:
    known = before.split(joint) if before else []
    return joint.join([*known, now] if now and now not in known else known)[:MOST_REASON]


@dataclass(frozen=True, slots=True)
class Pending:
    """Corrections that are not told yet.

    Attributes:
        due: when they are told.
        since: when the first of them was made.
        author: who made them, and why.
    """

    due: datetime
    since: datetime
    author: Author


@dataclass(frozen=True, slots=True)
class Window:
    """How long corrections are gathered before they are told as one revision.

    Attributes:
        quiet: after the last one; zero tells each at once.
        longest: after the first one, however quickly they follow one another.
    """

    quiet: timedelta
    longest: timedelta

    def gather(self, before: Pending | None, author: Author, now: datetime) -> Pending:
        """What waits after one more correction at `now`."""
        since = before.since if before else now
        # A clock that was set back must not put it off for longer than the window.
        since = min(since, now)
        together = before.author.with_(author) if before else author
        return Pending(min(now + self.quiet, since + self.longest), since, together)


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
        publish: revision that the world is to be told; none when it already knows, or may not know yet.
        digest: digest of the lines to publish; empty without `publish`.
        size: about how many bytes they take in an event; 0 without `publish`.
    """

    line_count: int
    allocated_count: int
    goods_total: Decimal
    missing_count: int
    publish: int | None
    digest: str
    size: int = 0

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return self.missing_count == 0


def snapshot_digest(lines: Sequence[Line]) -> str:
    """SHA-256 of what the world would be told: the same for the same lines, in whatever order they stand
    and however many zeros end their prices.
    """
    return _snapshot(lines)[0]


def _snapshot(lines: Sequence[Line]) -> tuple[str, int]:
    """The digest, and the length of what it was made of."""
    told = [to_contract(_normal(line)).model_dump(mode="json") for line in lines]
    told.sort(key=lambda entry: str(entry["line_id"]))
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest(), len(text)


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
    digest, size = "", 0
    void = not lines and published is not None
    if not gaps or void:
        digest, size = _snapshot(lines)
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
        size=size if publish else 0,
    )


def sale_completed(
    *,
    administration: str,
    debtor_id: str,
    order_day: date,
    revision: int,
    lines: Sequence[Line],
    completed_at: datetime,
    author: Author,
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
        correction=Correction(by=author.by[:MOST_REASON], reason=author.reason[:MOST_REASON])
        if revision > 1
        else None,
    )
