"""Exports of cards that are kept: made by a job, with progress, and there to be downloaded again (FA-49..FA-51)."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from klokwerk import jobs
from klokwerk.database import Database
from klokwerk.http import Column
from klokwerk.http.exports import csv_lines, write_xlsx
from klokwerk.jobs import Run
from klokwerk_contracts.debtor_changed import CardState, Kind
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.domain.card import Card
from debtor_service.domain.layout import COLUMNS, written
from debtor_service.domain.own_fields import OwnFieldDefinition
from debtor_service.store import cards, own_fields
from debtor_service.store.cards import CardFilter

KIND = "card-export"
TOLD_EVERY = 1000
"""Rows between two signs of progress."""

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


async def columns_of(connection: AsyncConnection) -> list[Column[Card]]:
    """The columns of an export: ours, and one for each own field (FA-30)."""
    return columns_for(await own_fields.definitions(connection))


def columns_for(own: Sequence[OwnFieldDefinition]) -> list[Column[Card]]:
    """The columns of an export where these own fields are defined."""
    return [Column(name, _value(name)) for name in (*COLUMNS, *(definition.column for definition in own))]


def _value(name: str) -> Callable[[Card], str]:
    return lambda card: written(card, name)


async def rows_of(database: Database, wanted: CardFilter) -> AsyncIterator[Card]:
    """The cards of a filter, without holding them in memory."""
    async with database.connect() as connection:
        async for card in cards.stream(connection, wanted):
            yield card


def plain_filter(wanted: CardFilter) -> dict[str, Any]:
    """A filter as it is kept with the job."""
    return asdict(wanted)


def filter_of(plain: Mapping[str, Any]) -> CardFilter:
    """The filter again from `plain`."""
    return CardFilter(
        words=tuple(plain["words"]),
        kind=Kind(plain["kind"]) if plain["kind"] else None,
        states=tuple(CardState(state) for state in plain["states"]),
        use_ekts=plain["use_ekts"],
        administration=plain["administration"],
        ids=tuple(plain["ids"]),
    )


@dataclass(frozen=True, slots=True)
class Exporting:
    """Makes the files; one that was broken off is made anew from its beginning, so that it shows one moment."""

    database: Database

    async def __call__(self, run: Run) -> str:
        """Write the file beside the database, then keep it with the job."""
        wanted, suffix = filter_of(run.job.input["filter"]), str(run.job.input["format"])
        async with run.step() as step:
            step.done, step.total = 0, await cards.count(step.connection, wanted)
            columns = await columns_of(step.connection)
        with tempfile.TemporaryDirectory(prefix="klokwerk-export-") as folder:
            path = Path(folder) / f"cards.{suffix}"
            counted = _Counted(run)
            rows = counted.through(rows_of(self.database, wanted))
            if suffix == "xlsx":
                await write_xlsx(path, rows, columns)
            else:
                with path.open("wb") as file:
                    async for part in csv_lines(rows, columns, str(run.job.input["language"])):
                        file.write(part)
            async with run.step() as step:
                step.done = step.total = counted.number
                step.result = {"rows": counted.number}
                await jobs.keep_file(
                    step.connection, run.job.id, "output", f"{run.job.input['name']}.{suffix}",
                    MEDIA_TYPES[suffix], path.read_bytes(),
                )  # fmt: skip
        return ""


@dataclass(slots=True)
class _Counted:
    """Counts the rows that go by and tells how far the job is."""

    run: Run
    number: int = 0

    async def through(self, rows: AsyncIterator[Card]) -> AsyncIterator[Card]:
        async for card in rows:
            yield card
            self.number += 1
            if self.number % TOLD_EVERY == 0:
                async with self.run.step() as step:
                    step.done = self.number
