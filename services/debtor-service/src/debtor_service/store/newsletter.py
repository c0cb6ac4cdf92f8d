"""The newsletter's settings, what customers chose, and which addresses Mailchimp has."""

# ruff: noqa: S608 - statements are put together from this module's own column lists only
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

import orjson
import sqlalchemy as sa
from klokwerk.database import advisory_key
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.domain.newsletter import GONE, Choice, Contact, Known, Policy, Source, hash_of


@dataclass(frozen=True, slots=True)
class NewsletterSettings:
    """Where the audience is, and who gets the newsletter.

    Attributes:
        api_key: sealed; none where there is none yet.
        key_hint: the end of the key, by which people know it.
        former_tags: those that contacts may still have and that are not wanted any more.
        nightly, at_time: whether it is brought in step each night, and when by the company's clock.
        read_up_to: latest change at Mailchimp that was read back, by its clock.
        synced_at: when both sides agreed the last time.
        trouble: why the last time went wrong; empty when it did not.
    """

    api_key: bytes | None
    key_hint: str
    list_id: str
    list_name: str
    policy: Policy
    tags: tuple[str, ...]
    former_tags: tuple[str, ...]
    nightly: bool
    at_time: time
    read_up_to: datetime | None
    synced_at: datetime | None
    trouble: str
    revision: int
    changed_at: datetime | None
    changed_by: str

    @property
    def ready(self) -> bool:
        """Whether there is a key and an audience."""
        return self.api_key is not None and bool(self.list_id)


@dataclass(frozen=True, slots=True)
class ChoiceRow:
    """What a customer chose, and who noted it."""

    choice: Choice
    source: Source | None = None
    reason: str = ""
    changed_at: datetime | None = None
    changed_by: str = ""


@dataclass(frozen=True, slots=True)
class RefusedMember:
    """An address that Mailchimp does not take."""

    email: str
    refused: str
    detail: str
    changed_at: datetime


_SETTINGS = ", ".join(NewsletterSettings.__slots__)
_READ = sa.text(f"select {_SETTINGS} from newsletter_settings where id = 1")
_LOCK = sa.text(f"select {_SETTINGS} from newsletter_settings where id = 1 for update")
_SAVE = sa.text(
    "update newsletter_settings set api_key = :api_key, key_hint = :key_hint, list_id = :list_id, "
    "list_name = :list_name, policy = :policy, tags = cast(:tags as text[]), "
    "former_tags = cast(:former_tags as text[]), nightly = :nightly, "
    "at_time = :at_time, read_up_to = :read_up_to, trouble = :trouble, revision = revision + 1, "
    "changed_at = :now, changed_by = :by where id = 1"
)
_SYNCED = sa.text("update newsletter_settings set synced_at = :now, trouble = '' where id = 1")
_TROUBLE = sa.text("update newsletter_settings set trouble = :trouble where id = 1")
_READ_UP_TO = sa.text(
    "update newsletter_settings set read_up_to = greatest(read_up_to, cast(:at as timestamptz)) where id = 1"
)
_ALONE = sa.text("select pg_advisory_xact_lock(:key)")
_UNDER_WAY = sa.text(
    "select id from job where kind = :kind and state in ('waiting', 'running') order by created_at limit 1"
)
_CHOICE = sa.text(
    "select choice, source, reason, changed_at, changed_by from newsletter_choice where debtor_id = :id"
)
_CHOOSE = sa.text(
    "insert into newsletter_choice (debtor_id, choice, source, reason, changed_at, changed_by) "
    "values (:id, :choice, :source, :reason, :now, :by) on conflict (debtor_id) do update set "
    "choice = excluded.choice, source = excluded.source, reason = excluded.reason, "
    "changed_at = excluded.changed_at, changed_by = excluded.changed_by"
)
_UNCHOOSE = sa.text("delete from newsletter_choice where debtor_id = :id")
_GENERAL = (
    "select c.debtor_id, c.name, c.state, c.kinds, c.content ->> 'language' as language, "
    "email ->> 'address' as email, n.choice, n.source from card c "
    "cross join lateral jsonb_array_elements(c.content -> 'emails') as email "
    "left join newsletter_choice n using (debtor_id) where email ->> 'document' = 'general' "
)
_CONTACTS = sa.text(
    "select lower(email) as email, "
    "(array_agg(name order by used desc, debtor_id))[1] as name, "
    "(array_agg(language order by used desc, debtor_id))[1] as language, "
    "bool_or(used) as customer, bool_or(choice = 'no') as no, bool_or(choice = 'yes') as yes "
    f"from (select *, state = 'active' and kinds @> array['debtor'] as used from ({_GENERAL}) as every) as told "
    "where used or choice is not null group by lower(email)"
)
_CARDS_OF = sa.text(
    "select debtor_id, lower(email) as email, choice, source from (" + _GENERAL + ") as every "
    "where lower(email) = any(cast(:emails as text[])) and state in ('active', 'blocked') order by debtor_id"
)
_KNOWN = sa.text("select email_hash, email, status, told, tagged, refused, forget from newsletter_member")
_STATUSES = sa.text(
    "select lower(email) as email, status from newsletter_member where email_hash = any(cast(:hashes as text[]))"
)
_MEMBER = sa.text(
    "select email_hash, email, status, told, tagged, refused, forget, detail from newsletter_member "
    "where email_hash = :hash"
)
_KEEP = sa.text(
    "insert into newsletter_member (email_hash, email, status, told, tagged, refused, detail, forget, changed_at) "
    "select email_hash, email, status, told, tagged, refused, detail, false, :now "
    "from jsonb_to_recordset(cast(:rows as jsonb)) as r(email_hash text, email text, status text, told text, "
    "tagged text, refused text, detail text) "
    "on conflict (email_hash) do update set email = excluded.email, status = excluded.status, "
    "told = coalesce(nullif(excluded.told, ''), newsletter_member.told), "
    "tagged = coalesce(nullif(excluded.tagged, ''), newsletter_member.tagged), "
    "refused = excluded.refused, detail = excluded.detail, changed_at = excluded.changed_at"
)
_HEARD = sa.text(
    "insert into newsletter_member (email_hash, email, status, told, tagged, refused, detail, forget, changed_at) "
    "select email_hash, email, status, '', '', '', detail, false, :now "
    "from jsonb_to_recordset(cast(:rows as jsonb)) as r(email_hash text, email text, status text, detail text) "
    "on conflict (email_hash) do update set status = excluded.status, detail = excluded.detail, "
    "refused = case when excluded.status = 'subscribed' then '' else newsletter_member.refused end, "
    "changed_at = excluded.changed_at where newsletter_member.status <> excluded.status"
)
_DROP = sa.text("delete from newsletter_member where email_hash = any(cast(:hashes as text[]))")
_FORGET = sa.text(
    "update newsletter_member set forget = true where email_hash = any(cast(:hashes as text[]))"
)
_REFUSED = sa.text(
    "select email, refused, detail, changed_at from newsletter_member where refused <> '' "
    "order by changed_at desc, email limit :limit"
)
_COUNTS = sa.text(
    "select status, count(*) as contacts, count(*) filter (where refused <> '') as refused "
    "from newsletter_member group by status"
)
_RESET = sa.text("delete from newsletter_member")


