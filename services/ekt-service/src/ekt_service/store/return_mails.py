"""Mails of the return mailbox: which were read, what they told, and how reading goes."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

_READ = sa.text(
    "insert into return_mail (sha256, read_at, meaning, ekt_id, words, content) "
    "values (:sha256, :at, :meaning, :ekt, :words, :content) on conflict (sha256) do nothing returning sha256"
)
_KNOWN = sa.text("select exists (select 1 from return_mail where sha256 = :sha256)")
_COUNTS = sa.text(
    "select meaning, count(*) as many from return_mail where read_at >= :since group by meaning"
)
_ASIDE = sa.text(
    "select sha256, read_at, meaning, words, content is not null as kept from return_mail "
    "where meaning in ('unreadable', 'forged') order by read_at desc, sha256 limit :limit"
)
_CONTENT = sa.text("select content from return_mail where sha256 = :sha256 and content is not null")
_PURGE = sa.text("delete from return_mail where read_at < :before")
_WENT_WELL = sa.text("update return_mailbox set read_at = :now, trouble = '', trouble_since = null")
_TROUBLE = sa.text(
    "update return_mailbox set trouble = :trouble, trouble_since = coalesce(trouble_since, :now)"
)
_MAILBOX = sa.text("select read_at, trouble, trouble_since from return_mailbox")


@dataclass(frozen=True, slots=True)
class ReadMail:
    """A mail of the return mailbox that was read.

    Args:
        content: the mail itself, where a person has to look at it.
    """

    sha256: str
    read_at: datetime
    meaning: str
    ekt_id: UUID | None
    words: str
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Aside:
    """A mail that told nothing, for a list."""

    sha256: str
    read_at: datetime
    meaning: str
    words: str
    kept: bool


@dataclass(frozen=True, slots=True)
class MailboxState:
    """How reading the return mailbox goes."""

    read_at: datetime | None
    trouble: str
    trouble_since: datetime | None


async def read_before(connection: AsyncConnection, sha256: str) -> bool:
    """Whether a mail was read before."""
    return bool((await connection.execute(_KNOWN, {"sha256": sha256})).scalar_one())


async def keep_read(connection: AsyncConnection, mail: ReadMail) -> bool:
    """Note that a mail was read; false when that was noted before, by whichever process."""
    row = await connection.execute(
        _READ,
        {
            "sha256": mail.sha256,
            "at": mail.read_at,
            "meaning": mail.meaning,
            "ekt": mail.ekt_id,
            "words": mail.words,
            "content": mail.content,
        },
    )
    return row.one_or_none() is not None


async def counts(connection: AsyncConnection, since: datetime) -> dict[str, int]:
    """How many mails of each meaning were read."""
    return {row.meaning: row.many for row in await connection.execute(_COUNTS, {"since": since})}


async def aside(connection: AsyncConnection, limit: int) -> list[Aside]:
    """Mails that told nothing or were made up, newest first."""
    return [Aside(*row) for row in await connection.execute(_ASIDE, {"limit": limit})]


async def content(connection: AsyncConnection, sha256: str) -> bytes | None:
    """A mail that is kept for a person to look at."""
    found = (await connection.execute(_CONTENT, {"sha256": sha256})).scalar_one_or_none()
    return None if found is None else bytes(found)


async def purge(connection: AsyncConnection, before: datetime) -> None:
    """Forget mails that were read long ago."""
    await connection.execute(_PURGE, {"before": before})


async def went_well(connection: AsyncConnection, now: datetime) -> None:
    """The mailbox was read."""
    await connection.execute(_WENT_WELL, {"now": now})


async def in_trouble(connection: AsyncConnection, trouble: str, now: datetime) -> None:
    """The mailbox could not be read."""
    await connection.execute(_TROUBLE, {"trouble": trouble, "now": now})


async def mailbox(connection: AsyncConnection) -> MailboxState:
    """How reading the mailbox goes."""
    return MailboxState(*(await connection.execute(_MAILBOX)).one())
