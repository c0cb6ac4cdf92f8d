"""Connections to customers' own servers: addresses readable, secrets sealed."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import sqlalchemy as sa
from klokwerk.sealing import Sealer
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from ekt_service.domain.connection import (
    Connection,
    ConnectionState,
    LastTest,
    Report,
    Secrets,
    Step,
    StepOutcome,
)
from ekt_service.domain.debtor import Way
from ekt_service.domain.server_address import Address
from ekt_service.store.debtors import DebtorKey

SEALED = "ekt-service/connection"
"""Purpose of the key that seals secrets."""
_ADDRESS: TypeAdapter[Any] = TypeAdapter(Address)
# ruff: noqa: S608 - statements are put together from the column names below, never from what comes in
_COLUMNS = (
    "id, administration, debtor_id, revision, address, sealed, held, fingerprint, changed_at, changed_by, "
    "address_changed_at, tested_at, tested_by, test, tested_well"
)
_GET = sa.text(
    f"select {_COLUMNS} from connection where administration = :administration and debtor_id = :debtor"
)
_LOCK = sa.text(_GET.text + " for update")
_PUT = sa.text(
    "insert into connection (id, administration, debtor_id, revision, address, sealed, held, fingerprint, "
    "changed_at, changed_by, address_changed_at) values (:id, :administration, :debtor, :revision, "
    "cast(:address as jsonb), :sealed, :held, :fingerprint, :now, :by, :address_changed_at) "
    "on conflict (administration, debtor_id) do update set revision = excluded.revision, "
    "address = excluded.address, sealed = excluded.sealed, held = excluded.held, "
    "fingerprint = excluded.fingerprint, changed_at = excluded.changed_at, changed_by = excluded.changed_by, "
    "address_changed_at = excluded.address_changed_at, tested_at = null, tested_by = '', test = null, "
    "tested_well = false"
)
_DELETE = sa.text(
    "delete from connection where administration = :administration and debtor_id = :debtor returning id"
)
_ACCEPT = sa.text(
    "update connection set fingerprint = :fingerprint, revision = revision + 1, changed_at = :now, "
    "changed_by = :by where id = :id and revision = :revision returning revision"
)
_TESTED = sa.text(
    "update connection set tested_at = :now, tested_by = :by, test = cast(:test as jsonb), tested_well = :ok "
    "where id = :id and revision = :revision"
)
_STATES = sa.text(
    "select administration, debtor_id, address ->> 'way' as way, held, fingerprint <> '' as accepted, tested_well "
    "from connection where (administration, debtor_id) in "
    "(select * from unnest(cast(:administrations as text[]), cast(:debtors as text[])))"
)
_LEADS_ELSEWHERE = sa.text(
    "update connection t set address_changed_at = :now where t.administration = :administration "
    "and t.debtor_id = :target and exists (select 1 from connection s where "
    "s.administration = :administration and s.debtor_id = :source)"
)
_HAND_OVER = sa.text(
    "update connection set debtor_id = :target, revision = revision + 1 where administration = :administration "
    "and debtor_id = :source and not exists (select 1 from connection t where "
    "t.administration = :administration and t.debtor_id = :target)"
)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A connection as it is kept, its secrets unread."""

    row: Mapping[str, Any]

    @property
    def held(self) -> tuple[str, ...]:
        """Names of the secrets that are there."""
        return tuple(self.row["held"])

    def with_secrets(self, secrets: Secrets) -> Connection:
        """The connection with given secrets."""
        return _of(self.row, secrets)

    def opened(self, box: Sealer) -> Connection:
        """The connection with its own secrets.

        Raises:
            WrongSecretKey: they were sealed with another key.
        """
        opened = box.open_document(bytes(self.row["sealed"]), str(self.row["id"]))
        return _of(self.row, Secrets(**opened))

    @property
    def shown(self) -> Connection:
        """The connection without secrets."""
        return _of(self.row, Secrets())


async def get(connection: AsyncConnection, debtor: DebtorKey, *, lock: bool = False) -> Sealed | None:
    """A debtor's connection; `lock` keeps it until the transaction ends."""
    values = {"administration": debtor[0], "debtor": debtor[1]}
    row = (await connection.execute(_LOCK if lock else _GET, values)).mappings().one_or_none()
    return Sealed(dict(row)) if row else None


