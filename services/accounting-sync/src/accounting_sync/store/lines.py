"""The lines of the sync queue: what is shown of them, and what a person or an export does with them."""

# ruff: noqa: S608 - statements are put together from constants of this package only
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from klokwerk.pinned import Pin, digest_of, pin, pin_of
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.domain.lines import Action, Origin
from accounting_sync.domain.relation import Kind, RelationData, data_from_json


class LineState(StrEnum):
    """Where a line stands: waiting for a person, in a file being written, on its way, refused."""

    LISTED = "listed"
    EXPORTING = "exporting"
    SENDING = "sending"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the queue; `data` is exactly what would be sent, `cleared` names what is emptied with it."""

    id: uuid.UUID
    administration: str
    kind: Kind
    debtor_id: str
    revision: int
    version: int
    number: str | None
    name: str
    data: RelationData
    fingerprint: str
    missing: tuple[str, ...]
    merged_into: str | None
    action: Action
    by_hand: bool
    cleared: tuple[str, ...]
    state: LineState
    message: str
    message_origin: Origin | None
    export_id: uuid.UUID | None
    delivery_id: uuid.UUID | None
    remote_id: str | None
    attempted: bool
    failures: int
    retry_at: datetime | None
    fetched_at: datetime
    changed_at: datetime
    synced_at: datetime | None
    synced_data: dict[str, Any] | None
    known_remote_id: str | None


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks look at of a line."""

    id: uuid.UUID
    kind: Kind
    data: RelationData
    missing: tuple[str, ...]
    merged_into: str | None
    action: Action


@dataclass(frozen=True, slots=True)
class LineFilter:
    """Which lines are meant; None means everything. `never_synced` are those accounting knows nothing of."""

    search: str | None = None
    action: Action | None = None
    with_message: bool | None = None
    never_synced: bool | None = None

    def values(self) -> dict[str, Any]:
        """As parameters of a statement with `WHERE`."""
        search = self.search
        if search:
            search = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return {
            "q": f"%{search}%" if search else None,
            "action": self.action.value if self.action else None,
            "messages": self.with_message,
            "fresh": self.never_synced,
        }


FROM = "from line l join relation r using (administration, kind, debtor_id) where "
WHERE = (
    "l.administration = :administration and l.kind = :kind "
    "and (cast(:q as text) is null or l.name ilike :q or l.number ilike :q or l.debtor_id ilike :q "
    "or l.message ilike :q) "
    "and (cast(:action as text) is null or l.action = :action) "
    "and (cast(:messages as boolean) is null or (l.message <> '') = :messages) "
    "and (cast(:fresh as boolean) is null or (r.synced_at is null) = :fresh) "
)
"""The lines that a `LineFilter` means; `l` is the line, `r` its relation."""
AT_REST = "l.state = any(array['listed', 'failed']) "
"""Lines that nothing is done with at this moment."""
GOES_WITH_ALL = "l.action <> 'Ignore' and l.merged_into is null "
"""Lines that go along where none is selected: neither ignored nor merged (EP-42)."""

_LINE = (
    "select l.id, l.administration, l.kind, l.debtor_id, l.revision, l.version, l.number, l.name, l.data, "
    "l.fingerprint, l.missing, l.merged_into, l.action, l.by_hand, l.cleared, l.state, l.message, "
    "l.message_origin, l.export_id, l.delivery_id, l.remote_id, l.attempted, l.failures, l.retry_at, "
    "l.fetched_at, l.changed_at, r.synced_at, r.synced_data, r.remote_id as known_remote_id " + FROM
)
_PAGE = sa.text(
    _LINE + WHERE
    + "and (cast(:after_name as text) is null or (l.name, l.id) > (:after_name, cast(:after_id as uuid))) "
    "order by l.name, l.id limit :limit"
)  # fmt: skip
KEY = "cast(l.id as text) || ' ' || l.action"
"""What is confirmed of a line that was not seen: which it is, and what is done with it."""
_EXPORTABLE = "l.delivery_id is null and " + AT_REST + "and " + GOES_WITH_ALL
_COUNT = sa.text(
    "select " + pin(KEY) + ", count(*) filter (where " + _EXPORTABLE + ") as exportable, "
    + digest_of(KEY, _EXPORTABLE) + " as exportable_digest " + FROM + WHERE
)  # fmt: skip
_BY_IDS = sa.text(_LINE + "l.id = any(cast(:ids as uuid[])) order by l.name, l.id for update of l")
_OF_EXPORT = sa.text(
    "select l.id, l.kind, e.data, l.missing, l.merged_into, l.action from export_line e "
    "join line l on l.id = e.line_id where e.export_id = :export and e.line_id > :after "
    "order by e.line_id limit :limit"
)
_CLASHES = sa.text(
    "select l.id, l.number, r.kind, cast(case r.kind when 'debtors' then c.as_debtor else c.as_creditor end "
    "as jsonb) ->> 'name' as name from line l join relation r "
    "on r.administration = l.administration and r.number = l.number "
    "and (r.kind, r.debtor_id) <> (l.kind, l.debtor_id) and (r.kind = l.kind or :shared) "
    "join administration a on a.code = r.administration "
    "join card c on c.administration = a.source and c.debtor_id = r.debtor_id "
    "where l.id = any(cast(:ids as uuid[])) order by l.id, r.kind, name"
)
_STATES = sa.text(
    "select id, administration, kind, name, state, merged_into, action from line "
    "where id = any(cast(:ids as uuid[]))"
)


