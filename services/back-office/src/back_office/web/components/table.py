"""The table that every list page uses: search, filters, sort, selection, "more", sums, empty states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import parse_qsl, urlencode

from back_office.clients.shapes import Pin
from back_office.domain.badges import Badge, Tone
from back_office.saved_filters import SavedFilter
from back_office.web.components.addresses import with_query
from back_office.web.components.message import Link


class Kind(StrEnum):
    """How a column is written; a short one is never broken into lines."""

    TEXT = "text"
    SHORT = "short"
    NUMBER = "number"
    MAIN = "main"


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes:
        key: name of the column, also of the sort order where `sortable`.
        label: its heading.
        kind: numbers stand to the right, the main column is emphasised.
        sortable: the list behind it can be sorted by it.
    """

    key: str
    label: str
    kind: Kind = Kind.TEXT
    sortable: bool = False


@dataclass(frozen=True, slots=True)
class Gauge:
    """How full something is; `label` says it in words as well."""

    percent: int
    tone: Tone
    label: str


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a cell: a text, a link, a badge, a moment, or a gauge.

    Attributes:
        text: the text; beside a badge it follows it.
        href: page behind the text.
        badge: a state.
        at: a moment, shown as "3 minutes ago" with the time behind it.
        note: a second line in small letters.
        button: label of a button for this row alone, which posts to `post` after asking `confirm`.
    """

    text: str = ""
    href: str = ""
    badge: Badge | None = None
    at: datetime | None = None
    note: str = ""
    button: str = ""
    post: str = ""
    confirm: str = ""
    gauge: Gauge | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row; `id` is what a selection sends, `name` what a screen reader says for its check box."""

    id: str
    cells: tuple[Cell, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a filter."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that the user may set; it shows as a chip when set.

    Attributes:
        options: what may be chosen; none for a day.
        day: the day that is set, in words; none where the filter is no day, empty where none is set.
    """

    name: str
    label: str
    options: tuple[Option, ...] = ()
    day: str | None = None

    def chosen(self, query: Mapping[str, str]) -> Option | None:
        """The option that the URL asks for."""
        if self.day is not None:
            return Option(query.get(self.name, ""), self.day) if self.day else None
        return next((option for option in self.options if option.value == query.get(self.name)), None)


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is set, with the address that takes it off."""

    label: str
    value: str
    remove: str


@dataclass(frozen=True, slots=True)
class BulkAction:
    """A button for the selected rows.

    Attributes:
        action: where it posts to.
        label: with nothing selected.
        label_selected: with a selection; ``{count}`` is filled in by the page.
        label_matching: with all rows selected that the filter means; without it the button is off then.
        needs_selection: off until something is selected.
        value: sent as ``action``.
        primary: the main one.
        confirm: asked before it goes; empty for no question.
    """

    action: str
    label: str
    label_selected: str
    label_matching: str = ""
    needs_selection: bool = True
    value: str = ""
    primary: bool = False
    confirm: str = ""


@dataclass(frozen=True, slots=True)
class Matching:
    """All rows that search and filters mean, shown or not, for lists whose service can act on them.

    Attributes:
        count: how many there are; none while they are not counted.
        told: which rows a button names by their number that acts without a selection; it is sent along, so that
            never others are taken silently.
        count_later: address that gives the bar again with the count, asked for a moment after a search; empty where
            nothing is to be counted.
    """

    count: int | None = None
    told: Pin | None = None
    count_later: str = ""


@dataclass(frozen=True, slots=True)
class Empty:
    """Why there is nothing, and where that can be changed."""

    title: str
    why: str = ""
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Everything a list page shows.

    Attributes:
        id: of the element.
        caption: what the rows are, for screen readers.
        path: address of the page.
        query: the parameters of the URL as they stand.
        next: cursor of the next page.
        sums: label and amount under the rows.
        poll_seconds: reload by itself while something is on its way; 0 for no.
        keeps_filters: a user may save its filter under a name.
        saved: the filters that the user saved for it.
        matching: what "select all that match" means; none for a list that can't.
        also_read: parameters of the address that hide rows though no filter is shown for them while they are not set.
    """

    id: str
    caption: str
    path: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    empty: Empty
    query: Mapping[str, str] = field(default_factory=dict)
    search_label: str = ""
    filters: tuple[Filter, ...] = ()
    actions: tuple[BulkAction, ...] = ()
    next: str | None = None
    sums: tuple[tuple[str, str], ...] = ()
    poll_seconds: int = 0
    keeps_filters: bool = False
    saved: tuple[SavedFilter, ...] = ()
    matching: Matching | None = None
    also_read: tuple[str, ...] = ()

    @property
    def selectable(self) -> bool:
        """Whether rows have check boxes."""
        return bool(self.actions)

    @property
    def row_actions(self) -> bool:
        """Whether a row has a button of its own."""
        return any(cell.post for row in self.rows for cell in row.cells)

    @property
    def search(self) -> str:
        """What is searched for."""
        return self.query.get("q", "")

    @property
    def chips(self) -> tuple[Chip, ...]:
        """The filters that are set."""
        found = [(one, one.chosen(self.query)) for one in self.filters]
        return tuple(
            Chip(one.label, option.label, with_query(self.path, self.query, **{one.name: None}))
            for one, option in found
            if option
        )

    @property
    def filtered(self) -> bool:
        """Whether a search or filter hides rows."""
        return bool(self.search or self.chips)

    @property
    def filter_query(self) -> str:
        """Search and filters as they stand in the address, for a filter that is saved."""
        names = ("q", *(one.name for one in self.filters))
        return urlencode({name: self.query[name] for name in names if self.query.get(name)})

    def known(self, saved: SavedFilter) -> str:
        """The address of a saved filter, without what the list does not know any more.

        A filter may have been saved before a column went or a choice was renamed; the rest of it still holds.
        """
        pairs = [pair for pair in parse_qsl(saved.query) if self._knows(*pair)]
        return with_query(self.path, dict(pairs))

    def outdated(self, saved: SavedFilter) -> bool:
        """Whether a part of it is not known any more."""
        return not all(self._knows(*pair) for pair in parse_qsl(saved.query))

    def _knows(self, name: str, value: str) -> bool:
        one = next((each for each in self.filters if each.name == name), None)
        if one is None or one.day is not None:
            return one is not None or name == "q" or name in self.also_read
        return name in self.also_read or any(option.value == value for option in one.options)

    @property
    def clear(self) -> str:
        """The address without search and filters."""
        return with_query(self.path, self.query, q=None, **{one.name: None for one in self.filters})

    @property
    def kept(self) -> dict[str, str]:
        """Parameters that a search carries along though it has no control for them."""
        controlled = {"q", *(one.name for one in self.filters)}
        return {name: value for name, value in self.query.items() if name not in controlled and value}

    def more(self) -> str:
        """The address of the next rows."""
        return with_query(self.path, self.query, cursor=self.next)

    def part(self, address: str, name: str) -> str:
        """`address` asked for as a part of the page only."""
        joint = "&" if "?" in address else "?"
        return f"{address}{joint}part={name}"

    def address(self) -> str:
        """The address of the list as it stands."""
        return with_query(self.path, self.query)

    def sort_address(self, column: Column) -> str:
        """The address that sorts by `column`, or the other way round when it does already."""
        turned = f"-{column.key}" if self.query.get("sort") == column.key else column.key
        return with_query(self.path, self.query, sort=turned)

    def sorted_by(self, column: Column) -> str:
        """``ascending``, ``descending`` or ``none``, for ``aria-sort``."""
        sort = self.query.get("sort", "")
        if sort.lstrip("-") != column.key:
            return "none"
        return "descending" if sort.startswith("-") else "ascending"


def reads(query: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """Those parameters of a URL that a list understands, shortened to what is sensible."""
    return {name: query[name][:200] for name in names if query.get(name)}
