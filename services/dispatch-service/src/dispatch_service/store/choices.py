"""The draft of the settings, and the history of what was active when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from klokwerk_contracts.invoice_created import InvoiceSource
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatch_service.domain.cascade import Channel
from dispatch_service.domain.choices import Choices


@dataclass(frozen=True, slots=True)
class Draft:
    """The settings as last saved; revision 0 was never saved."""

    choices: Choices
    revision: int
    changed_at: datetime | None = None
    changed_by: str = ""


@dataclass(frozen=True, slots=True)
class Activation:
    """Settings that were or are in force.

    Attributes:
        active_since: since when the service is on without a break; settings may have changed in between.
        active_from, active_until: when these settings were in force.
    """

    id: int
    administration: str
    choices: Choices
    draft_revision: int
    active_since: datetime
    active_from: datetime
    active_until: datetime | None
    activated_by: str

    def covers(self, moment: datetime) -> bool:
        """Whether these settings were in force at `moment`."""
        return self.active_from <= moment and (self.active_until is None or moment < self.active_until)


_DRAFT = sa.text("select * from choice_draft where administration = :administration")
_DRAFT_LOCKED = sa.text("select * from choice_draft where administration = :administration for update")
_SAVE = sa.text(
    "insert into choice_draft (administration, revision, choices, changed_at, changed_by) "
    "values (:administration, 1, cast(:choices as jsonb), :now, :by) "
    "on conflict (administration) do update set revision = choice_draft.revision + 1, "
    "choices = excluded.choices, changed_at = excluded.changed_at, changed_by = excluded.changed_by "
    "returning *"
)
_CURRENT = sa.text(
    "select * from activation where active_until is null "
    "and (cast(:administration as text) is null or administration = :administration) order by administration"
)
_CURRENT_LOCKED = sa.text(
    "select * from activation where active_until is null and administration = :administration for update"
)
_ALL_OF = sa.text(
    "select * from activation where administration = any(cast(:administrations as text[])) order by active_from"
)
_END = sa.text(
    "update activation set active_until = :now, ended_by = :by "
    "where administration = :administration and active_until is null"
)
_BEGIN = sa.text(
    "insert into activation (administration, choices, draft_revision, active_since, active_from, activated_by) "
    "values (:administration, cast(:choices as jsonb), :revision, :since, :now, :by) returning *"
)
_LOCK = sa.text("select pg_advisory_xact_lock(hashtext('choices:' || :administration))")


def to_json(choices: Choices) -> str:
    """Choices as they are stored."""
    return orjson.dumps(
        {
            "sources": sorted(choices.sources),
            "channels": [channel for channel in Channel if channel in choices.channels],
            "by_invoice_date": choices.by_invoice_date,
            "notice_email": choices.notice_email,
            "notice_phone": choices.notice_phone,
            "report_ignored": choices.report_ignored,
            "consumer_einvoicing": choices.consumer_einvoicing,
            "belgian_rule": choices.belgian_rule,
            "factoring_email": choices.factoring_email,
        }
    ).decode()


def from_json(stored: dict[str, Any]) -> Choices:
    """Choices as they were stored."""
    known = dict(stored)
    known["sources"] = frozenset(InvoiceSource(name) for name in known.get("sources", ()))
    known["channels"] = frozenset(Channel(name) for name in known.get("channels", ()))
    return Choices(**known)


async def lock(connection: AsyncConnection, administration: str) -> None:
    """Let one change of an administration's settings happen at a time, also before there are any."""
    await connection.execute(_LOCK, {"administration": administration})


async def draft(connection: AsyncConnection, administration: str, *, locked: bool = False) -> Draft:
    """The settings as last saved; defaults when they never were."""
    statement = _DRAFT_LOCKED if locked else _DRAFT
    row = (await connection.execute(statement, {"administration": administration})).mappings().one_or_none()
    return _draft(row) if row else Draft(Choices(), 0)


async def save(
    connection: AsyncConnection, administration: str, choices: Choices, *, by: str, now: datetime
) -> Draft:
    """Keep a new draft."""
    values = {"administration": administration, "choices": to_json(choices), "by": by, "now": now}
    return _draft((await connection.execute(_SAVE, values)).mappings().one())


async def current(
    connection: AsyncConnection, administration: str, *, locked: bool = False
) -> Activation | None:
    """What is in force now; none when the service is off."""
    statement = _CURRENT_LOCKED if locked else _CURRENT
    row = (await connection.execute(statement, {"administration": administration})).mappings().one_or_none()
    return _activation(row) if row else None


async def all_current(connection: AsyncConnection) -> list[Activation]:
    """What is in force now, for every administration whose service is on."""
    return [
        _activation(row) for row in (await connection.execute(_CURRENT, {"administration": None})).mappings()
    ]


async def activations(connection: AsyncConnection, administrations: Sequence[str]) -> list[Activation]:
    """Everything that ever was in force for `administrations`, oldest first."""
    rows = await connection.execute(_ALL_OF, {"administrations": list(administrations)})
    return [_activation(row) for row in rows.mappings()]


async def activate(
    connection: AsyncConnection, administration: str, saved: Draft, *, by: str, now: datetime
) -> Activation:
    """Put a draft in force from `now` on."""
    before = await current(connection, administration, locked=True)
    await end(connection, administration, by=by, now=now)
    values = {
        "administration": administration,
        "choices": to_json(saved.choices),
        "revision": saved.revision,
        "since": before.active_since if before else now,
        "now": now,
        "by": by,
    }
    return _activation((await connection.execute(_BEGIN, values)).mappings().one())


async def end(connection: AsyncConnection, administration: str, *, by: str, now: datetime) -> bool:
    """Put nothing in force from `now` on; False when nothing was."""
    values = {"administration": administration, "by": by, "now": now}
    return (await connection.execute(_END, values)).rowcount > 0


def _draft(row: Any) -> Draft:
    return Draft(from_json(row["choices"]), row["revision"], row["changed_at"], row["changed_by"])


def _activation(row: Any) -> Activation:
    return Activation(
        row["id"],
        row["administration"],
        from_json(row["choices"]),
        row["draft_revision"],
        row["active_since"],
        row["active_from"],
        row["active_until"],
        row["activated_by"],
    )
