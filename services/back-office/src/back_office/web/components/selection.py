"""What a person selected in a list: some rows, or all that its search and filters mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from back_office.clients.shapes import Pin, pin_in
from back_office.clients.transport import Refused, ServiceFailure
from back_office.web.components.table import Chip, Filter, reads
from back_office.web.visit import Visit, posted

SET_CHANGED = "urn:klokwerk:set-changed"
"""Type of the problem that other rows match by now than were confirmed."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What the bar above a list sent.

    Attributes:
        ids: the rows that were ticked.
        matching: all rows were meant that `query` means, whichever were shown.
        query: search and filters of the list.
        told: which rows the button or page named by their number; none where it named none.
        confirmed: they were confirmed on a page of its own.
    """

    ids: tuple[str, ...]
    matching: bool
    query: Mapping[str, str]
    told: Pin | None = None
    confirmed: bool = False

    @property
    def none(self) -> bool:
        """Nothing was selected at all."""
        return not self.ids and not self.matching


async def selection_of(visit: Visit, names: Sequence[str]) -> Selection:
    """Read it; `names` are the parameters that the list's filter may have."""
    form = await posted(visit.request)
    matching = "matching" in form.getlist("scope")
    return Selection(
        ids=() if matching else tuple(await visit.chosen()),
        matching=matching,
        query=reads(dict(parse_qsl(str(form.get("matching", "")))), names),
        told=pin_in(form.get("told")),
        confirmed=form.get("confirmed") == "yes",
    )


def filter_words(filters: Sequence[Filter], query: Mapping[str, str], search_label: str) -> tuple[Chip, ...]:
    """Search and filters in words, for a page that asks whether all of them are meant."""
    searched = (Chip(search_label, query["q"], ""),) if query.get("q") else ()
    found = [(one, one.chosen(query)) for one in filters]
    return (*searched, *(Chip(one.label, option.label, "") for one, option in found if option))


def has_changed(failure: ServiceFailure) -> bool:
    """Whether a service refused because other rows match by now than were confirmed."""
    return isinstance(failure, Refused) and failure.problem.type == SET_CHANGED


def changed_words(told: Pin | None, now: Pin, visit: Visit) -> str:
    """That other rows match than the person was told; empty where they are the same."""
    if told is None or told == now:
        return ""
    number = visit.formats.number
    if told.count == now.count:
        return visit.t("selection.changed_same_number", count=number(now.count))
    return visit.t("selection.changed", told=number(told.count), count=number(now.count))


def confirmation(query: Mapping[str, str], pin: Pin) -> dict[str, str]:
    """What a page that asks sends along: the filter, and which rows it named by their number."""
    return {"scope": "matching", "matching": urlencode(query), "told": str(pin)}
