"""How customer numbers are made: prefix, year, digits, counting on (FA-10, FA-11).

A customer number is what people call a card by. It is given when the card is made and has nothing to do with the
debtor and creditor numbers of bookkeeping, which come later and from ranges (EP-05).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from klokwerk_contracts.types import Part
from pydantic import Field, StringConstraints

LONGEST = 30
CustomerNumber = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9./_-]{0,29}$|^$")]
"""A number as it may be typed in or migrated; empty for none."""


class Numbering(Part):
    """The office's own way of numbering.

    Attributes:
        automatic: new cards get the next number; off: only what is typed in.
        prefix: put before every number, e.g. ``K``.
        year: the year follows the prefix, and counting starts again with each year.
        digits: the number is filled up with zeros to so many; it grows beyond them, it never ends.
    """

    automatic: bool = True
    prefix: Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9./_-]{0,11})?$")] = "K"
    year: bool = False
    digits: Annotated[int, Field(ge=1, le=10)] = 5

    def series(self, day: date) -> str:
        """What stands before the counter on `day`; each series counts on its own."""
        return f"{self.prefix}{day.year}-" if self.year else self.prefix

    def written(self, day: date, value: int) -> str:
        """The number for a value of the counter: ``K2026-00014``."""
        return f"{self.series(day)}{value:0{self.digits}d}"
