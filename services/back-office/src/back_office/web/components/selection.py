"""What a person selected in a list: some rows, or all that its search and filters mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from back_office.web.components.table import Chip, Filter, reads
from back_office.web.visit import Visit, posted


@dataclass(frozen=True, slots=True)
class Selection:
    """What the bar above a list sent.

    Attributes:
        ids: the rows that were ticked.
        matching: all rows were meant that `query` means, whichever were shown.
        query: search and filters of the list.
        told: how many rows the button named; none where it named no number.
        confirmed: the number was confirmed on a page of its own.
    """

    ids: tuple[str, ...]
    matching: bool
    query: Mapping[str, str]
    told: int | None = None
    confirmed: bool = False

    @property
    def none(self) -> bool:
        """Nothing was selected at all."""
        return not self.ids and not self.matching


async def selection_of(visit: Visit, names: Sequence[str]) -> Selection:
    """Read it; `names` are the parameters that the list's filter may have."""
    form = await posted(visit.request)
    told, matching = form.get("told"), "matching" in form.getlist("scope")
    return Selection(
        ids=() if matching else tuple(await visit.chosen()),
        matching=matching,
        query=reads(dict(parse_qsl(str(form.get("matching", "")))), names),
        told=int(told) if isinstance(told, str) and told.isascii() and told.isdigit() else None,
        confirmed=form.get("confirmed") == "yes",
    )


def filter_words(filters: Sequence[Filter], query: Mapping[str, str], search_label: str) -> tuple[Chip, ...]:
    """Search and filters in words, for a page that asks whether all of them are meant."""
    searched = (Chip(search_label, query["q"], ""),) if query.get("q") else ()
    found = [(one, one.chosen(query)) for one in filters]
    return (*searched, *(Chip(one.label, option.label, "") for one, option in found if option))