async def page(
    connection: AsyncConnection,
    administration: str,
    kind: Kind,
    filters: LineFilter,
    after: tuple[str, str] | None,
    limit: int,
) -> list[Line]:
    """Up to `limit` lines in order of name, those after `after` (name, id)."""
    rows = await connection.execute(
        _PAGE,
        {
            "administration": administration,
            "kind": kind.value,
            **filters.values(),
            "after_name": after[0] if after else None,
            "after_id": after[1] if after else None,
            "limit": limit,
        },
    )
    return [_line_of(row) for row in rows.mappings()]


@dataclass(frozen=True, slots=True)
class Counted:
    """Which lines a filter means, and which of them an export of all of them takes."""

    lines: Pin
    exportable: Pin


async def count(connection: AsyncConnection, administration: str, kind: Kind, filters: LineFilter) -> Counted:
    """How many lines a filter means, and which."""
    values = {"administration": administration, "kind": kind.value, **filters.values()}
    row = (await connection.execute(_COUNT, values)).one()
    return Counted(pin_of(row), Pin(count=row.exportable, digest=row.exportable_digest))


async def lock(connection: AsyncConnection, ids: Sequence[uuid.UUID]) -> list[Line]:
    """Lines by id, locked; those that are gone are left out."""
    return [_line_of(row) for row in (await connection.execute(_BY_IDS, {"ids": list(ids)})).mappings()]


async def of_export(
    connection: AsyncConnection, export_id: uuid.UUID, after: uuid.UUID, limit: int
) -> list[Checked]:
    """Lines that a file export has claimed and keeps, in order of id, as the checks need them."""
    values = {"export": export_id, "after": after, "limit": limit}
    return [
        Checked(line_id, Kind(kind), data_from_json(data), tuple(missing), merged_into, Action(action))
        for line_id, kind, data, missing, merged_into, action in await connection.execute(_OF_EXPORT, values)
    ]


async def clashes(
    connection: AsyncConnection, ids: Sequence[uuid.UUID], *, shared: bool
) -> dict[uuid.UUID, str]:
    """Of these lines, those whose number another relation of the administration has too, with the message.

    The accounting system matches by number, so the later of the two would overwrite the earlier. `shared`
    says that debtors and creditors have one number space there.
    """
    found: dict[uuid.UUID, str] = {}
    for row in await connection.execute(_CLASHES, {"ids": list(ids), "shared": shared}):
        found.setdefault(
            row.id,
            f"number {row.number} is also the {Kind(row.kind).one} number of {row.name}; every relation needs "
            "a number of its own",
        )
    return found


async def states(connection: AsyncConnection, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Any]:
    """Administration, kind, name, state, action and merge of lines, by id."""
    return {row.id: row for row in await connection.execute(_STATES, {"ids": list(ids)})}


def _line_of(row: Mapping[Any, Any]) -> Line:
    values = dict(row)
    origin = values["message_origin"]
    values["kind"] = Kind(values["kind"])
    values["data"] = data_from_json(values["data"])
    values["missing"] = tuple(values["missing"])
    values["cleared"] = tuple(values["cleared"])
    values["action"] = Action(values["action"])
    values["state"] = LineState(values["state"])
    values["message_origin"] = Origin(origin) if origin else None
    return Line(**values)
