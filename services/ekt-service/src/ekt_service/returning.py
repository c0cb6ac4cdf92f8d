"""Takes what the return mailbox holds: bounces turn "sent" into "failed", everything else is noted.

A mail counts once, by its contents: what was committed before a crash is recognised when the mail is read again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

from klokwerk import deliveries, telemetry
from klokwerk.database import Database
from klokwerk.deliveries import State
from klokwerk_contracts.outcomes import DeliveryState
from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncConnection

from ekt_service.domain.bounce import Failing, Meaning, Notice, read_notice
from ekt_service.domain.ekt import Ekt
from ekt_service.domain.returns import ReturnAddress
from ekt_service.sending import Sending
from ekt_service.store import ekts, notes, return_mails
from ekt_service.store.notes import Note
from ekt_service.store.return_mails import ReadMail

log = telemetry.get_logger(__name__)
RETURNED = Counter(
    "klokwerk_ekt_return_mails", "Mails of the return mailbox", ["meaning"], registry=telemetry.REGISTRY
)
_MOST_KEPT = 256 * 1024
_ADVICE = "Check the e-mail address on the customer's card, then send the EKT again."


class Taken(StrEnum):
    """What is to be done with a mail after it was looked at."""

    REMOVE = "remove"
    LEAVE = "leave"
    """Its sending is not over yet: it came back before the answer to it was written down."""


class _NotYetError(Exception):
    """The delivery is still being sent."""


@dataclass(frozen=True, slots=True)
class Returning:
    """Reads mails and does what they ask for."""

    database: Database
    sending: Sending
    returns: ReturnAddress

    async def take(self, content: bytes) -> Taken:
        """Look at one mail, in a transaction of its own."""
        name = sha256(content).hexdigest()
        notice = read_notice(content, self.returns)
        try:
            async with self.database.transaction() as connection:
                if not await return_mails.read_before(connection, name):
                    await self._take(connection, name, notice, content)
        except _NotYetError:
            return Taken.LEAVE
        return Taken.REMOVE

    async def _take(self, connection: AsyncConnection, name: str, notice: Notice, content: bytes) -> None:
        known = [token.delivery for token in notice.tokens if token.genuine]
        found = [ekt for delivery in known if (ekt := await ekts.get(connection, delivery)) is not None]
        if known and not found:
            notice = replace(
                notice, meaning=Meaning.UNREADABLE, words=f"It is about no EKT known here. {notice.words}"
            )
        now = self.sending.clock.now()
        mail = ReadMail(
            sha256=name,
            read_at=now,
            meaning=notice.meaning.value,
            ekt_id=found[0].id if found else None,
            words=notice.words,
            content=content[:_MOST_KEPT] if notice.meaning.is_put_aside else None,
        )
        if not await return_mails.keep_read(connection, mail):
            return
        for ekt in found:
            await self._note(connection, ekt, notice)
            if notice.meaning is Meaning.BOUNCED:
                await self._bounced(connection, ekt.id, notice)
        RETURNED.labels(notice.meaning.value).inc()
        report = log.warning if notice.meaning in (Meaning.FORGED, Meaning.UNREADABLE) else log.info
        report("return_mail", meaning=notice.meaning.value, ekt=str(mail.ekt_id or ""), words=notice.words)

    async def _note(self, connection: AsyncConnection, ekt: Ekt, notice: Notice) -> None:
        now, kind = self.sending.clock.now(), notice.meaning.value
        told = notice.failing or (Failing("", notice.words),)
        await notes.add(
            connection, [Note(ekt.id, now, kind, each.address[:254], each.words) for each in told]
        )

    async def _bounced(self, connection: AsyncConnection, ekt_id: UUID, notice: Notice) -> None:
        """The delivery is locked before its EKT, in the same order as everywhere."""
        clock = self.sending.clock
        before = await ekts.get(connection, ekt_id)
        if before is None or before.confirmed_at is not None:
            return  # it arrived, the customer says; the bounce is about another of several addresses
        said = _said(notice, before.recipient)
        closed = await deliveries.close(
            connection, clock, ekt_id, state=State.FAILED, states=[State.SENT, State.UNKNOWN], message=said
        )
        if closed is None:
            delivery = await deliveries.get(connection, ekt_id)
            if delivery is not None and delivery.state in (State.PLANNED, State.SENDING):
                raise _NotYetError
        ekt = await ekts.get(connection, ekt_id, lock=True)
        if ekt is None or (closed is None and ekt.bounced_at is None):
            return
        message = said if ekt.bounced_at is None else f"{ekt.message} {said}"
        now = clock.now()
        await self.sending.record(
            connection,
            replace(
                ekt,
                state=DeliveryState.FAILED,
                message=message[:4000],
                bounced_at=ekt.bounced_at or now,
                changed_at=now,
            ),
        )


def _said(notice: Notice, recipient: str) -> str:
    addresses = [part.strip() for part in recipient.split(";") if part.strip()]
    failing = [each.address for each in notice.failing if each.address]
    if not failing and len(addresses) > 1:
        return f"It came back, and it is not said from which address: {_end(notice.words)} {_ADVICE}"
    whence = ", ".join(failing) or recipient
    words = "; ".join(dict.fromkeys(each.words for each in notice.failing if each.words)) or notice.words
    others = _others(addresses, failing)
    rest = f" From {', '.join(others)} nothing came back." if failing and others else ""
    return f"It came back from {whence}: {_end(words)}{rest} {_ADVICE}"


def _others(addresses: Sequence[str], failing: Sequence[str]) -> list[str]:
    lowered = {address.lower() for address in failing}
    return [address for address in addresses if address.lower() not in lowered]


def _end(words: str) -> str:
    return words if words.endswith((".", "!", "?")) else f"{words}."
