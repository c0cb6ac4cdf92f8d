"""Connections to accounting systems: sealed credentials, who may use them, and how they were found."""

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.sealing import Sealer
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.domain.targets import Target
from accounting_sync.targets.answers import ConsentNeeded
from accounting_sync.targets.exact_tokens import NO_CONSENT, Claim, ExactCredentials
from accounting_sync.targets.moneybird import MoneybirdCredentials

Credentials = ExactCredentials | MoneybirdCredentials
RENEWAL_LEASE = timedelta(seconds=60)
"""After this long without an end a renewal has broken off."""
SEALS_KEPT = 8

_READ = sa.text(
    "select sealed, target, needs_consent, why, paused_until, checked_at, check_ok, check_message "
    "from connection where administration = :code"
)
_SAVE = sa.text(
    "insert into connection (administration, sealed, target, needs_consent, why, changed_at) "
    "values (:code, :sealed, :target, :needs, :why, :now) on conflict (administration) do update set "
    "sealed = excluded.sealed, target = excluded.target, needs_consent = excluded.needs_consent, "
    "why = excluded.why, paused_until = null, renewing_by = null, renewing_since = null, "
    "renewal_lost_at = null, checked_at = null, check_ok = null, check_message = '', "
    "changed_at = excluded.changed_at"
)
_LOST = sa.text(
    "update connection set needs_consent = true, why = :why, changed_at = :now, checked_at = :now, "
    "check_ok = false, check_message = :why where administration = :code and sealed = :sealed "
    "and not needs_consent"
)
_CLAIM = sa.text(
    "with old as (select administration, coalesce(renewal_lost_at, renewing_since) as broke_off from connection "
    "where administration = :code for no key update) "
    "update connection c set renewing_by = :holder, renewing_since = clock_timestamp() from old "
    "where c.administration = old.administration and (c.renewing_by is null "
    "or c.renewing_since < clock_timestamp() - cast(:lease as interval)) "
    "returning c.sealed, c.needs_consent, c.why, old.broke_off"
)
_END = sa.text(
    "update connection set renewing_by = null, renewing_since = null, "
    "renewal_lost_at = case when :lost then coalesce(renewal_lost_at, clock_timestamp()) else renewal_lost_at end "
    "where administration = :code and renewing_by = :holder"
)
_RENEWED = sa.text(
    "update connection set sealed = :sealed, needs_consent = false, why = '', renewing_by = null, "
    "renewing_since = null, renewal_lost_at = null, changed_at = :now "
    "where administration = :code and sealed = :old"
)
_BROKE_OFF = sa.text(
    "select administration from connection where not needs_consent "
    "and renewing_since < clock_timestamp() - cast(:lease as interval) order by administration"
)
_TO_CHECK = sa.text(
    "update connection set checked_at = :now where administration in (select c.administration from connection c "
    "join administration a on a.code = c.administration and a.target = c.target where not c.needs_consent "
    "and (c.checked_at is null or c.checked_at < :before) order by c.administration limit :limit "
    "for no key update of c skip locked) returning administration"
)
_CHECKED = sa.text(
    "update connection set checked_at = :now, check_ok = :ok, check_message = :message where administration = :code"
)


@dataclass(frozen=True, slots=True)
class ConnectionHealth:
    """What is known of a connection without making a call; `why` says what a person has to do."""

    has_credentials: bool
    needs_consent: bool
    paused_until: datetime | None
    why: str = ""
    checked_at: datetime | None = None
    check_ok: bool | None = None
    check_message: str = ""


async def save(
    connection: AsyncConnection,
    box: Sealer,
    code: str,
    target: Target,
    credentials: Credentials,
    now: datetime,
) -> None:
    """Keep credentials that a person entered, encrypted."""
    needs = isinstance(credentials, ExactCredentials) and credentials.refresh_token is None
    await connection.execute(
        _SAVE,
        {
            "code": code,
            "sealed": _sealed(box, code, credentials),
            "target": target.value,
            "needs": needs,
            "why": NO_CONSENT if needs else "",
            "now": now,
        },
    )


async def known(connection: AsyncConnection, code: str, target: Target) -> bool:
    """Whether an administration has credentials for its accounting system."""
    row = (await connection.execute(_READ, {"code": code})).one_or_none()
    return row is not None and row.target == target.value


async def health(connection: AsyncConnection, code: str, target: Target) -> ConnectionHealth:
    """Whether calls can be made at all."""
    row = (await connection.execute(_READ, {"code": code})).one_or_none()
    if row is None or row.target != target.value:
        return ConnectionHealth(False, False, None)
    return ConnectionHealth(
        True,
        row.needs_consent,
        row.paused_until,
        row.why,
        row.checked_at,
        row.check_ok,
        row.check_message,
    )


async def checked(connection: AsyncConnection, code: str, *, ok: bool, message: str, now: datetime) -> None:
    """Keep what a test of the connection found."""
    await connection.execute(_CHECKED, {"code": code, "ok": ok, "message": message, "now": now})


