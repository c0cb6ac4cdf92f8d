"""How much memory the export of the whole service takes at its peak, for few relations and for many.

Each export runs in a process of its own, from the lines in the database to the file under its name, so that what
came before it in this process counts for nothing.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
from pathlib import Path

from accounting_cards import START, card, service_database

AT_ONCE = 2_000


async def peak_of(admin_url: str, count: int) -> float:
    """MiB that a process has in use at most while it exports `count` relations to Exact Online's file."""
    from accounting_sync.consumers import snapshot_of
    from accounting_sync.domain.relation import Kind
    from accounting_sync.fetching import fetch
    from accounting_sync.store import administrations, cards
    from klokwerk.clock import FixedClock

    async with service_database(admin_url) as database:
        for first in range(0, count, AT_ONCE):
            known = [snapshot_of(card(number)) for number in range(first, min(first + AT_ONCE, count))]
            async with database.transaction() as connection:
                await cards.take_in(connection, known, START)
        async with database.connect() as connection:
            main = await administrations.find(connection, "main")
        assert main is not None
        assert (await fetch(database, FixedClock(START), main, Kind.DEBTORS)).listed == count
        process = await asyncio.create_subprocess_exec(
            sys.executable, __file__, database.url, str(count), stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, "the export did not come to its end"
        return int(out.split()[-1]) / 1024


async def _export(url: str, count: int) -> None:
    """In the process of its own: one export of everything, and what it took, in KiB."""
    from accounting_sync.domain.relation import Kind
    from accounting_sync.exporting import Order
    from accounting_sync.file_export import FileExport
    from accounting_sync.store import administrations, exports
    from klokwerk import telemetry
    from klokwerk.clock import FixedClock
    from klokwerk.database import Database

    telemetry.configure_logging("benchmark", "ERROR")
    database = Database(url)
    with tempfile.TemporaryDirectory() as folder:
        files = FileExport(database, FixedClock(START), Path(folder))
        async with database.transaction() as connection:
            main = await administrations.find(connection, "main")
            assert main is not None
            export = await files.begin(connection, Order(main, Kind.DEBTORS, None, "bench", "Bench"))
        await files.finish(export)
        async with database.connect() as connection:
            done = await exports.find(connection, "main", export)
    await database.close()
    assert done is not None
    assert (done.state, done.lines) == ("done", count), done.message
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    asyncio.run(_export(sys.argv[1], int(sys.argv[2])))
