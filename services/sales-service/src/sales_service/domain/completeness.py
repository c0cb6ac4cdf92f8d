"""The one predicate "complete distribution" (D-03), with the list of what is still missing.

Complete: every sold quantity is allocated, and every line has what the EKT needs. Nothing else in the
service decides this; whoever needs the answer asks `missing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sales_service.domain.lines import CURRENCY, Line


class Rule(StrEnum):
    """Requirement that is not met, by the number of its rule."""

    USE_EKTS = "EF-63"
    REACHABLE = "EF-64"
    NO_DISTRIBUTION = "EF-69"
    INCOMPLETE = "EF-70"
    DATA_MISSING = "EF-71"


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that keeps a distribution from being complete.

    Attributes:
        rule: requirement that is not met.
        line_id: line it is about; empty when it is about the whole day.
        label: product of that line, for people.
        field: name of the field to fill in, as in the API.
        message: what is wrong.
        cure: what to do about it.
        link: page where it is mended, where that is another one.
    """

    rule: Rule
    line_id: str
    label: str
    field: str
    message: str
    cure: str
    link: str = ""


NOTHING_SOLD = Missing(
    Rule.NO_DISTRIBUTION,
    "",
    "",
    "lines",
    "nothing is sold to this debtor on this day",
    "choose the day of the sale, or enter and allocate its lines",
)


def missing(lines: Sequence[Line]) -> tuple[Missing, ...]:
    """What `lines`, all lines of one debtor and day, lack; empty if and only if they are complete (D-03)."""
    if not lines:
        return (NOTHING_SOLD,)
    return tuple(gap for line in lines for gap in _missing_of(line))


def is_complete(lines: Sequence[Line]) -> bool:
    """Whether the distribution that `lines` make is complete (D-03)."""
    return not missing(lines)


def _missing_of(line: Line) -> Iterable[Missing]:
    def data(field: str, message: str, cure: str) -> Missing:
        return Missing(Rule.DATA_MISSING, line.line_id, line.label, field, message, cure)

    if line.allocated < line.units:
        yield Missing(
            Rule.INCOMPLETE,
            line.line_id,
            line.label,
            "allocated",
            f"{line.allocated} of {line.units} units are allocated",
            f"allocate the other {line.units - line.allocated} or lower the units sold",
        )
    if line.allocated > line.units:
        yield Missing(
            Rule.INCOMPLETE,
            line.line_id,
            line.label,
            "allocated",
            f"{line.allocated} units are allocated and only {line.units} are sold",
            f"take back {line.allocated - line.units} or raise the units sold",
        )
    if not line.name:
        yield data("name", "the product has no name", "fill in the name of the article")
    if not line.vbn_code:
        yield data("vbn_code", "the VBN product code is missing", "fill in the VBN code of the article")
    if not line.packing_code:
        yield data("packing", "the packing is missing", "fill in the VBN packing code, 999 for an own one")
    if not line.pieces_per_unit or line.pieces_per_unit < 1:
        yield data("pieces_per_unit", "the pieces per unit are missing", "fill in 1 or more")
    if line.units < 1:
        yield data("units", "no units are sold", "fill in 1 or more, or remove the line")
    if line.price is None:
        yield data("price", "the price is missing", "fill in the price of one piece")
    elif line.price < 0:
        yield data("price", "the price is below zero", "fill in 0 or more")
    if line.currency != CURRENCY:
        yield data("price", f"the price is in {line.currency}", "fill it in in EUR: an EKT knows euro only")
