"""When an invoice goes: company days, the 00:05 start and the invoice-date option (D-09, D-10, NV-33..NV-41).

A run belongs to a company day. It takes what was created before that day's midnight in the company's zone, and
with "based on invoice date" only what is dated on that day or earlier.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from klokwerk.clock import moment_on

RUN_TIME = time(0, 5)
"""Local time at which the night's run starts (NV-36)."""


def company_day(instant: datetime, zone: ZoneInfo) -> date:
    """The company's calendar day at `instant` (aware)."""
    return instant.astimezone(zone).date()


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant (UTC) at which `day` begins in the company's zone: the cut-off of that day's run (D-10)."""
    return moment_on(day, time(0), zone)


def run_start(day: date, zone: ZoneInfo) -> datetime:
    """The instant (UTC) at which the run of `day` starts: 00:05 local time, whatever the clock does that day.

    A time that comes twice counts at its first passing; one that is skipped counts from the change.
    """
    return moment_on(day, RUN_TIME, zone)


def current_run_day(now: datetime, zone: ZoneInfo) -> date:
    """The latest company day whose run has started or should have (NV-40: a missed one is caught up)."""
    day = company_day(now, zone)
    return day if now >= run_start(day, zone) else day - timedelta(days=1)


def next_run_start(now: datetime, zone: ZoneInfo) -> datetime:
    """The first start of a run strictly after `now` (UTC)."""
    day = company_day(now, zone)
    start = run_start(day, zone)
    return start if start > now else run_start(day + timedelta(days=1), zone)


def first_run_day(created_at: datetime, issue_date: date, zone: ZoneInfo, *, by_invoice_date: bool) -> date:
    """The company day of the first run that takes an invoice.

    The night after its creation (NV-36, NV-38; created at 00:03 means the next night, D-10). With
    `by_invoice_date` a later invoice date is waited for (NV-34, NV-35); a past date counts as due (NV-51).
    """
    night_after = company_day(created_at, zone) + timedelta(days=1)
    return max(night_after, issue_date) if by_invoice_date else night_after


def run_is_owed(
    day: date, *, now: datetime, activated_at: datetime | None, zone: ZoneInfo, already_run: bool
) -> bool:
    """Whether the run of `day` has still to be made.

    It is owed when its start has passed, the service was active at that moment, and it was not made yet.
    Activating at noon owes nothing for the night before.
    """
    start = run_start(day, zone)
    return not already_run and activated_at is not None and activated_at <= start <= now
