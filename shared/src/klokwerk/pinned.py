"""What a person confirmed of a list that they did not see whole: how many rows, and which.

A list says with its number of rows a digest of their keys. Whoever acts on "all that match" sends both along, and the
service computes them again over what it takes, in the statement that takes it: a set that became another one meanwhile,
be it of the same size, is refused before anything happens (decision 0048).
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from klokwerk.http.problems import Problem

CHANGED = "urn:klokwerk:set-changed"
"""Type of the problem that the set is not the one that was confirmed."""


class Pin(BaseModel):
    """How many rows a set has and which: `digest` is the same for the same keys, in whatever order they stand."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: Annotated[int, Field(ge=0)]
    digest: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


def digest_of(key: str, where: str = "") -> str:
    """SQL for the digest over all rows of a query.

    Two hashes of 64 bits each are combined by exclusive or. Nothing has to be sorted for that or held as one text,
    so it costs a few milliseconds for 100,000 rows.

    Args:
        key: SQL for the text that tells a row from the others, once in the set. What a person relied on when they
            confirmed goes into it as well, such as what is to be done with the row; never a time.
        where: SQL for which of the rows count; empty for all.
    """
    some = f" filter (where {where})" if where else ""
    halves = (
        f"lpad(to_hex(coalesce(bit_xor(hashtextextended({key}, {seed})){some}, 0)), 16, '0')"
        for seed in (1, 2)
    )
    return " || ".join(halves)


def pin(key: str) -> str:
    """SQL for the columns ``count`` and ``digest`` of a `Pin` over all rows of a query; `key` as in `digest_of`."""
    return f"count(*) as count, {digest_of(key)} as digest "


def pin_of(row: Any) -> Pin:
    """The pin out of a row with the columns of `pin`."""
    return Pin(count=row.count, digest=row.digest)


def check(told: Pin | None, found: Pin) -> None:
    """See that the set is the one that was confirmed; without `told` any will do.

    Call it in the transaction that acts, over what it acts on.

    Raises:
        Problem: 409 of type `CHANGED`.
    """
    if told is None or told == found:
        return
    now = f"instead of {told.count}" if told.count != found.count else "as before, but not the same ones"
    raise Problem(
        409,
        "The list has changed meanwhile",
        f"{found.count} rows match now, {now}. Look at the list again before you go on.",
        kind=CHANGED,
    )