async def put(connection: AsyncConnection, box: Sealer, changed: Connection) -> None:
    """Keep a connection as a whole; what an earlier test found is forgotten."""
    await connection.execute(
        _PUT,
        {
            "id": changed.id,
            "administration": changed.administration,
            "debtor": changed.debtor_id,
            "revision": changed.revision,
            "address": changed.address.model_dump_json(),
            "sealed": box.seal_document(asdict(changed.secrets), str(changed.id)),
            "held": list(changed.secrets.held),
            "fingerprint": changed.fingerprint,
            "now": changed.changed_at,
            "by": changed.changed_by,
            "address_changed_at": changed.address_changed_at,
        },
    )


async def delete(connection: AsyncConnection, debtor: DebtorKey) -> bool:
    """Forget a connection with its secrets; false when there is none."""
    values = {"administration": debtor[0], "debtor": debtor[1]}
    return (await connection.execute(_DELETE, values)).one_or_none() is not None


async def accept(
    connection: AsyncConnection, tested: Connection, fingerprint: str, by: str, now: datetime
) -> int | None:
    """Pin a host key or certificate on the revision that was seen; none when it was changed meanwhile."""
    values = {"id": tested.id, "revision": tested.revision, "fingerprint": fingerprint, "by": by, "now": now}
    found: int | None = (await connection.execute(_ACCEPT, values)).scalar_one_or_none()
    return found


async def keep_test(
    connection: AsyncConnection, tested: Connection, report: Report, by: str, now: datetime
) -> None:
    """Remember what a test found, unless the connection was changed while it ran."""
    test = {
        "steps": [
            {"name": step.name, "outcome": step.outcome.value, "message": step.message}
            for step in report.steps
        ],
        "fingerprint": report.fingerprint,
    }
    values = {"id": tested.id, "revision": tested.revision, "test": orjson.dumps(test).decode()}
    await connection.execute(_TESTED, values | {"ok": report.ok, "by": by, "now": now})


async def states(
    connection: AsyncConnection, debtors: Iterable[DebtorKey]
) -> dict[DebtorKey, ConnectionState]:
    """What the requirements need to know, for those of `debtors` that have a connection."""
    wanted = sorted(set(debtors))
    if not wanted:
        return {}
    values = {"administrations": [key[0] for key in wanted], "debtors": [key[1] for key in wanted]}
    return {
        (row.administration, row.debtor_id): ConnectionState(
            Way(row.way), frozenset(row.held), row.accepted, row.tested_well
        )
        for row in await connection.execute(_STATES, values)
    }


async def hand_over(connection: AsyncConnection, source: DebtorKey, target_id: str, now: datetime) -> None:
    """After a merge: the target keeps its own connection, else it gets the source's; the source has none.

    What went to the source's server can't be asked about at the target's, so that counts as having changed.
    """
    values = {"administration": source[0], "source": source[1], "target": target_id}
    await connection.execute(_LEADS_ELSEWHERE, values | {"now": now})
    await connection.execute(_HAND_OVER, values)
    await delete(connection, source)


def _of(row: Mapping[str, Any], secrets: Secrets) -> Connection:
    return Connection(
        id=UUID(str(row["id"])),
        administration=row["administration"],
        debtor_id=row["debtor_id"],
        address=_ADDRESS.validate_python(row["address"]),
        secrets=secrets,
        fingerprint=row["fingerprint"],
        revision=row["revision"],
        changed_at=row["changed_at"],
        changed_by=row["changed_by"],
        address_changed_at=row["address_changed_at"],
        tested=_test(row),
    )


def _test(row: Mapping[str, Any]) -> LastTest | None:
    if row["test"] is None:
        return None
    kept = row["test"]
    steps = tuple(Step(step["name"], StepOutcome(step["outcome"]), step["message"]) for step in kept["steps"])
    return LastTest(row["tested_at"], row["tested_by"], Report(steps, kept["fingerprint"]))
