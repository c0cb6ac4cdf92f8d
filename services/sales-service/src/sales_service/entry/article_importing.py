"""A list of articles out of a file: its columns found or told, tried first, then stored; row by row with the cure.

Some thousand rows are a step, and each step is committed with its place in the file: a process that dies costs the
step in hand. Where all rows or none are to be stored, every row is judged before the first one is stored; nothing
that happens meanwhile can make a good row bad, since articles are never removed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from klokwerk.access import Person
from klokwerk.clock import Clock
from klokwerk.jobs import JobFailed, Run
from klokwerk.tables import Row, Table

from sales_service.domain.article_columns import Guess, Sureness, column_named, guesses
from sales_service.domain.article_sheet import ArticleReader, ArticleRow
from sales_service.domain.cells import bare
from sales_service.entry.article_entering import Existing, Judged, Status, counts, enter, shown
from sales_service.entry.entering import Mode
from sales_service.entry.import_job import Message, error_of, summary, table_of, tell

KIND = "article-import"
STEP_ROWS = 2000
SAMPLES = 3
SAMPLE_CHARACTERS = 60
COLUMNS, EXISTING = "columns", "existing"
"""Parts of the result of a job: what each column of the file is, and what happens to numbers that are there."""


@dataclass(frozen=True, slots=True)
class _Line:
    row: Row
    article: ArticleRow


@dataclass(frozen=True, slots=True)
class ArticleImport:
    """Does jobs of the kind ``article-import``."""

    clock: Clock

    async def __call__(self, run: Run) -> str:
        """Try or store the file of `run`, from the place on where an earlier process stopped."""
        wanted = run.job.input
        table = await table_of(run)
        work = _Work(self.clock, table, _meant(table, wanted[COLUMNS]), run)
        await work.show_columns()
        work.check_columns()
        lines = await asyncio.to_thread(work.lines)
        if not work.trial and Mode(wanted["mode"]) is Mode.ALL:
            await work.refuse_if_any_is_bad(lines)
        for number, start in enumerate(range(0, len(lines), STEP_ROWS)):
            if number >= int(run.job.position.get("next", 0)):
                await work.step(number, lines[start : start + STEP_ROWS], len(lines))
        return summary(run.job.result, list(Status), trial=work.trial)


@dataclass(slots=True)
class _Work:
    """One job: its file, what its columns are, and its steps."""

    clock: Clock
    table: Table
    meant: Sequence[Guess]
    run: Run

    @property
    def trial(self) -> bool:
        return bool(self.run.job.input["dry_run"])

    @property
    def existing(self) -> Existing:
        return Existing(self.run.job.input[EXISTING])

    async def show_columns(self) -> None:
        """Put what the columns are taken for into the result, so that they can be put right even if nothing fits."""
        if COLUMNS in self.run.job.result:
            return
        async with self.run.step() as step:
            step.done, step.total = 0, len(self.table.rows)
            step.result["trial"] = self.trial
            step.result[EXISTING] = self.existing.value
            step.result[COLUMNS] = [
                {
                    "heading": heading,
                    "name": guess.name,
                    "sureness": guess.sureness.value,
                    "samples": self._samples(position),
                }
                for position, (heading, guess) in enumerate(zip(self.table.columns, self.meant, strict=True))
            ]

    def _samples(self, position: int) -> list[str]:
        found: list[str] = []
        for row in self.table.rows[:200]:
            text = bare(row.cells[position])[:SAMPLE_CHARACTERS]
            if text and text not in found:
                found.append(text)
            if len(found) == SAMPLES:
                break
        return found

    def check_columns(self) -> None:
        """Refuse a file whose columns can't be used.

        Raises:
            JobFailed: with what is missing or stands in it twice.
        """
        names = [guess.name for guess in self.meant if guess.name]
        if len(self.meant) != len(self.table.columns):
            raise JobFailed("The file has another number of columns than were named. Name each of them.")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise JobFailed(f"Two columns say the same: {', '.join(twice)}. Leave one of them out.")
        if "number" not in names:
            raise JobFailed("No column holds the article number: say which one it is, or add it to the file.")

    def lines(self) -> list[_Line]:
        """Every row as it reads."""
        reader = ArticleReader([column_named(guess.name) if guess.name else None for guess in self.meant])
        return [_Line(row, reader.read(row.number, row.cells)) for row in self.table.rows]

    async def refuse_if_any_is_bad(self, lines: Sequence[_Line]) -> None:
        """Store nothing at all where a row can't be taken.

        Raises:
            JobFailed: how many there are; the result names them.
        """
        if int(self.run.job.position.get("next", 0)):
            return
        async with self.run.step() as step:
            judged = await self._enter(step.connection, lines, trial=True)
            refused = [
                (line, one) for line, one in zip(lines, judged, strict=True) if one.status is Status.REFUSED
            ]
            if refused:
                messages = [message for line, one in refused for message in self._messages(line, one)]
                told = {Status.REFUSED.value: len(refused)}
                await tell(step, self.run, messages, told, first=True, kept=(COLUMNS, EXISTING))
        if refused:
            raise JobFailed(
                f"Nothing was stored: {len(refused)} row(s) can't be taken, see the messages. "
                "Correct them and import again, or import the good rows only."
            )

    async def step(self, number: int, chunk: Sequence[_Line], total: int) -> None:
        """Try or store some rows."""
        async with self.run.step() as step:
            judged = await self._enter(step.connection, chunk, trial=self.trial)
            step.done = number * STEP_ROWS + len(chunk)
            step.total = total
            step.position["next"] = number + 1
            messages = [
                message
                for line, one in zip(chunk, judged, strict=True)
                for message in self._messages(line, one)
            ]
            kept = (COLUMNS, EXISTING)
            await tell(step, self.run, messages, counts(judged), first=number == 0, kept=kept)

    async def _enter(self, connection: Any, chunk: Sequence[_Line], *, trial: bool) -> list[Judged]:
        job = self.run.job
        return await enter(
            connection,
            [line.article for line in chunk],
            self.existing,
            Person(job.created_by, job.created_by_name, frozenset()),
            self.clock.now(),
            reason=str(job.input["reason"]),
            trial=trial,
        )

    def _messages(self, line: _Line, judged: Judged) -> list[Message]:
        names = [guess.name for guess in self.meant]
        found = [error_of(line.row, self.table.columns, names, problem) for problem in judged.problems]
        row = line.row.number
        if judged.status is Status.SKIPPED:
            text = "the article is there already and stays as it is"
            found.append(Message("note", row, "", line.article.number, text, ""))
        if judged.status is Status.CHANGED:
            for name, (old, new) in judged.changes().items():
                found.append(Message("note", row, name, shown(new), f"was {shown(old) or 'empty'}", ""))
        return found


def _meant(table: Table, told: Sequence[str] | None) -> list[Guess]:
    """What the columns are: as a person said, else as guessed."""
    if told is None:
        return guesses(table.columns)
    columns = (column_named(name) for name in told)
    return [Guess(column.name, Sureness.KNOWN) if column else Guess("", Sureness.NONE) for column in columns]
