"""A list of 10,000 customers from its bytes to cards with audit and events, against a bare COPY of the same cards."""

from __future__ import annotations

import csv
import io
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from ground import Ground
from klokwerk.access import Person
from klokwerk.clock import SystemClock
from klokwerk.database import Database, raw
from klokwerk.migration import migrate
from measure import Comparison, Side, Watch, compare

ROWS = 10_000
SECONDS = 30
"""What an import of `ROWS` may take, dry run and run together."""

PERSON = Person("bench", "Bench", frozenset())
HEADINGS = (
    "Klantnr",
    "Klantnaam",
    "Straat",
    "Huisnummer",
    "Postcode",
    "Plaats",
    "Land",
    "E-mail",
    "Telefoon",
    "Termijn",
)


async def run(ground: Ground) -> list[Comparison]:
    """From the file to the last card."""
    from debtor_service.changes import Changes
    from debtor_service.importing import checking, running
    from debtor_service.importing.handing_in import HandedIn, hand_in, read_file
    from debtor_service.settings import DebtorSettings
    from debtor_service.store import imports
    from debtor_service.triggers import Triggers
    from klokwerk import jobs
    from klokwerk.jobs import NewJob, Run
    from klokwerk.outbox import Outbox
    from klokwerk_contracts.debtor_changed import Kind

    count = ground.count(ROWS)
    content = _file(count)
    clock = SystemClock()
    database = await _own_schema(ground)
    triggers = Triggers(Changes(Outbox("/debtor-service"), clock))
    settings = DebtorSettings(database_url=ground.database.url, kafka=ground.kafka.bootstrap)
    phases: dict[str, float] = {}

    async def job(kind: str, runner: Any, import_id: uuid.UUID) -> None:
        began = clock.now()
        async with database.transaction() as connection:
            new = NewJob(kind, "list", {"import_id": str(import_id)})
            made = await jobs.start(connection, clock, new, PERSON)
            await connection.execute(_CLAIM, {"id": made.id, "worker": made.id})
        await runner(Run(made, database, clock, made.id, timedelta(seconds=60)))
        phases[kind] = (clock.now() - began).total_seconds()

    async def ours(_watch: Watch) -> int:
        table = await read_file(content, "", "")
        async with database.transaction() as connection:
            handed = HandedIn(Kind.DEBTOR, "main", "klanten.csv", content)
            made = await hand_in(connection, handed, table, PERSON, clock.now())
        await job(checking.KIND, checking.Checking(settings), made.id)
        await job(running.KIND, running.Running(triggers, settings), made.id)
        async with database.connect() as connection:
            done = await imports.get(connection, made.id)
            assert done is not None
            assert done.state == "done"
            stored = (await connection.execute(sa.text("select count(*) from card"))).scalar_one()
        assert stored == count, stored
        return count

    async def bare(_watch: Watch) -> int:
        rows = csv.DictReader(io.StringIO(content.decode()), delimiter=";")
        now = datetime.now(UTC)
        records = [
            (
                str(uuid.uuid4()),
                row["Klantnaam"],
                row["Klantnr"],
                f'{{"emails": [], "name": "{row["Klantnaam"]}"}}',
                now,
            )
            for row in rows
        ]
        async with database.transaction() as connection:
            driver = await raw(connection)
            await driver.copy_records_to_table("bare_card", records=records)
        return len(records)

    async def empty() -> None:
        async with database.transaction() as connection:
            await (await raw(connection)).execute(
                "truncate card, card_number, audit, outbox, job, job_file, card_import, card_import_row, bare_card "
                "cascade"
            )

    try:
        found = await compare(
            "card import",
            Side("three steps, checked, audited, published", ours, empty),
            Side("csv + COPY, nothing checked", bare, empty),
            unit="rows",
            goal=None,
            pace=ground.pace,
            floor=ground.wanted(ROWS / SECONDS),
        )
    finally:
        await database.close()
    found.notes.update({name: round(seconds, 2) for name, seconds in phases.items()})
    return [found]


_CLAIM = sa.text(
    "update job set state = 'running', leased_by = :worker, lease_until = clock_timestamp() + interval '1 hour' "
    "where id = :id"
)


async def _own_schema(ground: Ground) -> Database:
    """The debtor service's tables in a schema of their own, beside what the ground has."""
    async with ground.database.transaction() as connection:
        driver = await raw(connection)
        name = await driver.fetchval("select current_database()")
        await driver.execute(f'create schema cards; alter database "{name}" set search_path = cards, public')
    database = Database(ground.database.url)
    await migrate(database, "debtor_service")
    async with database.transaction() as connection:
        await (await raw(connection)).execute(
            "create table bare_card (id text primary key, name text, number text, content jsonb, at timestamptz)"
        )
    return database


def _file(count: int) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";")
    writer.writerow(HEADINGS)
    for number in range(count):
        writer.writerow(
            (
                str(10_000 + number), f"Bloemenhuis {number} B.V.", "Kade", str(number % 200 + 1),
                f"{1000 + number % 8999} AB", "Katwijk", "Nederland", f"info{number}@bloemen.example",
                f"+31 71 {5000000 + number}", "30 dagen",
            )
        )  # fmt: skip
    return out.getvalue().encode()
