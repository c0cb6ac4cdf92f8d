"""Brings a database to the newest migration. Apart from `database`, for a service that serves needs no Alembic."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from klokwerk.database import Database, advisory_key


async def migrate(database: Database, package: str) -> None:
    """Bring the database to the newest migration of `package`; several processes may call this at once.

    Args:
        database: the service's database.
        package: import name of the service, which holds ``migrations/versions``.
    """
    config = alembic_config(package)
    key = advisory_key(f"migrate:{package}")

    def upgrade(connection: sa.Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    async with database.engine.connect() as connection:
        await connection.execute(sa.text("set statement_timeout = 0"))
        await connection.execute(sa.text("select pg_advisory_lock(:key)"), {"key": key})
        await connection.commit()
        try:
            await connection.run_sync(upgrade)
            await connection.commit()
        finally:
            await connection.rollback()
            await connection.execute(sa.text("select pg_advisory_unlock(:key)"), {"key": key})
            await connection.commit()
            await connection.invalidate()


def alembic_config(package: str) -> Config:
    """Where Alembic finds the migrations of `package`."""
    versions = importlib.resources.files(package) / "migrations" / "versions"
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("version_locations", str(versions))
    config.set_main_option("path_separator", "newline")
    return config
