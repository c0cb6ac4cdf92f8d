"""What the routes and workers of this service stand on, built once in `app`."""

from dataclasses import dataclass

from fastapi import Request
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.http.problems import not_found
from klokwerk.sealing import Sealer
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.direct_export import DirectExport
from accounting_sync.domain.administration import Administration
from accounting_sync.file_export import FileExport
from accounting_sync.links import Links
from accounting_sync.store import administrations
from accounting_sync.upkeep import Upkeep


@dataclass(frozen=True, slots=True)
class Accounting:
    """The service's own parts."""

    database: Database
    clock: Clock
    box: Sealer
    links: Links
    upkeep: Upkeep
    file_export: FileExport
    direct_export: DirectExport


def accounting(request: Request) -> Accounting:
    """The parts, for a route."""
    parts: Accounting = request.app.state.accounting
    return parts


async def administration_of(connection: AsyncConnection, code: str) -> Administration:
    """One administration.

    Raises:
        Problem: 404, there is none with this code.
    """
    found = await administrations.find(connection, code)
    if found is None:
        raise not_found("administration", code)
    return found
