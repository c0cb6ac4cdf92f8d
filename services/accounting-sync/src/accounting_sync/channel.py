"""The delivery channel to accounting systems: how to send one line, and how to ask what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import orjson
import sqlalchemy as sa
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.deliveries import Delivery, Outcome, not_there, refused, sent, temporary, unknown
from klokwerk.sealing import WrongSecretKey

from accounting_sync.domain.lines import Action
from accounting_sync.domain.relation import Kind, data_from_json
from accounting_sync.domain.retries import after_temporary
from accounting_sync.domain.targets import Target
from accounting_sync.links import Links
from accounting_sync.targets.answers import ConsentNeeded, Lost, Refused, Temporary
from accounting_sync.targets.direct import DirectTarget, Sending

RETRIES = (timedelta(0),) * 100_000
"""The library's own pauses: none, since every pause is given with the outcome (D-07)."""
QUESTIONS = (
    timedelta(seconds=2),
    timedelta(seconds=15),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    *(timedelta(days=1),) * 365,
)
"""When to ask again what became of a call without an answer."""

_LINE = sa.text(
    "select l.remote_id, l.attempted, r.remote_id as known from line l join relation r using "
    "(administration, kind, debtor_id) where l.delivery_id = :delivery"
)
_REMEMBER = sa.text("update line set remote_id = :remote where delivery_id = :delivery")
_COUNT_FAILURE = sa.text(
    "update line set failures = failures + 1, attempted = true where delivery_id = :delivery returning failures"
)


@dataclass(frozen=True, slots=True)
class Tried:
    """What is known of a line beside what is sent: the id it was given by an earlier call, whether such a call
    may have been carried out, and the id of the relation from before."""

    remote_id: str | None = None
    attempted: bool = True
    known: str | None = None


class DirectChannel:
    """Sends single relations to the accounting systems of all administrations."""

    def __init__(self, database: Database, clock: Clock, links: Links) -> None:
        self._database = database
        self._clock = clock
        self._links = links

    async def send(self, delivery: Delivery) -> Outcome:
        """Insert or update one relation; never a second time what is there already."""
        sending, target = _sending(delivery), self._target(delivery)
        try:
            line = await self._line(delivery)
            known = line.remote_id or (line.known if sending.action is Action.UPDATE else None)
            if sending.action is Action.INSERT and known is None and line.attempted:
                known = await self._ours(target, delivery, sending)

            async def remember(remote: str) -> None:
                await self._remember(delivery, remote)

            remote = await target.put_through(sending, known, remember)
        except Lost as lost:
            return unknown(f"{lost}; the accounting system is being asked")
        except Refused as refusal:
            return refused(refusal.message)
        except (Temporary, ConsentNeeded, WrongSecretKey) as trouble:
            return await self._later(trouble, delivery)
        return sent(reference=remote)

    async def ask(self, delivery: Delivery) -> Outcome:
        """Look up by code: an insert that is there as sent needs nothing more; everything else may be sent,
        since an update twice is one update."""
        sending, target = _sending(delivery), self._target(delivery)
        if sending.action is not Action.INSERT:
            return not_there()
        try:
            remote = await self._ours(target, delivery, sending)
        except (Temporary, ConsentNeeded, Refused, Lost, WrongSecretKey) as trouble:
            return unknown(f"no answer came yet, and asking did not help: {trouble}")
        if remote is None or not target.complete_at_once(sending):
            return not_there()  # with the id remembered, sending again updates and completes it
        return sent(reference=remote)

    def _target(self, delivery: Delivery) -> DirectTarget:
        return self._links.target(delivery.recipient, Target(delivery.channel))

    async def _ours(self, target: DirectTarget, delivery: Delivery, sending: Sending) -> str | None:
        """The id of the relation that an earlier attempt of this line made, if there is one."""
        remote = await target.sent_before(sending)
        if remote is not None:
            await self._remember(delivery, remote)
        return remote

    async def _later(self, trouble: Exception, delivery: Delivery) -> Outcome:
        now = self._clock.now()
        if isinstance(trouble, Temporary) and trouble.until is not None and trouble.until > now:
            return temporary(str(trouble), trouble.until - now)  # waiting for room is no failure
        async with self._database.transaction() as connection:
            counted = (await connection.execute(_COUNT_FAILURE, {"delivery": delivery.id})).scalar()
        return temporary(str(trouble), after_temporary(int(counted or 1), now, self._clock.zone) - now)

    async def _line(self, delivery: Delivery) -> Tried:
        if delivery.attempts == 1 and "tried" in delivery.context:
            return Tried(**delivery.context["tried"])  # nothing was called since it was planned
        async with self._database.connect() as connection:
            row = (await connection.execute(_LINE, {"delivery": delivery.id})).one_or_none()
        return Tried(*row) if row else Tried()

    async def _remember(self, delivery: Delivery, remote: str) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(_REMEMBER, {"delivery": delivery.id, "remote": remote})


def _sending(delivery: Delivery) -> Sending:
    context: Mapping[str, str] = delivery.context
    return Sending(
        Kind(context["kind"]),
        Action(context["action"]),
        data_from_json(orjson.loads(delivery.payload or b"{}")),
        tuple(context.get("cleared", ())),
    )
