"""A day's sales out of a file: tried first, then stored; row by row with what is wrong and the cure.

The rows of one debtor stay together, some thousand rows are a step, and each step is committed with its place in the
file: a process that dies costs the step in hand. A file that is to be stored as a whole or not at all is stored in
one step, after every row was tried.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from klokwerk.access import Person
from klokwerk.clock import Clock
from klokwerk.http import FieldProblem
from klokwerk.http.problems import findings
from klokwerk.jobs import JobFailed, Run, Step
from klokwerk.outbox import EventTooLarge
from klokwerk.tables import Row, Table
from pydantic import ValidationError

from sales_service.domain.lines import difference
from sales_service.domain.sale_columns import COLUMN_OF, SaleColumn, column_of
from sales_service.domain.sale_sheet import SheetReader, SheetRow
from sales_service.entry.bodies import LineBody
from sales_service.entry.entering import Entered, Entering, Entry, Existing, Mode, Result, Status
from sales_service.entry.import_job import Message, error_of, summary, table_of, tell
from sales_service.selling import KeptElsewhere, TooManyLines
from sales_service.store import debtors

KIND = "sales-import"
STEP_ROWS = 1000
_UNKNOWN = FieldProblem(message="the row has no debtor", cure="fill in the debtor number or id")


@dataclass(frozen=True, slots=True)
class _Line:
    """One row of the file on its way."""

    row: Row
    sheet: SheetRow
    problems: tuple[FieldProblem, ...]
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class SalesImport:
    """Does jobs of the kind ``sales-import``."""

    entering: Entering
    clock: Clock

    async def __call__(self, run: Run) -> str:
        """Try or store the file of `run`, from the place on where an earlier process stopped."""
        wanted = run.job.input
        table = await table_of(run)
        columns = _columns(table)
        lines = await asyncio.to_thread(lambda: _grouped(_read(table, columns, self.clock)))
        trial, mode = bool(wanted["dry_run"]), Mode(wanted["mode"])
        person = Person(run.job.created_by, run.job.created_by_name, frozenset())
        work = _Work(self.entering, date.fromisoformat(wanted["day"]), wanted, person, table)
        if mode is Mode.ALL and not trial:
            await self._whole(run, work, lines)
        else:
            await self._in_steps(run, work, lines, trial=trial)
        return summary(run.job.result, list(Status), trial=trial)

    async def _in_steps(self, run: Run, work: _Work, lines: Sequence[_Line], *, trial: bool) -> None:
        for number, chunk in enumerate(_chunks(lines)):
            if number < int(run.job.position.get("next", 0)):
                continue
            async with run.step() as step:
                result = await work.enter(step, chunk, Mode.EACH, trial=trial)
                step.done += len(chunk)
                step.total = len(lines)
                step.position["next"] = number + 1
                await tell(step, run, work.messages(chunk, result), _counts(result), first=number == 0)

    async def _whole(self, run: Run, work: _Work, lines: Sequence[_Line]) -> None:
        """Everything or nothing: what is wrong is said of every row, and then nothing is stored."""
        if run.job.result.get("stored"):
            return
        async with run.step() as step:
            step.done, step.total = 0, len(lines)
        async with run.step() as step:
            tried = await work.enter(step, lines, Mode.EACH, trial=True)
            if not tried.count(Status.REFUSED):
                tried = await work.enter(step, lines, Mode.ALL, trial=False)
                step.result["stored"] = True
            step.done = len(lines)
            await tell(step, run, work.messages(lines, tried), _counts(tried), first=True, kept=("stored",))
        if not run.job.result.get("stored"):
            raise JobFailed(
                f"Nothing was stored: {run.job.result['refused']} row(s) can't be taken, see the messages. "
                "Correct them and import again, or import the good rows only."
            )


@dataclass(slots=True)
class _Work:
    """What every step of one job needs."""

    entering: Entering
    day: date
    wanted: Mapping[str, Any]
    person: Person
    table: Table

    async def enter(self, step: Step, chunk: Sequence[_Line], mode: Mode, *, trial: bool) -> Result:
        """Enter the rows that could be read; the answer has a line for each row, in their order."""
        numbers = [line.sheet.debtor_number for line in chunk if line.sheet.debtor_number]
        known = await debtors.by_number(step.connection, numbers)
        ready: list[Entry] = []
        answers: list[Entered | None] = []
        for line in chunk:
            problems = [*line.problems]
            debtor_id = line.sheet.debtor_id or _one_debtor(line, known, problems)
            if problems or line.entry is None:
                answers.append(Entered(line.sheet.line_id, debtor_id, Status.REFUSED, tuple(problems)))
                continue
            answers.append(None)
            body = line.entry
            ready.append(
                Entry(body.name, debtor_id, body.body, body.line_id, body.debtor_field, keep=body.keep)
            )
        try:
            result = await self.entering.enter(
                step.connection,
                self.day,
                ready,
                self.person,
                mode=mode,
                existing=Existing.UPDATE,
                allocate=bool(self.wanted["allocate"]),
                reason=str(self.wanted["reason"]),
                trial=trial,
            )
        except (KeptElsewhere, TooManyLines, EventTooLarge) as error:
            raise JobFailed(f"These rows were not stored: {error}.") from error
        entered = iter(result.lines)
        return Result(tuple(answer or next(entered) for answer in answers), result.days)

    def messages(self, chunk: Sequence[_Line], result: Result) -> list[Message]:
        """What is said about the rows of a step."""
        found: list[Message] = []
        for line, entered in zip(chunk, result.lines, strict=True):
            found += [self._error(line.row, problem) for problem in entered.problems]
            if entered.status is Status.UNCHANGED and not line.sheet.given_id:
                text = "the same row was imported before; the line that is there stays as it is"
                cure = "give it a line id of its own if it was sold a second time"
                found.append(Message("note", line.row.number, "", "", text, cure))
            if entered.status is Status.CHANGED:
                found += self._changes(line.row, entered)
        return found

    def _error(self, row: Row, problem: FieldProblem) -> Message:
        known = (column_of(heading) for heading in self.table.columns)
        names = [column.name if column else "" for column in known]
        named = problem.model_copy(update={"field": COLUMN_OF.get(problem.field, problem.field)})
        return error_of(row, self.table.columns, names, named)

    def _changes(self, row: Row, entered: Entered) -> list[Message]:
        old, new = difference(entered.before, entered.after)
        return [
            Message(
                "note", row.number, name, _shown(new.get(name)), f"was {_shown(old.get(name)) or 'empty'}", ""
            )
            for name in new
        ]


def _one_debtor(line: _Line, known: Mapping[str, list[str]], problems: list[FieldProblem]) -> str:
    """The debtor of a number; empty, and why in `problems`, when there is none or more than one."""
    number = line.sheet.debtor_number
    if not number:
        problems.append(_UNKNOWN)
        return ""
    ids = known.get(number, [])
    if len(ids) == 1:
        return ids[0]
    what = f"{len(ids)} debtors have number {number}" if ids else f"no debtor has number {number}"
    cure = "name the debtor id" if ids else "correct the number, or make the card in Debtors"
    problems.append(FieldProblem(field="debtor_number", message=what, cure=cure))
    return ""


def _columns(table: Table) -> list[SaleColumn | None]:
    columns = [column_of(heading) for heading in table.columns]
    names = [column.name for column in columns if column is not None]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise JobFailed(f"Two columns say the same: {', '.join(twice)}. Leave one of them out.")
    if not {"debtor_id", "debtor_number"} & set(names):
        raise JobFailed("No column names the debtor: add one with the heading Debtor number or Debtor id.")
    if "units" not in names and "line_id" not in names:
        raise JobFailed("No column holds the units sold: add one with the heading Units.")
    return columns


def _read(table: Table, columns: Sequence[SaleColumn | None], clock: Clock) -> Iterator[_Line]:
    reader = SheetReader(columns, clock.zone)
    for row in table.rows:
        sheet = reader.read(row.cells)
        problems = [
            FieldProblem(field=problem.column, message=problem.message, cure=problem.cure)
            for problem in sheet.problems
        ]
        entry = None
        try:
            body = LineBody.model_validate(sheet.body | {"line_id": sheet.line_id})
        except ValidationError as error:
            problems += findings(error.errors()[:20])
        else:
            entry = Entry("", "", body, sheet.line_id, keep=not sheet.given_id)
        yield _Line(row, sheet, tuple(problems), entry)


def _grouped(lines: Iterator[_Line]) -> list[_Line]:
    """The rows with those of one debtor together, in the order in which the debtors come."""
    groups: dict[tuple[str, str], list[_Line]] = {}
    for line in lines:
        groups.setdefault((line.sheet.debtor_id, line.sheet.debtor_number), []).append(line)
    return [line for some in groups.values() for line in some]


def _chunks(lines: Sequence[_Line]) -> Iterator[list[_Line]]:
    """Steps of about `STEP_ROWS` rows that cut no debtor in two."""
    chunk: list[_Line] = []
    for line in lines:
        same = chunk and _who(chunk[-1]) == _who(line)
        if len(chunk) >= STEP_ROWS and not same:
            yield chunk
            chunk = []
        chunk.append(line)
    if chunk:
        yield chunk


def _who(line: _Line) -> tuple[str, str]:
    return line.sheet.debtor_id, line.sheet.debtor_number


def _counts(result: Result) -> dict[str, int]:
    return {status.value: result.count(status) for status in Status}


def _shown(value: Any) -> str:
    return "" if value is None else str(value)
