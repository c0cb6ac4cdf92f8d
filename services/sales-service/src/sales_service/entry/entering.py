"""Many sale lines at once: all or nothing, or each on its own, entered anew or brought up to date by their id.

The same work is done for an HTTP request and for a file. It takes a fixed number of statements however many
lines there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from klokwerk.access import Person
from klokwerk.http import FieldProblem
from klokwerk_contracts import new_event_id
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.domain.articles import Article
from sales_service.domain.distribution import MAX_LINES, Author
from sales_service.domain.lines import Line
from sales_service.entry.bodies import LineBody, merged
from sales_service.entry.buyers import buyer_problem
from sales_service.entry.recording import DayChange, record
from sales_service.selling import Distributions, KeptElsewhere, entity_of
from sales_service.store import articles, debtors, sales
from sales_service.store.sales import DayKey, DayRow, Outcome

EXISTS = "line_exists"
"""Code of the finding that a line of that id is there already."""


class Mode(StrEnum):
    """What happens to good lines beside bad ones."""

    ALL = "all"
    EACH = "each"


class Existing(StrEnum):
    """What happens to a line whose id is there already."""

    REFUSE = "refuse"
    UPDATE = "update"


class Status(StrEnum):
    """What became of one line."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line that is to be entered.

    Attributes:
        name: what problems call it, e.g. ``lines.3``; empty for a single line.
        debtor_id: who buys it, as it was asked.
        line_id: its own id; given by us when empty.
        debtor_field: what a problem about the debtor is about, when not the line.
        keep: a line of that id that is there stays as it is, whatever this one says.
    """

    name: str
    debtor_id: str
    body: LineBody
    line_id: str = ""
    debtor_field: str = ""
    keep: bool = False

    def field(self, inner: str) -> str:
        """A field of this line, by its whole name."""
        return ".".join(part for part in (self.name, inner) if part)


@dataclass(frozen=True, slots=True)
class Entered:
    """What became of one line, in the order of the request.

    Attributes:
        before, after: the line as it was and as it is; none where it is not stored.
    """

    line_id: str
    debtor_id: str
    status: Status
    problems: tuple[FieldProblem, ...] = ()
    before: Line | None = None
    after: Line | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of all lines.

    Attributes:
        days: how each debtor's day that was touched stands now.
    """

    lines: tuple[Entered, ...]
    days: Mapping[DayKey, Outcome] = field(default_factory=dict)

    def count(self, status: Status) -> int:
        """How many lines ended like that."""
        return sum(line.status is status for line in self.lines)


class LinesRefused(Exception):
    """Some lines can't be taken, and all or nothing was asked for."""

    def __init__(self, result: Result) -> None:
        self.result = result
        self.problems = [problem for line in result.lines for problem in line.problems]
        super().__init__(f"{len(self.problems)} problem(s)")

    @property
    def only_existing(self) -> bool:
        """Nothing is wrong with the lines themselves; they are there already."""
        return all(problem.code == EXISTS for problem in self.problems)


