"""The tables of deliveries, and what a service does with them in its own transactions."""

# ruff: noqa: S608 - statements are put together from this module's own column list only
from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from klokwerk.clock import Clock
from klokwerk.deliveries.delivery import Attempt, Delivery, Plan, State

SCHEMA_1 = """
create table delivery (
    id uuid primary key,
    natural_key text not null unique,
    kind text not null,
    subject text not null,
    channel text not null,
    recipient text not null,
    context jsonb not null,
    file_name text not null,
    media_type text not null,
    payload bytea,
    sha256 text not null,
    state text not null check (state in ('planned', 'sending', 'sent', 'failed', 'ignored', 'unknown')),
    message text not null,
    reference text not null,
    attempts integer not null,
    asked integer not null,
    revision integer not null,
    due_at timestamptz not null,
    lease_until timestamptz,
    leased_by uuid,
    created_at timestamptz not null,
    changed_at timestamptz not null
);
create index delivery_due on delivery (due_at) where state in ('planned', 'unknown');
create index delivery_leased on delivery (lease_until) where state = 'sending';
create index delivery_subject on delivery (kind, subject, created_at);
create table delivery_attempt (
    id bigint generated always as identity primary key,
    delivery_id uuid not null references delivery (id) on delete cascade,
    purpose text not null check (purpose in ('send', 'ask')),
    began_at timestamptz not null,
    ended_at timestamptz,
    outcome text,
    message text not null default ''
);
create index delivery_attempt_of on delivery_attempt (delivery_id, id);
"""

COLUMNS = ", ".join(Delivery.__slots__)
COLUMNS_NO_PAYLOAD = COLUMNS.replace("payload,", "cast(null as bytea) as payload,")
_PLAN = sa.text(
    "insert into delivery (id, natural_key, kind, subject, channel, recipient, context, file_name, media_type, "
    "payload, sha256, state, message, reference, attempts, asked, revision, due_at, created_at, changed_at) "
    "select id, natural_key, kind, subject, channel, recipient, context, file_name, media_type, payload, sha256, "
    "state, message, '', 0, 0, 1, due_at, :now, :now from unnest(cast(:ids as uuid[]), "
    "cast(:natural_keys as text[]), cast(:kinds as text[]), cast(:subjects as text[]), cast(:channels as text[]), "
    "cast(:recipients as text[]), cast(:contexts as jsonb[]), cast(:file_names as text[]), "
    "cast(:media_types as text[]), cast(:payloads as bytea[]), cast(:sha256s as text[]), cast(:states as text[]), "
    "cast(:messages as text[]), cast(:dues as timestamptz[])) as t (id, natural_key, kind, subject, channel, "
    "recipient, context, file_name, media_type, payload, sha256, state, message, due_at) "
    "on conflict (natural_key) do nothing returning id"
)
_NOTIFY = sa.text("select pg_notify('delivery', '')")
_AGAIN = sa.text(
    "update delivery set state = 'planned', message = :message, due_at = :now, asked = 0, "
    "revision = revision + 1, changed_at = :now where id = :id and state = any(cast(:states as text[])) "
    f"returning {COLUMNS}"
)
_CLOSE = sa.text(
    "update delivery set state = :state, message = :message, revision = revision + 1, changed_at = :now "
    f"where id = :id and state = any(cast(:states as text[])) returning {COLUMNS}"
)
_GET = sa.text(f"select {COLUMNS} from delivery where id = :id")
_GET_BY_KEY = sa.text(f"select {COLUMNS} from delivery where natural_key = :key")
_OF_SUBJECT = sa.text(
    f"select {COLUMNS_NO_PAYLOAD} from delivery where kind = :kind and subject = any(cast(:subjects as text[])) "
    "order by created_at, id"
)
_ATTEMPTS = sa.text(
    "select purpose, began_at, ended_at, outcome, message from delivery_attempt where delivery_id = :id order by id"
)


