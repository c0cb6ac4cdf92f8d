"""Imports of customer and supplier lists, and exports that are kept; both done by the debtor service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import Field, TypeAdapter

from back_office.clients.jobs import Job
from back_office.clients.shapes import Page, Said, Shape, Words, at
from back_office.clients.transport import Answer, Caller

UPLOAD_SECONDS = 30.0
NOTHING: TypeAdapter[None] = TypeAdapter(None)


class ImportColumn(Shape):
    """A column of a list: what stands in it, which field it is, and how sure that is."""

    heading: Words = ""
    samples: tuple[str, ...] = ()
    field: Words = ""
    sureness: Words = "none"


class ImportField(Shape):
    """What a column can be; `label` is filled for own fields."""

    name: str
    label: Words = ""


class KeptFrom(Shape):
    """When and by whom a mapping was used the last time."""

    at: datetime | None = None
    by: Words = ""


class Import(Shape):
    """An import as the service shows it.

    Attributes:
        counts: lines by ``verdict``, ``outcome`` and ``taken_back``.
        job: the step in hand, or the last one.
    """

    id: str
    kind: str = "debtor"
    administration: Words = ""
    file_name: Words = ""
    size: int = 0
    encoding: Words = ""
    delimiter: Words = ""
    columns: tuple[ImportColumn, ...] = ()
    constants: dict[str, str] = Field(default_factory=dict)
    empty_cells: Words = "keep"
    duplicates: Words = "skip"
    state: Words = "mapping"
    row_count: int = 0
    counts: dict[str, dict[str, int]] = Field(default_factory=dict)
    job: Job | None = None
    kept_from: KeptFrom | None = None
    fields: tuple[ImportField, ...] = ()
    revision: int = 0
    created_at: datetime | None = None
    created_by: Words = ""

    @property
    def under_way(self) -> bool:
        """Something is being done with it."""
        return self.job is not None and not self.job.over

    def count(self, what: str, *names: str) -> int:
        """Lines with one of these verdicts, outcomes or ends; all of them where none is named."""
        tally = self.counts.get(what, {})
        return sum(tally.get(name, 0) for name in names or tally)


class Finding(Shape):
    """Something about a line, with value and cure; a remark does not keep it from being taken."""

    field: Words = ""
    heading: Words = ""
    value: Words = ""
    message: Said = ""
    cure: Said = ""
    remark: bool = False


class Match(Shape):
    """A card, or an earlier line, that a line may be a double of."""

    debtor_id: Words = ""
    name: Words = ""
    number: Words = ""
    row: int | None = None
    by: Words = ""


class ImportRow(Shape):
    """A line of a list."""

    number: int
    name: Words = ""
    verdict: Words = ""
    problems: tuple[Finding, ...] = ()
    matches: tuple[Match, ...] = ()
    changes: tuple[str, ...] = ()
    decision: Words = ""
    target: Words = ""
    outcome: Words = ""
    message: Said = ""
    card_id: Words = ""
    taken_back: Words = ""


class RejectedRow(Shape):
    """A rejected line: its cells as they belong in a file, and each reason apart."""

    number: int
    cells: tuple[str, ...] = ()
    reasons: tuple[Finding, ...] = ()


class ImportClient:
    """Drives imports, and starts exports."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def page(self, cursor: str | None = None, limit: str = "50") -> Page[Import]:
        """Imports, newest first."""
        params = {"cursor": cursor, "limit": limit}
        return (await self._caller.get(at("imports"), Page[Import], params)).value

    async def one(self, import_id: str) -> Answer[Import]:
        """One import with its revision."""
        return await self._caller.get(at("imports", import_id), Import)

    async def hand_in(self, name: str, content: bytes, once: str, **params: str) -> Import:
        """The first step: hand in a file."""
        wanted = {"file_name": name, **{key: value for key, value in params.items() if value}}
        return await self._caller.hand_in(
            at("imports"), Import, content, params=wanted, once=once, seconds=UPLOAD_SECONDS
        )

    async def read_with(self, import_id: str, encoding: str, delimiter: str, revision: str) -> Import:
        """Read the file with another encoding or delimiter."""
        body = {"encoding": encoding, "delimiter": delimiter}
        return await self._put(import_id, "reading", body, revision)

    async def map(
        self,
        import_id: str,
        fields: Sequence[str],
        constants: dict[str, str],
        empty_cells: str,
        revision: str,
    ) -> Import:
        """The second step: say what the columns are."""
        body = {"fields": list(fields), "constants": constants, "empty_cells": empty_cells}
        return await self._put(import_id, "mapping", body, revision)

    async def decide(self, import_id: str, default: str, rows: Sequence[dict[str, Any]]) -> Import:
        """Decide on doubles."""
        return await self._put(import_id, "decisions", {"default": default or None, "rows": list(rows)}, "")

    async def rows(self, import_id: str, **filters: str | None) -> Page[ImportRow]:
        """Lines by ``verdict``, ``outcome`` and ``taken_back``, page by page with ``cursor``."""
        return (await self._caller.get(at("imports", import_id, "rows"), Page[ImportRow], filters)).value

    async def run(self, import_id: str, revision: str) -> Import:
        """The third step: import, or go on with it."""
        path = at("imports", import_id, "run")
        return (await self._caller.send("POST", path, Import, revision=revision)).value

    async def take_back(self, import_id: str, revision: str) -> Import:
        """Take an import back."""
        path = at("imports", import_id, "take-back")
        return (await self._caller.send("POST", path, Import, revision=revision)).value

    async def throw_away(self, import_id: str) -> None:
        """Throw an import away; its cards stay."""
        await self._caller.send("DELETE", at("imports", import_id), NOTHING)

    async def rejected(self, import_id: str, cursor: str | None = None) -> Page[RejectedRow]:
        """The rejected lines in the order of the file, page by page."""
        params = {"cursor": cursor, "limit": "500"}
        return (await self._caller.get(at("imports", import_id, "rejected"), Page[RejectedRow], params)).value

    async def export(self, body: dict[str, Any], once: str) -> Job:
        """Start an export of cards that is kept."""
        return (await self._caller.send("POST", at("exports"), Job, body, once=once)).value

    async def _put(self, import_id: str, part: str, body: dict[str, Any], revision: str) -> Import:
        path = at("imports", import_id, part)
        return (await self._caller.send("PUT", path, Import, body, revision=revision)).value
