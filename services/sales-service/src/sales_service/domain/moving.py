"""Moving sold units from one debtor to another: what stays, what goes, and which identity each has."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from sales_service.domain.lines import Line

LONGEST_ID = 64


@dataclass(frozen=True, slots=True)
class Moved:
    """The two sides of a move.

    Attributes:
        left: what stays with the debtor it was sold to; none when the whole line went.
        gone: the line as the other debtor gets it.
    """

    left: Line | None
    gone: Line


def move(line: Line, units: int, new_id: str) -> Moved:
    """Take `units` of a line.

    A whole line keeps its id, transaction number and barcode: it is the same transaction for another buyer. A
    part is a transaction of its own: it gets `new_id`, and neither the number nor the barcode, which belong to
    the line that stays and would stand twice on one day. Units that are not allocated go first, so a line that
    was allocated in full is so on both sides. The first buyer's own reference, place and selling price stay behind.

    Raises:
        ValueError: fewer than one unit, or more than were sold.
    """
    if not 1 <= units <= line.units:
        raise ValueError(f"{units} of {line.units} units can't be moved: choose 1 to {line.units}")
    allocated = min(units, max(0, units - (line.units - line.allocated)))
    if units == line.units:
        return Moved(None, replace(line, order_reference="", plate="", customer_price=None))
    gone = replace(
        line,
        line_id=new_id,
        units=units,
        allocated=allocated,
        logistic_number="",
        barcode="",
        order_reference="",
        plate="",
        customer_price=None,
    )
    return Moved(replace(line, units=line.units - units, allocated=line.allocated - allocated), gone)


def free_id(line_id: str, debtor_id: str, taken: frozenset[str] | set[str]) -> str:
    """`line_id`, or with a suffix made of where it came from, when the other debtor has such a line already."""
    if line_id not in taken:
        return line_id
    suffix = hashlib.sha256(f"{debtor_id}/{line_id}".encode()).hexdigest()[:8]
    found = f"{line_id[: LONGEST_ID - 12]}.{suffix}"
    count = 1
    while found in taken:
        count += 1
        found = f"{line_id[: LONGEST_ID - 12]}.{suffix}{count}"
    return found