async def read(connection: AsyncConnection) -> NewsletterSettings:
    """The settings."""
    return _settings((await connection.execute(_READ)).mappings().one())


async def lock(connection: AsyncConnection) -> NewsletterSettings:
    """The settings, for changing them."""
    return _settings((await connection.execute(_LOCK)).mappings().one())


async def save(connection: AsyncConnection, settings: NewsletterSettings, now: datetime, by: str) -> None:
    """Replace the locked settings."""
    await connection.execute(_SAVE, {
        "api_key": settings.api_key, "key_hint": settings.key_hint, "list_id": settings.list_id,
        "list_name": settings.list_name, "policy": settings.policy.value, "tags": list(settings.tags),
        "former_tags": list(settings.former_tags),
        "nightly": settings.nightly, "at_time": settings.at_time, "read_up_to": settings.read_up_to,
        "trouble": settings.trouble, "now": now, "by": by,
    })  # fmt: skip


async def begin_anew(connection: AsyncConnection) -> None:
    """Forget what is known of the audience: it is another one now."""
    await connection.execute(_RESET)


async def synced(connection: AsyncConnection, now: datetime) -> None:
    """Both sides agree as of now."""
    await connection.execute(_SYNCED, {"now": now})


async def note_trouble(connection: AsyncConnection, trouble: str) -> None:
    """Why it went wrong, for the settings page."""
    await connection.execute(_TROUBLE, {"trouble": trouble[:1000]})


async def read_up_to(connection: AsyncConnection, at: datetime) -> None:
    """Changes at Mailchimp were read back up to this moment of its clock."""
    await connection.execute(_READ_UP_TO, {"at": at})


async def one_at_a_time(connection: AsyncConnection) -> None:
    """Let nobody else start a synchronisation until the transaction ends."""
    await connection.execute(_ALONE, {"key": advisory_key("newsletter-sync")})


async def under_way(connection: AsyncConnection, kind: str) -> str | None:
    """The synchronisation that is waiting or running."""
    found = (await connection.execute(_UNDER_WAY, {"kind": kind})).scalar_one_or_none()
    return None if found is None else str(found)


