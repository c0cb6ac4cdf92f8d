"""The handlers of the EKT service on a database of their own, without Kafka around them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import sqlalchemy as sa
from ekt_service.building import Building
from ekt_service.consumers import Consumers
from ekt_service.domain.requirements import Abilities
from ekt_service.sending import Sending
from ekt_world import MODULE, NOON
from klokwerk.clock import FixedClock
from klokwerk.consume import Received
from klokwerk.database import Database
from klokwerk.outbox import Outbox
from klokwerk.testing import fresh_database
from klokwerk_contracts import Event, new_event_id
from klokwerk_contracts.envelope import Envelope


class Desk:
    """The handlers on a database of their own, without Kafka around them; counts statements."""

    def __init__(self, database: Database) -> None:
        clock = FixedClock(NOON)
        building = Building(clock, "ekt.example")
        sending = Sending(clock, Outbox("/ekt-service"), Abilities(email=True, folder=True), building)
        self.database, self.handlers, self.statements = database, Consumers(sending, clock), 0
        sa.event.listen(database.engine.sync_engine, "before_cursor_execute", self._count)

    def _count(self, *about: object) -> None:
        parameters, many = about[3], about[5]
        self.statements += len(parameters) if many else 1

    async def handle(self, handler: str, *events: Event) -> int:
        """Give one batch to a handler; how many statements it took."""
        before = self.statements
        envelope = Envelope(new_event_id(), "any", "//test", NOON, "any/v1")
        received = [Received(event, envelope, event.TOPIC, 0, place) for place, event in enumerate(events)]
        async with self.database.transaction() as connection:
            await getattr(self.handlers, handler)(connection, received)
        return self.statements - before

    async def rows(self, statement: str) -> list[tuple]:
        async with self.database.connect() as connection:
            return [tuple(row) for row in await connection.execute(sa.text(statement))]


@asynccontextmanager
async def open_desk(admin_url: str) -> AsyncIterator[Desk]:
    async with fresh_database(admin_url, "ekt_service") as url:
        database = Database(url)
        async with database.transaction() as connection:
            settings = {"settings": orjson.dumps(MODULE).decode()}
            await connection.execute(
                sa.text("update module set settings = cast(:settings as jsonb)"), settings
            )
        yield Desk(database)
        await database.close()
