"""The database of each service: made with a role of its own, brought to its newest version."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Mapping
from pathlib import Path

import asyncpg

from klokwerk_platform import processes
from klokwerk_platform.processes import PlatformError
from klokwerk_platform.services import Service


async def make_database(admin_url: str, service: Service, password: str, prefix: str = "") -> str:
    """Make the role and database of a service where they aren't there; the URL of its role.

    Args:
        prefix: put before both names, for servers shared with others.
    """
    # Takes a second of processor time; in a thread, so that servers that start meanwhile are heard.
    database = await asyncio.to_thread(importlib.import_module, "klokwerk.database")
    name = prefix.replace("-", "_").replace(".", "_") + service.database
    url: str = await database.provision(admin_url, name, password)
    return url


async def bring_up_to_date(service: Service, url: str, env: Mapping[str, str], log: Path) -> bool:
    """Run the service's own migration unless its database is at the newest version; whether it ran.

    Raises :class:`~klokwerk_platform.processes.PlatformError` with the end of the log when it fails.
    """
    if await _is_newest(service, url):
        return False
    migration = processes.start(
        f"Migration of {service.name}", [sys.executable, "-m", service.package, "migrate"], log=log, env=env
    )
    try:
        if await migration.ended() != 0:
            raise PlatformError(f"The migration of {service.name} failed:\n{migration.log_tail()}")
    finally:
        migration.kill()
    return True


async def _is_newest(service: Service, url: str) -> bool:
    """Spares a warm start one process a service."""
    database = importlib.import_module("klokwerk.database")
    connection = await asyncpg.connect(url, timeout=10)
    try:
        stands_at = await connection.fetchval("select version_num from alembic_version")
    except asyncpg.UndefinedTableError:
        return False
    finally:
        await connection.close()
    newest = database.head_revision(service.package)
    return stands_at is not None and stands_at == newest