async def choice_of(connection: AsyncConnection, debtor_id: str) -> ChoiceRow:
    """What a customer chose."""
    row = (await connection.execute(_CHOICE, {"id": debtor_id})).mappings().one_or_none()
    if row is None:
        return ChoiceRow(Choice.UNSET)
    return ChoiceRow(
        Choice(row["choice"]), Source(row["source"]), row["reason"], row["changed_at"], row["changed_by"]
    )


async def choose(
    connection: AsyncConnection, debtor_ids: Sequence[str], choice: Choice, source: Source, reason: str,
    now: datetime, by: str,
) -> None:  # fmt: skip
    """Note what customers chose."""
    if choice is Choice.UNSET:
        for debtor_id in debtor_ids:
            await connection.execute(_UNCHOOSE, {"id": debtor_id})
    elif debtor_ids:
        rows = [
            {"id": i, "choice": choice.value, "source": source.value, "reason": reason[:500], "now": now, "by": by}
            for i in debtor_ids
        ]  # fmt: skip
        await connection.execute(_CHOOSE, rows)


async def contacts(connection: AsyncConnection) -> list[Contact]:
    """Every address of a customer in use, and those about which somebody chose; one that says no counts for all."""
    found = []
    for row in await connection.execute(_CONTACTS):
        choice = Choice.NO if row.no else Choice.YES if row.yes else Choice.UNSET
        found.append(Contact(row.email, row.name, row.language or "nl", choice, bool(row.customer)))
    return found


async def cards_of(connection: AsyncConnection, emails: Sequence[str]) -> list[Any]:
    """Cards in use with these general addresses, with their choices."""
    return list(await connection.execute(_CARDS_OF, {"emails": sorted({email.lower() for email in emails})}))


async def known(connection: AsyncConnection) -> dict[str, Known]:
    """Every address that Mailchimp has or had, by hash."""
    return {row.email_hash: Known(*row) for row in await connection.execute(_KNOWN)}


async def member(connection: AsyncConnection, email: str) -> tuple[Known, str] | None:
    """One address, with Mailchimp's words about it."""
    row = (await connection.execute(_MEMBER, {"hash": hash_of(email)})).one_or_none()
    return None if row is None else (Known(*row[:-1]), row.detail)


async def statuses(connection: AsyncConnection, emails: Sequence[str]) -> dict[str, str]:
    """Mailchimp's word for addresses, as it was heard last."""
    rows = await connection.execute(_STATUSES, {"hashes": [hash_of(email) for email in emails]})
    return {row.email: row.status for row in rows}


async def keep(connection: AsyncConnection, rows: Sequence[dict[str, str]], now: datetime) -> None:
    """Keep what was told and answered; empty ``told`` and ``tagged`` leave what is there."""
    if rows:
        await connection.execute(_KEEP, {"rows": orjson.dumps(list(rows)).decode(), "now": now})


async def keep_heard(connection: AsyncConnection, rows: Sequence[dict[str, str]], now: datetime) -> None:
    """Keep what Mailchimp says of contacts."""
    if rows:
        await connection.execute(_HEARD, {"rows": orjson.dumps(list(rows)).decode(), "now": now})


async def drop(connection: AsyncConnection, hashes: Sequence[str]) -> None:
    """Forget addresses: they are deleted over there."""
    if hashes:
        await connection.execute(_DROP, {"hashes": list(hashes)})


async def forget(connection: AsyncConnection, emails: Sequence[str]) -> None:
    """Have these addresses deleted over there for good."""
    if emails:
        await connection.execute(_FORGET, {"hashes": [hash_of(email) for email in emails]})


async def refused(connection: AsyncConnection, limit: int) -> list[RefusedMember]:
    """Addresses that Mailchimp does not take, the latest first."""
    return [RefusedMember(*row) for row in await connection.execute(_REFUSED, {"limit": limit})]


async def counts(connection: AsyncConnection) -> dict[str, int]:
    """How many addresses stand where."""
    found: dict[str, int] = {"refused": 0}
    for row in await connection.execute(_COUNTS):
        if row.status != GONE:
            found[row.status] = int(row.contacts)
        found["refused"] += int(row.refused)
    return found


def _settings(row: Any) -> NewsletterSettings:
    values = {name: row[name] for name in NewsletterSettings.__slots__}
    key = row["api_key"]
    values |= {
        "api_key": None if key is None else bytes(key),
        "policy": Policy(row["policy"]),
        "tags": tuple(row["tags"]),
        "former_tags": tuple(row["former_tags"]),
    }
    return NewsletterSettings(**values)
