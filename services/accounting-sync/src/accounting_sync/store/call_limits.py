"""Pauses and the error allowance of a connection, for all processes that call over it."""

import uuid
from datetime import datetime, timedelta

import sqlalchemy as sa
from klokwerk.database import Database
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.targets.gate import ERROR_WINDOW, LEASE_SECONDS, Places

_PAUSED = sa.text("select paused_until from connection where administration = :code")
_PAUSE = sa.text(
    "update connection set paused_until = greatest(coalesce(paused_until, :until), :until) "
    "where administration = :code"
)
_ONE_AT_A_TIME = sa.text("select from connection where administration = :code for no key update")
_FREE_OLD = sa.text("delete from call_place where administration = :code and until < clock_timestamp()")
_STANDING = sa.text(
    "select (select count(*) from connection_error where administration = :code and endpoint = :endpoint "
    "and at > :since) as errors, (select min(at) from connection_error where administration = :code "
    "and endpoint = :endpoint and at > :since) as oldest, (select coalesce(sum(places), 0) from call_place "
    "where administration = :code and endpoint = :endpoint and holder <> :holder) as taken"
)
_HOLD = sa.text(
    "insert into call_place (administration, endpoint, holder, places, until) "
    "values (:code, :endpoint, :holder, :places, clock_timestamp() + cast(:lease as interval)) "
    "on conflict (administration, endpoint, holder) do update set places = excluded.places, until = excluded.until"
)
_NOTE = sa.text(
    "insert into connection_error (administration, endpoint, status, at) values (:code, :endpoint, :status, :at)"
)
_USE_UP = sa.text(
    "update call_place set places = places - 1 where administration = :code and endpoint = :endpoint "
    "and holder = :holder and places > 0"
)
_GIVE_BACK = sa.text("delete from call_place where administration = :code and holder = :holder")
_FORGET = sa.text("delete from connection_error where at < :before")


async def forget_errors(connection: AsyncConnection, before: datetime) -> None:
    """Drop refused calls that count no more."""
    await connection.execute(_FORGET, {"before": before})


class SharedLimits:
    """What all processes share of one administration's call limits."""

    def __init__(self, database: Database, code: str) -> None:
        self._database = database
        self._code = code

    async def paused_until(self) -> datetime | None:
        """Until when no calls may be made."""
        async with self._database.connect() as connection:
            found: datetime | None = (await connection.execute(_PAUSED, {"code": self._code})).scalar()
        return found

    async def pause(self, until: datetime) -> None:
        """No calls until then, from any process."""
        async with self._database.transaction() as connection:
            await connection.execute(_PAUSE, {"code": self._code, "until": until})

    async def hold_places(
        self, holder: uuid.UUID, endpoint: str, wanted: int, allowance: int, since: datetime
    ) -> Places:
        """Hold up to `wanted` places of an endpoint's allowance; what others hold and refused calls are taken."""
        values = {"code": self._code, "endpoint": endpoint, "holder": holder, "since": since}
        async with self._database.transaction() as connection:
            await connection.execute(_ONE_AT_A_TIME, values)
            await connection.execute(_FREE_OLD, values)
            standing = (await connection.execute(_STANDING, values)).one()
            held = max(0, min(wanted, allowance - standing.errors - int(standing.taken)))
            lease = {"lease": timedelta(seconds=LEASE_SECONDS), "places": held}
            await connection.execute(_HOLD, values | lease)
        again = standing.oldest + ERROR_WINDOW if standing.oldest is not None else None
        return Places(held, standing.errors, again)

    async def note_error(self, holder: uuid.UUID, endpoint: str, at: datetime, status: int) -> None:
        """Count a refused call in place of the place it had."""
        values = {"code": self._code, "endpoint": endpoint, "holder": holder, "at": at, "status": status}
        async with self._database.transaction() as connection:
            await connection.execute(_NOTE, values)
            await connection.execute(_USE_UP, values)

    async def give_places_back(self, holder: uuid.UUID) -> None:
        """Hold no places any more."""
        async with self._database.transaction() as connection:
            await connection.execute(_GIVE_BACK, {"code": self._code, "holder": holder})