async def to_check(connection: AsyncConnection, before: datetime, now: datetime, limit: int) -> list[str]:
    """Administrations whose connection was not tested since `before`; they count as tested from now on."""
    values = {"before": before, "now": now, "limit": limit}
    return [row.administration for row in await connection.execute(_TO_CHECK, values)]


async def broken_off(connection: AsyncConnection, lease: timedelta = RENEWAL_LEASE) -> list[str]:
    """Administrations where a renewal of the sign-in began and never came to an end."""
    return [row.administration for row in await connection.execute(_BROKE_OFF, {"lease": lease})]


class StoredCredentials:
    """The credentials of one administration, shared by all processes through their row."""

    def __init__(
        self, database: Database, clock: Clock, box: Sealer, code: str, lease: timedelta = RENEWAL_LEASE
    ) -> None:
        self._database = database
        self._clock = clock
        self._box = box
        self._code = code
        self._lease = lease
        self._seals: dict[Credentials, bytes] = {}
        """The sealed form of what was read last: a row is changed only while it still holds that."""

    async def credentials(self) -> ExactCredentials:
        """Those for Exact Online.

        Raises:
            ConsentNeeded: there are none, or the last ones were found to be of no use.
        """
        return self._exact(await self._read())

    async def stored(self) -> ExactCredentials:
        """The same, also when they were found to be of no use.

        Raises:
            ConsentNeeded: there are none.
        """
        return self._exact(await self._read(), also_useless=True)

    async def moneybird(self) -> MoneybirdCredentials:
        """Those for Moneybird.

        Raises:
            ConsentNeeded: as `credentials`.
        """
        found = self._opened(await self._read())
        if not isinstance(found, MoneybirdCredentials):
            raise ConsentNeeded("no token for Moneybird is set; enter it in the administration")
        return found

    async def useless(self, reason: str) -> None:
        """Make no further calls with what is stored until a person has entered other credentials."""
        row = await self._read()
        if row is not None:
            await self._lost(bytes(row.sealed), reason)

    async def consent_lost(self, credentials: ExactCredentials, reason: str) -> None:
        """Make no further calls with these credentials; new ones make an end to that."""
        if (sealed := self._seals.get(credentials)) is not None:
            await self._lost(sealed, reason)

    async def claim_renewal(self, holder: uuid.UUID) -> Claim | None:
        """Note that `holder` renews the sign-in now; none while another process does.

        Raises:
            ConsentNeeded: as `credentials`.
        """
        async with self._database.transaction() as connection:
            values = {"code": self._code, "holder": holder, "lease": self._lease}
            row = (await connection.execute(_CLAIM, values)).one_or_none()
            if row is None:
                return None
            return Claim(self._exact(row), row.broke_off)

    async def end_renewal(self, holder: uuid.UUID, *, answer_lost: bool) -> None:
        """Note that it came to an end, and whether it is known to which."""
        async with self._database.transaction() as connection:
            await connection.execute(_END, {"code": self._code, "holder": holder, "lost": answer_lost})

    async def save_renewed(self, old: ExactCredentials, new: ExactCredentials) -> None:
        """Keep a new pair in place of the one it came from; a person's new credentials stay as they are."""
        sealed = _sealed(self._box, self._code, new)
        values = {"code": self._code, "sealed": sealed, "old": self._seals[old], "now": self._clock.now()}
        async with self._database.transaction() as connection:
            await connection.execute(_RENEWED, values)
        self._seals[new] = sealed

    async def _read(self) -> Any:
        async with self._database.connect() as connection:
            return (await connection.execute(_READ, {"code": self._code})).one_or_none()

    async def _lost(self, sealed: bytes, reason: str) -> None:
        async with self._database.transaction() as connection:
            values = {"code": self._code, "sealed": sealed, "why": reason, "now": self._clock.now()}
            await connection.execute(_LOST, values)

    def _exact(self, row: Any, *, also_useless: bool = False) -> ExactCredentials:
        found = self._opened(row, also_useless=also_useless)
        if not isinstance(found, ExactCredentials):
            raise ConsentNeeded("no credentials for Exact Online are set; enter them in the administration")
        return found

    def _opened(self, row: Any, *, also_useless: bool = False) -> Credentials | None:
        if row is None:
            return None
        if row.needs_consent and not also_useless:
            raise ConsentNeeded(row.why or NO_CONSENT)
        sealed = bytes(row.sealed)
        found = _of(self._box.open_document(sealed, self._code))
        self._seals[found] = sealed
        while len(self._seals) > SEALS_KEPT:
            self._seals.pop(next(iter(self._seals)))
        return found


def _sealed(box: Sealer, code: str, credentials: Credentials) -> bytes:
    document = asdict(credentials)
    if isinstance(credentials, ExactCredentials) and credentials.obtained_at is not None:
        document["obtained_at"] = credentials.obtained_at.isoformat()
    return box.seal_document(document, code)


def _of(document: dict[str, Any]) -> Credentials:
    if "token" in document:
        return MoneybirdCredentials(**document)
    obtained = document.get("obtained_at")
    return ExactCredentials(
        **{**document, "obtained_at": datetime.fromisoformat(obtained) if obtained else None}
    )