@dataclass(slots=True)
class _Work:
    """What is known while lines are judged.

    Attributes:
        by_line: a day that gets too many lines refuses those beyond the limit, not the request.
    """

    day: date
    by_line: bool
    existing: Existing
    allocate: bool
    targets: Mapping[str, str]
    wrong: Mapping[str, FieldProblem]
    rows: Mapping[DayKey, DayRow]
    known: Mapping[str, Article]
    before: dict[DayKey, dict[str, Line]]
    after: dict[DayKey, dict[str, Line]]
    seen: set[tuple[DayKey, str]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Entering:
    """Enters lines into the distributions of a day."""

    distributions: Distributions

    async def enter(
        self,
        connection: AsyncConnection,
        day: date,
        entries: Sequence[Entry],
        person: Person,
        *,
        mode: Mode = Mode.ALL,
        existing: Existing = Existing.REFUSE,
        allocate: bool = False,
        reason: str = "",
        trial: bool = False,
    ) -> Result:
        """Enter `entries`; with `trial` say what would become of them and store nothing.

        Raises:
            LinesRefused: in mode ``all``, when any line can't be taken.
            KeptElsewhere: in mode ``all``, when another system keeps one of the days.
            TooManyLines: in mode ``all``, when a day would get more lines than one event can hold.
            EventTooLarge: a completed distribution does not fit into one event.
        """
        by_line = trial or mode is Mode.EACH
        work = await self._look_up(
            connection, day, entries, existing, allocate=allocate, trial=trial, by_line=by_line
        )
        if mode is Mode.ALL:
            for row in work.rows.values():
                if not self.distributions.keeps(row):
                    raise KeptElsewhere(row)
        lines = tuple(self._judge(work, entry) for entry in entries)
        result = Result(lines)
        if mode is Mode.ALL and result.count(Status.REFUSED):
            raise LinesRefused(result)
        if trial:
            return result
        changed = {
            key: [line for name, line in some.items() if work.before[key].get(name) != line]
            for key, some in work.after.items()
        }
        touched = {key: work.rows[key] for key, some in changed.items() if some}
        await sales.write(connection, {key: changed[key] for key in touched})
        changes = [(key, DayChange(work.before[key], work.after[key])) for key in touched]
        now = self.distributions.clock.now()
        await record(connection, person, now, "lines entered", changes, reason)
        outcomes = await self.distributions.settle(connection, touched, Author(person.name, reason))
        return Result(lines, outcomes)

    async def _look_up(
        self,
        connection: AsyncConnection,
        day: date,
        entries: Sequence[Entry],
        existing: Existing,
        *,
        allocate: bool,
        trial: bool,
        by_line: bool,
    ) -> _Work:
        asked = {entry.debtor_id: entry for entry in reversed(entries) if entry.debtor_id}
        found = await debtors.buyers(connection, asked)
        wrong = {
            debtor_id: problem
            for debtor_id, entry in asked.items()
            if (
                problem := buyer_problem(
                    debtor_id, found.get(debtor_id), entry.debtor_field or entry.field("debtor_id")
                )
            )
        }
        targets = {name: buyer.target for name, buyer in found.items() if name not in wrong}
        keys = {DayKey(target, day) for target in targets.values()}
        now, source = self.distributions.clock.now(), self.distributions.outbox.source
        rows = (
            await sales.read(connection, keys)
            if trial
            else await sales.lock(connection, keys, source=source, now=now)
        )
        stored = await sales.lines(connection, keys)
        before = {key: {line.line_id: line for line in stored[key]} for key in keys}
        numbers = [entry.body.article_number for entry in entries if entry.body.article_number]
        return _Work(
            day=day,
            by_line=by_line,
            existing=existing,
            allocate=allocate,
            targets=targets,
            wrong=wrong,
            rows=rows,
            known=await articles.get(connection, numbers),
            before=before,
            after={key: dict(some) for key, some in before.items()},
        )

    def _judge(self, work: _Work, entry: Entry) -> Entered:
        line_id = entry.line_id or new_event_id().hex
        if problem := self._wrong_debtor(work, entry):
            return Entered(line_id, entry.debtor_id, Status.REFUSED, (problem,))
        key = DayKey(work.targets[entry.debtor_id], work.day)
        row, old = work.rows.get(key), work.before[key].get(line_id)
        problems: list[FieldProblem] = []
        if row is not None and not self.distributions.keeps(row):
            problems.append(_kept_elsewhere(entry, row))
        elif (key, line_id) in work.seen:
            problems.append(_twice(entry, line_id))
        elif old is not None and work.existing is Existing.REFUSE:
            problems.append(_exists(entry, line_id))
        line = old if entry.keep else None
        if not problems and line is None:
            line = updated(old, entry, work.known, problems) if old else new_line(entry, work.known, problems)
        if line is not None and old is None and work.by_line and len(work.after[key]) >= MAX_LINES:
            problems.append(_too_many(entry, key))
        if line is None or problems:
            return Entered(line_id, key.debtor_id, Status.REFUSED, tuple(problems))
        work.seen.add((key, line_id))
        if not (entry.keep and old is not None):
            line = self._finished(work, entry, replace(line, line_id=line_id))
        work.after[key][line_id] = line
        status = Status.ADDED if old is None else Status.UNCHANGED if line == old else Status.CHANGED
        return Entered(line_id, key.debtor_id, status, before=old, after=line)

    def _wrong_debtor(self, work: _Work, entry: Entry) -> FieldProblem | None:
        if not entry.debtor_id:
            return FieldProblem(
                field=entry.debtor_field or entry.field("debtor_id"),
                message="no debtor is named",
                cure="name the debtor, for all lines or on each",
            )
        problem = work.wrong.get(entry.debtor_id)
        if problem is None or entry.debtor_field:
            return problem
        return problem.model_copy(update={"field": entry.field("debtor_id")})

    def _finished(self, work: _Work, entry: Entry, line: Line) -> Line:
        if work.allocate and entry.body.allocated is None:
            line = replace(line, allocated=line.units)
        return replace(line, transaction_at=line.transaction_at or self.distributions.clock.now())


def new_line(entry: Entry, known: Mapping[str, Article], problems: list[FieldProblem]) -> Line | None:
    """A line that was not there before; none, and why in `problems`, when it can't be made."""
    body = _with_number(entry, known, problems)
    if body is None:
        return None
    if body.units is None:
        problems.append(
            FieldProblem(
                field=entry.field("units"), message="the units sold are missing", cure="fill in units"
            )
        )
        return None
    return applied(Line(line_id=entry.line_id, units=0), replace(entry, body=body), known, problems)


def updated(
    line: Line, entry: Entry, known: Mapping[str, Article], problems: list[FieldProblem]
) -> Line | None:
    """A line that is brought up to date; an article that it has already is not taken over anew."""
    number = entry.body.article_number
    if number is not None and number == line.article_number:
        return applied(line, entry, {}, problems)
    body = _with_number(entry, known, problems)
    return None if body is None else applied(line, replace(entry, body=body), known, problems)


def _with_number(entry: Entry, known: Mapping[str, Article], problems: list[FieldProblem]) -> LineBody | None:
    """The body, where its number is none of ours with the number on the article that it gives itself."""
    body = entry.body
    if not body.article_number or body.article_number in known:
        return body
    if body.article is None:
        problems.append(_no_article(entry, body.article_number))
        return None
    given = body.article.model_copy(update={"number": body.article_number})
    return body.model_copy(update={"article": given})


def applied(
    line: Line, entry: Entry, known: Mapping[str, Article], problems: list[FieldProblem]
) -> Line | None:
    """`line` with what the entry names; none, and why in `problems`, when that is beyond reason."""
    try:
        return merged(line, entry.body, known)
    except ValueError as error:
        problems.append(FieldProblem(field=entry.name, message=str(error), cure="correct the line"))
        return None


def _no_article(entry: Entry, number: str) -> FieldProblem:
    return FieldProblem(
        field=entry.field("article_number"),
        message=f"there is no article {number}",
        cure="add it to the articles, or give the article on the line",
    )


def _exists(entry: Entry, line_id: str) -> FieldProblem:
    return FieldProblem(
        field=entry.field("line_id"),
        message=f"line {line_id} exists already",
        cure="correct it with PUT, send existing=update, or leave the id out",
        code=EXISTS,
    )


def _twice(entry: Entry, line_id: str) -> FieldProblem:
    return FieldProblem(
        field=entry.field("line_id"),
        message=f"line {line_id} comes twice for this debtor",
        cure="give each line an id of its own",
        code=EXISTS,
    )


def _kept_elsewhere(entry: Entry, row: DayRow) -> FieldProblem:
    return FieldProblem(
        field=entry.field("debtor_id"),
        message=str(KeptElsewhere(row)),
        cure=f"correct it in {row.source}; it comes in here by itself",
    )


def _too_many(entry: Entry, key: DayKey) -> FieldProblem:
    return FieldProblem(
        field=entry.name,
        message=f"{entity_of(key)} has {MAX_LINES} lines already, which is the most",
        cure="put equal lines together",
    )
