"""How an answer of Exact Online's REST interface is read: what was refused, what may be tried again.

Exact reports what is wrong with the data as HTTP 500 with a body; a 500 without one is trouble of its own.
"""

from datetime import UTC, datetime, timedelta

import httpx
import orjson

from accounting_sync.targets.answers import Refused, Temporary
from accounting_sync.targets.gate import Window

ALREADY_THERE = "Gegeven bestaat reeds"
ERROR_STATUSES = frozenset({400, 401, 403, 404})
"""Answers that count against the hourly error allowance of an endpoint."""
LIMITS = ("X-RateLimit", "X-RateLimit-Minutely")


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
        Refused: permanent, the data or the request is wrong.
        Temporary: try again later.
    """
    if response.is_success:
        return
    text = error_text(response)
    status = response.status_code
    if status == 429:
        raise Temporary("Exact Online's call limit is reached", pause_until(response, now))
    if status == 500 and text:
        raise Refused(text, status)
    if status in ERROR_STATUSES:
        raise Refused(text or f"Exact Online answered {status} {response.reason_phrase}", status)
    raise Temporary(f"Exact Online answered {status} {response.reason_phrase}".strip())


def windows(response: httpx.Response) -> list[Window]:
    """How many calls are left of the minute's and of the day's."""
    found = []
    for prefix in LIMITS:
        left = response.headers.get(f"{prefix}-Remaining", "")
        reset = _epoch_ms(response.headers.get(f"{prefix}-Reset"))
        if left.isdigit() and reset is not None:
            found.append(Window(prefix, int(left), reset))
    return found


def pause_until(response: httpx.Response, now: datetime) -> datetime | None:
    """Until when no calls are left, read from the limit headers; None if there are calls left."""
    waits = [window.reset for window in windows(response) if window.left == 0]
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
