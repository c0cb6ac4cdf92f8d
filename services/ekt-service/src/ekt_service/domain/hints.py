"""Advice where EKTs to a customer keep getting lost (EF-48, EF-49): what the newest ones together say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from klokwerk_contracts.ekt_resend_requested import ResendReason
from klokwerk_contracts.outcomes import DeliveryState

LOOKED_AT = 20
"""Newest EKTs of a debtor that are looked at."""
TOO_MANY = 2
"""Lost ones in a row from which on it is no accident any more."""
_SAID_MISSING = frozenset({ResendReason.NOT_RECEIVED, ResendReason.LOST})
_ON_ITS_WAY = frozenset({DeliveryState.WAITING, DeliveryState.PLANNED, DeliveryState.SENDING})


class Sign(StrEnum):
    """By what it is known that an EKT did not arrive."""

    FAILED = "failed"
    MISSING = "missing"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class Past:
    """One EKT of the past, as far as it says something about arriving.

    Args:
        next_reason: why the next one of that day was asked for; none when there was no next one.
    """

    state: DeliveryState
    made_at: datetime
    method: str
    recipient: str
    confirmed: bool
    next_reason: ResendReason | None


@dataclass(frozen=True, slots=True)
class Hint:
    """One piece of advice.

    Args:
        code: number of the rule.
        sign: of the newest of them.
        count: EKTs in a row that did not arrive.
        recipient: where the newest of them went.
        text: in English.
        link: page where something can be done about it; empty where only the customer can.
    """

    code: str
    sign: Sign
    count: int
    recipient: str
    text: str
    link: str


def hints(debtor_id: str, past: Sequence[Past], today_began: datetime) -> tuple[Hint, ...]:
    """What to do about EKTs that keep not arriving; nothing while they do.

    An EKT counts as lost when it failed or came back, when the next one was asked for because it had not come,
    or when nobody confirmed it by the next day although this customer does confirm. Only those to the address
    of the newest one count: who corrected the address has done what there is to do.

    Args:
        past: newest first, those with a file only.
        today_began: of what was sent today it is too early to say that it did not come.
    """
    newest = next(iter(past), None)
    if newest is None or newest.method != "email":
        return ()
    judged = [one for one in past if one.recipient == newest.recipient and one.state not in _ON_ITS_WAY]
    signs = _lost_in_a_row(judged, today_began)
    if len(signs) < TOO_MANY:
        return ()
    count, sign = len(signs), signs[0]
    happened = {
        Sign.FAILED: f"The last {count} EKTs to {newest.recipient} did not arrive.",
        Sign.MISSING: f"The customer says that {count} EKTs in a row to {newest.recipient} did not come.",
        Sign.UNCONFIRMED: f"Nobody confirmed the last {count} EKTs to {newest.recipient}.",
    }[sign]
    address = f"{happened} Check the e-mail address on the card: it may be wrong."
    spam = f"{happened} Ask the customer to look in the spam or junk folder."
    return (
        Hint("EF-48", sign, count, newest.recipient, address, f"/debtors/{debtor_id}"),
        Hint("EF-49", sign, count, newest.recipient, spam, ""),
    )


def _lost_in_a_row(judged: Sequence[Past], today_began: datetime) -> list[Sign]:
    confirms = any(one.confirmed for one in judged)
    signs: list[Sign] = []
    fresh = False
    for one in judged:
        sign = _sign(one, today_began, confirms=confirms)
        if sign is None and not signs and _is_fresh(one, today_began):
            fresh = True
            continue
        if sign is None or (sign is Sign.FAILED and fresh and not signs):
            # A server that takes mails again ends its failures, while a customer who misses them still waits.
            break
        signs.append(sign)
    return signs


def _is_fresh(one: Past, today_began: datetime) -> bool:
    untold = one.state is DeliveryState.SENT and not one.confirmed and one.next_reason is None
    return untold and one.made_at >= today_began


def _sign(one: Past, today_began: datetime, *, confirms: bool) -> Sign | None:
    if one.confirmed:
        return None
    if one.state is DeliveryState.FAILED:
        return Sign.FAILED
    if one.next_reason in _SAID_MISSING:
        return Sign.MISSING
    if confirms and one.state is DeliveryState.SENT and one.made_at < today_began:
        return Sign.UNCONFIRMED
    return None