async def plan(connection: AsyncConnection, clock: Clock, *plans: Plan) -> list[Delivery]:
    """Commit to sending `plans` in the caller's transaction.

    Returns:
        Those that are new. One whose natural key is known already is left as it stands and not returned.
    """
    if not plans:
        return []
    now = clock.now()
    wanted = [_planned(item, now) for item in plans]
    rows = await connection.execute(
        _PLAN,
        {
            "ids": [each.id for each in wanted],
            "natural_keys": [each.natural_key for each in wanted],
            "kinds": [each.kind for each in wanted],
            "subjects": [each.subject for each in wanted],
            "channels": [each.channel for each in wanted],
            "recipients": [each.recipient for each in wanted],
            "contexts": [orjson.dumps(each.context).decode() for each in wanted],
            "file_names": [each.file_name for each in wanted],
            "media_types": [each.media_type for each in wanted],
            "payloads": [each.payload for each in wanted],
            "sha256s": [each.sha256 for each in wanted],
            "states": [each.state.value for each in wanted],
            "messages": [each.message for each in wanted],
            "dues": [each.due_at for each in wanted],
            "now": now,
        },
    )
    new = {row.id for row in rows}
    first = {each.natural_key: each for each in reversed(wanted)}
    made = [each for each in wanted if each.id in new and first[each.natural_key] is each]
    if made:
        await connection.execute(_NOTIFY)
    return made


def _planned(item: Plan, now: datetime) -> Delivery:
    """The row that a plan becomes."""
    return Delivery(
        id=item.id,
        natural_key=item.natural_key,
        kind=item.kind,
        subject=item.subject,
        channel=item.channel,
        recipient=item.recipient,
        context=orjson.loads(orjson.dumps(dict(item.context), default=str)),
        file_name=item.file_name,
        media_type=item.media_type,
        payload=item.payload,
        sha256=hashlib.sha256(item.payload).hexdigest() if item.payload is not None else "",
        state=item.state,
        message=item.message,
        reference="",
        attempts=0,
        asked=0,
        revision=1,
        due_at=item.due_at or now,
        created_at=now,
        changed_at=now,
    )


async def get(connection: AsyncConnection, delivery_id: uuid.UUID) -> Delivery | None:
    """One delivery with its bytes; none when the id is unknown."""
    row = (await connection.execute(_GET, {"id": delivery_id})).mappings().one_or_none()
    return delivery_of(row) if row else None


async def find(connection: AsyncConnection, natural_key: str) -> Delivery | None:
    """The delivery planned under `natural_key`."""
    row = (await connection.execute(_GET_BY_KEY, {"key": natural_key})).mappings().one_or_none()
    return delivery_of(row) if row else None


async def of_subjects(connection: AsyncConnection, kind: str, subjects: Sequence[str]) -> list[Delivery]:
    """All deliveries about `subjects`, oldest first, without their bytes."""
    rows = await connection.execute(_OF_SUBJECT, {"kind": kind, "subjects": list(subjects)})
    return [delivery_of(row) for row in rows.mappings()]


async def attempts(connection: AsyncConnection, delivery_id: uuid.UUID) -> list[Attempt]:
    """Every call made for one delivery, oldest first."""
    rows = await connection.execute(_ATTEMPTS, {"id": delivery_id})
    return [Attempt(*row) for row in rows]


async def send_again(
    connection: AsyncConnection,
    clock: Clock,
    delivery_id: uuid.UUID,
    *,
    states: Sequence[State],
    message: str,
) -> Delivery | None:
    """Put one back to planned on a person's word, if it is in one of `states`; none when it is not."""
    row = (
        (
            await connection.execute(
                _AGAIN,
                {
                    "id": delivery_id,
                    "states": [s.value for s in states],
                    "message": message,
                    "now": clock.now(),
                },
            )
        )
        .mappings()
        .one_or_none()
    )
    if row:
        await connection.execute(_NOTIFY)
    return delivery_of(row) if row else None


async def close(
    connection: AsyncConnection,
    clock: Clock,
    delivery_id: uuid.UUID,
    *,
    state: State,
    states: Sequence[State],
    message: str,
) -> Delivery | None:
    """Move one from any of `states` to `state` on a person's word, e.g. unknown to sent; none when it is not."""
    row = (
        (
            await connection.execute(
                _CLOSE,
                {
                    "id": delivery_id,
                    "state": state.value,
                    "states": [s.value for s in states],
                    "message": message,
                    "now": clock.now(),
                },
            )
        )
        .mappings()
        .one_or_none()
    )
    return delivery_of(row) if row else None


def delivery_of(row: Any) -> Delivery:
    """A delivery as a row of `COLUMNS` holds it."""
    values = {name: row[name] for name in Delivery.__slots__}
    values["state"] = State(values["state"])
    return Delivery(**values)
