"""The delivery channel to Exact Online: how to send one line, and how to ask what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import httpx
import orjson
import sqlalchemy as sa
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.deliveries import Delivery, Outcome, not_there, refused, sent, temporary, unknown
from klokwerk.sealing import Sealer, WrongSecretKey

from accounting_sync.domain.lines import Action
from accounting_sync.domain.relation import Kind, RelationData, data_from_json
from accounting_sync.domain.retries import after_temporary
from accounting_sync.store.connections import DatabaseConnectionState
from accounting_sync.targets.exact_answers import ConsentNeeded, ExactLost, ExactRefused, ExactTemporary
from accounting_sync.targets.exact_connection import ExactConnection
from accounting_sync.targets.exact_direct import ExactAccounts, has_details

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
class _Line:
    """What this service knows of a line beside what is sent; `attempted` means that an earlier call may have
    been carried out."""

    remote_id: str | None
    attempted: bool
    known: str | None


class ExactChannel:
    """Sends single relations to Exact Online on behalf of all administrations."""

    def __init__(self, database: Database, clock: Clock, box: Sealer, http: httpx.AsyncClient) -> None:
        self._database = database
        self._clock = clock
        self._box = box
        self._http = http

    def accounts(self, administration: str) -> ExactAccounts:
        """The relations of an administration over there."""
        return ExactAccounts(self.connection(administration))

    def connection(self, administration: str) -> ExactConnection:
        """The connection of an administration, with the state that all processes share."""
        state = DatabaseConnectionState(self._database, self._clock, self._box, administration)
        return ExactConnection(self._http, state, self._clock)

    async def send(self, delivery: Delivery) -> Outcome:
        """Insert or update one relation; never a second time what is there already."""
        line = await self._line(delivery)
        kind, action, data = _order(delivery)
        accounts = self.accounts(delivery.recipient)
        try:
            known = line.remote_id or (line.known if action is Action.UPDATE else None)
            if action is Action.INSERT and known is None and line.attempted:
                known = await self._ours(accounts, delivery, kind, data)

            async def remember(remote: str) -> None:
                await self._remember(delivery, remote)

            remote = await accounts.put_through(kind, action, data, known, remember)
        except ExactLost as lost:
            return unknown(f"{lost}; the accounting system is being asked")
        except ExactRefused as refusal:
            return refused(refusal.message)
        except (ExactTemporary, ConsentNeeded, WrongSecretKey) as trouble:
            return await self._later(trouble, delivery)
        return sent(reference=remote)

    async def ask(self, delivery: Delivery) -> Outcome:
        """Look up by code: an insert that is there as sent needs nothing more; everything else may be sent,
        since an update twice is one update."""
        kind, action, data = _order(delivery)
        if action is not Action.INSERT:
            return not_there()
        try:
            remote = await self._ours(self.accounts(delivery.recipient), delivery, kind, data)
        except (ExactTemporary, ConsentNeeded, ExactRefused, ExactLost, WrongSecretKey) as trouble:
            return unknown(f"no answer came yet, and asking did not help: {trouble}")
        if remote is None or has_details(data):
            return not_there()  # with the id remembered, sending again updates and completes it
        return sent(reference=remote)

    async def _ours(
        self, accounts: ExactAccounts, delivery: Delivery, kind: Kind, data: RelationData
    ) -> str | None:
        """The id of the relation that an earlier attempt of this line made, if there is one."""
        found = await accounts.find(data.code or "")
        if found is None or not found.is_what_we_sent(kind, data):
            return None
        await self._remember(delivery, found.id)
        return found.id

    async def _later(self, trouble: Exception, delivery: Delivery) -> Outcome:
        now = self._clock.now()
        if isinstance(trouble, ExactTemporary) and trouble.until is not None and trouble.until > now:
            return temporary(str(trouble), trouble.until - now)  # waiting for room is no failure
        async with self._database.transaction() as connection:
            counted = (await connection.execute(_COUNT_FAILURE, {"delivery": delivery.id})).scalar()
        return temporary(str(trouble), after_temporary(int(counted or 1), now, self._clock.zone) - now)

    async def _line(self, delivery: Delivery) -> _Line:
        async with self._database.connect() as connection:
            row = (await connection.execute(_LINE, {"delivery": delivery.id})).one_or_none()
        return _Line(*row) if row else _Line(None, True, None)

    async def _remember(self, delivery: Delivery, remote: str) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(_REMEMBER, {"delivery": delivery.id, "remote": remote})


def _order(delivery: Delivery) -> tuple[Kind, Action, RelationData]:
    context: Mapping[str, str] = delivery.context
    return (
        Kind(context["kind"]),
        Action(context["action"]),
        data_from_json(orjson.loads(delivery.payload or b"{}")),
    )
