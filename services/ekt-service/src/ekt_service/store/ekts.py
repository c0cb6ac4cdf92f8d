"""EKTs and their files: the log of every sending."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
import sqlalchemy as sa
from klokwerk_contracts.ekt_delivery_changed import EktTrigger
from klokwerk_contracts.ekt_resend_requested import ResendReason
from klokwerk_contracts.outcomes import DeliveryState
from sqlalchemy.ext.asyncio import AsyncConnection

from ekt_service.domain.ekt import Ekt, EktFile, SaleKey, natural_key

# ruff: noqa: S608 - statements are put together from the column names below, never from what comes in
_COLUMNS = (
    "id, administration, sale_debtor_id, order_day, debtor_id, trigger, request_id, needs_revision, revision, "
    "state, sale_revision, method, recipient, file_name, sha256, lines, message, reason, note, requested_by, "
    "requested_at, made_at, changed_at, confirmed_at, confirmed_by, confirm_note, "
    "bounced_at, other_recipients"
)
COLUMN_NAMES = tuple(name.strip() for name in _COLUMNS.split(","))
"""Columns of an EKT, as `ekt_of` takes them."""
_INSERT = sa.text(
    f"insert into ekt (natural_key, {_COLUMNS}) select natural_key, {_COLUMNS} "
    "from json_populate_recordset(cast(null as ekt), cast(:rows as json)) "
    "on conflict (natural_key) do nothing returning id"
)
_CHANGED = (
    "debtor_id",
    "revision",
    "state",
    "sale_revision",
    "method",
    "recipient",
    "file_name",
    "sha256",
    "lines",
    "message",
    "changed_at",
    "confirmed_at",
    "confirmed_by",
    "confirm_note",
    "bounced_at",
    "other_recipients",
)
_UPDATE = sa.text(
    f"update ekt set {', '.join(f'{name} = changed.{name}' for name in _CHANGED)} "
    "from json_populate_recordset(cast(null as ekt), cast(:rows as json)) as changed where ekt.id = changed.id"
)
_GET = sa.text(f"select {_COLUMNS} from ekt where id = :id")
_LOCK = sa.text(
    f"select {_COLUMNS} from ekt where id = any(cast(:ids as uuid[])) and state = 'waiting' order by id for update"
)
_LOCK_ALL = sa.text(f"select {_COLUMNS} from ekt where id = any(cast(:ids as uuid[])) order by id for update")
_LOCK_ONE = sa.text(f"select {_COLUMNS} from ekt where id = :id for update")
_BY_IDS = sa.text(f"select {_COLUMNS} from ekt where id = any(cast(:ids as uuid[])) order by id")
_WITH_FIRST = sa.text(
    "select administration, debtor_id, order_day from ekt where trigger = 'first' and "
    "(administration, debtor_id, order_day) in "
    "(select * from unnest(cast(:administrations as text[]), cast(:debtors as text[]), cast(:days as date[])))"
)
_KNOWN_KEYS = sa.text("select natural_key from ekt where natural_key = any(cast(:keys as text[]))")
_OF_DAY = sa.text(
    f"select {_COLUMNS} from ekt where administration = :administration and debtor_id = :debtor "
    "and order_day = :day order by made_at, id"
)
_ADD_FILES = sa.text(
    "insert into ekt_file (ekt_id, number, name, reference, lines, content, sha256) "
    "select * from unnest(cast(:ekts as uuid[]), cast(:numbers as int[]), cast(:names as text[]), "
    "cast(:references as text[]), cast(:lines as int[]), cast(:contents as bytea[]), cast(:sha256s as text[]))"
)
_FILES = sa.text(
    "select number, name, reference, lines, content from ekt_file where ekt_id = :ekt order by number"
)
_FILE_FACTS = sa.text(
    "select ekt_id, number, name, reference, lines, length(content) as size, sha256 from ekt_file "
    "where ekt_id = any(cast(:ekts as uuid[])) order by ekt_id, number"
)
_REFERENCES = sa.text("select nextval('interchange_reference') from generate_series(1, :many)")
_SUMMARY = sa.text(
    "select count(*) filter (where state = 'sent' and changed_at >= :since) as sent, "
    "count(*) filter (where state = 'failed' and changed_at >= :since) as failed, "
    "count(*) filter (where state = 'unknown') as unknown, "
    "count(*) filter (where state = 'waiting') as waiting, "
    "count(*) filter (where state in ('planned', 'sending')) as planned from ekt "
    "where changed_at >= :since or state in ('unknown', 'waiting', 'planned', 'sending')"
)


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One kept file without its bytes."""

    number: int
    name: str
    reference: str
    lines: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers for the home page."""

    sent: int
    failed: int
    unknown: int
    waiting: int
    planned: int


async def insert(connection: AsyncConnection, ekts: Sequence[Ekt]) -> list[Ekt]:
    """Add new EKTs; one whose first sending or request is known already is left as it stands.

    Returns:
        Those that are new.
    """
    if not ekts:
        return []
    rows = [_values(ekt) | {"natural_key": natural_key(ekt.sale, ekt.request_id)} for ekt in ekts]
    new = {row.id for row in await connection.execute(_INSERT, {"rows": _json(rows)})}
    return [ekt for ekt in ekts if ekt.id in new]


async def known_keys(connection: AsyncConnection, keys: Iterable[str]) -> set[str]:
    """Which natural keys there is an EKT for."""
    rows = await connection.execute(_KNOWN_KEYS, {"keys": list(keys)})
    return {row.natural_key for row in rows}


async def days_with_first(connection: AsyncConnection, days: Iterable[SaleKey]) -> set[SaleKey]:
    """Which debtors (as owners) have had their first EKT of a day planned."""
    wanted = list(days)
    rows = await connection.execute(
        _WITH_FIRST,
        {
            "administrations": [day.administration for day in wanted],
            "debtors": [day.debtor_id for day in wanted],
            "days": [day.order_day for day in wanted],
        },
    )
    return {SaleKey(row.administration, row.debtor_id, row.order_day) for row in rows}


async def update(connection: AsyncConnection, ekts: Sequence[Ekt]) -> list[Ekt]:
    """Write changed EKTs, each with its revision one higher, and give them as written."""
    written = [replace(ekt, revision=ekt.revision + 1) for ekt in ekts]
    if written:
        await connection.execute(_UPDATE, {"rows": _json([_values(ekt) for ekt in written])})
    return written


async def get(connection: AsyncConnection, ekt_id: UUID, *, lock: bool = False) -> Ekt | None:
    """One EKT; `lock` keeps it until the transaction ends."""
    row = (await connection.execute(_LOCK_ONE if lock else _GET, {"id": ekt_id})).mappings().one_or_none()
    return ekt_of(row) if row else None


async def by_ids(connection: AsyncConnection, ids: Sequence[UUID]) -> list[Ekt]:
    """Those of `ids` that there are."""
    rows = await connection.execute(_BY_IDS, {"ids": list(ids)})
    return [ekt_of(row) for row in rows.mappings()]


async def lock_waiting(connection: AsyncConnection, ids: Iterable[UUID]) -> list[Ekt]:
    """Those of `ids` that still wait, locked."""
    rows = await connection.execute(_LOCK, {"ids": list(ids)})
    return [ekt_of(row) for row in rows.mappings()]


async def lock_all(connection: AsyncConnection, ids: Iterable[UUID]) -> list[Ekt]:
    """Those of `ids` that there are, locked in the order of their ids."""
    rows = await connection.execute(_LOCK_ALL, {"ids": list(ids)})
    return [ekt_of(row) for row in rows.mappings()]


async def of_day(connection: AsyncConnection, administration: str, debtor_id: str, day: date) -> list[Ekt]:
    """Every EKT of a debtor and order day, oldest first."""
    rows = await connection.execute(
        _OF_DAY, {"administration": administration, "debtor": debtor_id, "day": day}
    )
    return [ekt_of(row) for row in rows.mappings()]


async def add_files(connection: AsyncConnection, files: Mapping[UUID, Sequence[EktFile]]) -> None:
    """Keep the files of EKTs for good."""
    rows = [(ekt_id, number, file) for ekt_id, each in files.items() for number, file in enumerate(each, 1)]
    if rows:
        await connection.execute(
            _ADD_FILES,
            {
                "ekts": [ekt_id for ekt_id, _, _ in rows],
                "numbers": [number for _, number, _ in rows],
                "names": [file.name for _, _, file in rows],
                "references": [file.reference for _, _, file in rows],
                "lines": [file.lines for _, _, file in rows],
                "contents": [file.content for _, _, file in rows],
                "sha256s": [file.sha256 for _, _, file in rows],
            },
        )


async def files(connection: AsyncConnection, ekt_id: UUID) -> list[EktFile]:
    """The files of an EKT with their bytes."""
    rows = await connection.execute(_FILES, {"ekt": ekt_id})
    return [EktFile(row.name, row.content, row.reference, row.lines) for row in rows]


async def file_facts(connection: AsyncConnection, ekt_ids: Iterable[UUID]) -> dict[UUID, list[FileFacts]]:
    """What is known of the files of EKTs, without their bytes."""
    facts: dict[UUID, list[FileFacts]] = {}
    for row in await connection.execute(_FILE_FACTS, {"ekts": list(ekt_ids)}):
        facts.setdefault(row.ekt_id, []).append(
            FileFacts(row.number, row.name, row.reference, row.lines, row.size, row.sha256)
        )
    return facts


async def new_references(connection: AsyncConnection, many: int) -> list[int]:
    """Interchange references that no file had before."""
    return list((await connection.execute(_REFERENCES, {"many": many})).scalars())


async def counts(connection: AsyncConnection, since: datetime) -> Counts:
    """How many EKTs are in which state; sent and failed ones since a moment."""
    row = (await connection.execute(_SUMMARY, {"since": since})).one()
    return Counts(row.sent, row.failed, row.unknown, row.waiting, row.planned)


def _values(ekt: Ekt) -> dict[str, Any]:
    values = {name: getattr(ekt, name) for name in COLUMN_NAMES if hasattr(ekt, name)}
    return values | {
        "administration": ekt.sale.administration,
        "sale_debtor_id": ekt.sale.debtor_id,
        "order_day": ekt.sale.order_day,
        "trigger": ekt.trigger.value,
        "state": ekt.state.value,
        "reason": ekt.reason.value,
    }


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    # The driver's UUIDs are a subclass, which orjson leaves to the default.
    return orjson.dumps(rows, default=str).decode()


def ekt_of(row: Mapping[Any, Any]) -> Ekt:
    """An EKT out of a row of `COLUMN_NAMES`."""
    values: dict[str, Any] = dict(row)
    sale = SaleKey(values.pop("administration"), values.pop("sale_debtor_id"), values.pop("order_day"))
    values |= {
        "trigger": EktTrigger(values["trigger"]),
        "state": DeliveryState(values["state"]),
        "reason": ResendReason(values["reason"]),
        "other_recipients": tuple(values["other_recipients"]),
    }
    return Ekt(sale=sale, **values)
