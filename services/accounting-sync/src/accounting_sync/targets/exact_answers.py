"""How an answer of Exact Online's REST interface is read: what was refused, what may be tried again.

Exact reports what is wrong with the data as HTTP 500 with a body; a 500 without one is trouble of its own.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import orjson

ALREADY_THERE = "Gegeven bestaat reeds"
ERROR_STATUSES = frozenset({400, 401, 403, 404})
"""Answers that count against the hourly error allowance of an endpoint."""


@dataclass
class ExactRefused(Exception):
    """Exact Online won't take the data; `message` is its own text, made readable."""

    message: str
    status: int = 500

    def __str__(self) -> str:
        return self.message


@dataclass
class ExactTemporary(Exception):
    """Nothing was done; it may be tried again, not before `until` if that is known."""

    reason: str
    until: datetime | None = None

    def __str__(self) -> str:
        return self.reason


@dataclass
class ExactLost(Exception):
    """The request left, no answer came: it may or may not have been done."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass
class ConsentNeeded(Exception):
    """The connection's tokens are of no use any more; only a person can repair that."""

    reason: str = field(
        default="the connection to Exact Online has no valid consent any more; "
        "give consent again in the settings of the administration"
    )

    def __str__(self) -> str:
        return self.reason


def error_text(response: httpx.Response) -> str | None:
    """Exact's own message, its lines joined; None if the body holds none."""
    try:
        document = orjson.loads(response.content)
        value = document["error"]["message"]["value"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    if not isinstance(value, str) or not value.strip():
        return None
    return "; ".join(line.strip() for line in value.splitlines() if line.strip())


def raise_for_answer(response: httpx.Response, now: datetime) -> None:
    """Turn anything but success into the exception that says what to do about it.

    Raises:
        ExactRefused: permanent, the data or the request is wrong.
        ExactTemporary: try again later.
    """
    if response.is_success:
        return
    text = error_text(response)
    status = response.status_code
    if status == 429:
        raise ExactTemporary("Exact Online's call limit is reached", pause_until(response, now))
    if status == 500 and text:
        raise ExactRefused(text, status)
    if status in ERROR_STATUSES:
        raise ExactRefused(text or f"Exact Online answered {status} {response.reason_phrase}", status)
    raise ExactTemporary(f"Exact Online answered {status} {response.reason_phrase}".strip())


def pause_until(response: httpx.Response, now: datetime) -> datetime | None:
    """Until when no calls are left, read from the limit headers; None if there are calls left."""
    waits = [
        moment
        for prefix in ("X-RateLimit", "X-RateLimit-Minutely")
        if response.headers.get(f"{prefix}-Remaining") == "0"
        and (moment := _epoch_ms(response.headers.get(f"{prefix}-Reset"))) is not None
    ]
    retry_after = response.headers.get("Retry-After", "")
    if retry_after.isdigit():
        waits.append(now + timedelta(seconds=int(retry_after)))
    if waits:
        return max(waits)
    return now + timedelta(minutes=1) if response.status_code == 429 else None


def _epoch_ms(text: str | None) -> datetime | None:
    if not text or not text.isdigit():
        return None
    return datetime.fromtimestamp(int(text) / 1000, UTC)
