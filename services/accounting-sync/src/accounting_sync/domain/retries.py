"""When a line that failed in direct mode is tried again by itself (EP-47, D-07)."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from klokwerk.clock import moment_on

TEMPORARY_STEPS = (timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
"""Waits after the first, second and third temporary failure; from then on it is nightly."""

NIGHTLY_AT = time(2, 30)
"""Local time of the nightly attempt: after the night's dispatch run, before anybody works."""


def after_temporary(failures: int, now: datetime, zone: ZoneInfo) -> datetime:
    """The next attempt after the given number of temporary failures (1 or more), an aware UTC instant."""
    if failures < 1:
        raise ValueError(f"failures counts from 1, got {failures}")
    if failures <= len(TEMPORARY_STEPS):
        return now + TEMPORARY_STEPS[failures - 1]
    return next_night(now, zone)


def next_night(now: datetime, zone: ZoneInfo) -> datetime:
    """The next nightly attempt strictly after `now`, also on the days the clock changes."""
    today = now.astimezone(zone).date()
    tonight = moment_on(today, NIGHTLY_AT, zone)
    return tonight if tonight > now else moment_on(today + timedelta(days=1), NIGHTLY_AT, zone)
