"""The sales service: lines entered, corrected, removed, allocated and moved; files of sales."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from back_office.clients.jobs import Job
from back_office.clients.shapes import Page, Shape, Words, at
from back_office.clients.transport import Caller


class ChangedDay(Shape):
    """How a debtor's day stands after a change."""

    debtor_id: Words = ""
    complete: bool = False
    missing: int = 0
    revision: int = 0
    published: bool = False


class Added(Shape):
    """What became of lines that were entered."""

    line_ids: tuple[str, ...] = ()
    days: tuple[ChangedDay, ...] = ()


class Moved(Shape):
    """How both days stand after a move."""

    days: tuple[ChangedDay, ...] = ()


class ImportColumn(Shape):
    """One column that a file of sales may have."""

    name: str
    heading: Words = ""
    also: tuple[str, ...] = ()
    imported: bool = True


class SaleChangesClient:
    """Changes the sales of a day."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def add(self, day: date, debtor_id: str, line: Mapping[str, Any], once: str, reason: str) -> Added:
        """Enter one line."""
        body = {"debtor_id": debtor_id, "lines": [dict(line)], "reason": reason}
        return (
            await self._caller.send("POST", at("days", day.isoformat(), "lines"), Added, body, once=once)
        ).value

    async def correct(
        self, day: date, debtor_id: str, line_id: str, changes: Mapping[str, Any], revision: str
    ) -> ChangedDay:
        """Correct a line; what is not named stays."""
        path = at("days", day.isoformat(), "debtors", debtor_id, "lines", line_id)
        return (await self._caller.send("PUT", path, ChangedDay, dict(changes), revision=revision)).value

    async def remove(self, day: date, debtor_id: str, line_id: str, reason: str, revision: str) -> ChangedDay:
        """Remove a line."""
        path = at("days", day.isoformat(), "debtors", debtor_id, "lines", line_id)
        params = {"reason": reason}
        return (await self._caller.send("DELETE", path, ChangedDay, revision=revision, params=params)).value

    async def allocate(self, day: date, debtor_id: str, line_ids: Sequence[str] | None) -> ChangedDay:
        """Allocate lines in full; all of them when none is named."""
        path = at("days", day.isoformat(), "debtors", debtor_id, "allocate")
        body = {} if line_ids is None else {"line_ids": list(line_ids)}
        return (await self._caller.send("POST", path, ChangedDay, body)).value

    async def move(
        self, day: date, debtor_id: str, to: str, units: Mapping[str, Any], reason: str, revision: str
    ) -> Moved:
        """Move units, by line, to another debtor."""
        path = at("days", day.isoformat(), "debtors", debtor_id, "move")
        lines = [{"line_id": line_id, "units": count} for line_id, count in units.items()]
        body = {"to": to, "lines": lines, "reason": reason}
        return (await self._caller.send("POST", path, Moved, body, revision=revision)).value

    async def import_columns(self, language: str) -> tuple[ImportColumn, ...]:
        """The columns that a file may have."""
        path = at("imports", "columns")
        return (await self._caller.get(path, Page[ImportColumn], {"language": language})).value.items

    async def hand_in(self, day: date, content: bytes, once: str, **options: Any) -> Job:
        """Have a file of sales tried."""
        path = at("days", day.isoformat(), "imports")
        return await self._caller.hand_in(path, Job, content, params=options, once=once)

    async def run_import(self, job_id: str, mode: str) -> Job:
        """Store the rows of a file that was tried."""
        path = at("imports", job_id, "run")
        return (await self._caller.send("POST", path, Job, {"mode": mode})).value
