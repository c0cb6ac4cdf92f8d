"""When an invoice goes, also in the nights in which the clock changes (D-09, D-10, NV-33..NV-41, NV-50, NV-51)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dispatch_service.domain.timing import (
    current_run_day,
    first_run_day,
    midnight,
    next_run_start,
    run_is_owed,
    run_start,
)

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def local(text: str, zone: ZoneInfo = AMSTERDAM) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("day", "start"),
    [
        (date(2026, 1, 15), "2026-01-14T23:05:00+00:00"),
        (date(2026, 7, 15), "2026-07-14T22:05:00+00:00"),
        (date(2026, 3, 29), "2026-03-28T23:05:00+00:00"),
        (date(2026, 3, 30), "2026-03-29T22:05:00+00:00"),
        (date(2026, 10, 25), "2026-10-24T22:05:00+00:00"),
        (date(2026, 10, 26), "2026-10-25T23:05:00+00:00"),
    ],
)
def test_run_starts_at_00_05_local_time_also_when_the_clock_changes(day, start):
    assert run_start(day, AMSTERDAM) == datetime.fromisoformat(start)


def test_days_on_which_the_clock_changes_are_23_and_25_hours_apart():
    spring = run_start(date(2026, 3, 30), AMSTERDAM) - run_start(date(2026, 3, 29), AMSTERDAM)
    autumn = run_start(date(2026, 10, 26), AMSTERDAM) - run_start(date(2026, 10, 25), AMSTERDAM)
    assert (spring, autumn) == (timedelta(hours=23), timedelta(hours=25))


def test_a_zone_that_changes_at_midnight_still_has_one_start_a_day():
    beirut = ZoneInfo("Asia/Beirut")  # summer time begins at 00:00 on 29 March 2026
    start = run_start(date(2026, 3, 29), beirut)
    assert start.astimezone(beirut).date() == date(2026, 3, 29)
    assert midnight(date(2026, 3, 29), beirut) <= start
    azores = ZoneInfo("Atlantic/Azores")  # 00:05 comes twice on 25 October 2026
    assert next_run_start(run_start(date(2026, 10, 25), azores), azores) == run_start(
        date(2026, 10, 26), azores
    )


@pytest.mark.parametrize(
    ("created", "issue", "by_date", "expected"),
    [
        ("2026-03-02T13:00", date(2026, 3, 2), False, date(2026, 3, 3)),
        ("2026-03-02T23:59:59", date(2026, 3, 2), False, date(2026, 3, 3)),
        ("2026-03-03T00:00", date(2026, 3, 3), False, date(2026, 3, 4)),
        ("2026-03-03T00:03", date(2026, 3, 3), False, date(2026, 3, 4)),
        ("2026-03-02T13:00", date(2026, 3, 10), False, date(2026, 3, 3)),
        ("2026-03-02T13:00", date(2026, 3, 10), True, date(2026, 3, 10)),
        ("2026-03-10T09:00", date(2026, 3, 10), True, date(2026, 3, 11)),
        ("2026-02-06T11:00", date(2026, 2, 3), False, date(2026, 2, 7)),
        ("2026-02-06T11:00", date(2026, 2, 3), True, date(2026, 2, 7)),
        ("2026-03-28T23:30", date(2026, 3, 28), False, date(2026, 3, 29)),
        ("2026-10-25T02:30", date(2026, 10, 25), False, date(2026, 10, 26)),
    ],
)
def test_first_run_that_takes_an_invoice(created, issue, by_date, expected):
    assert first_run_day(local(created), issue, AMSTERDAM, by_invoice_date=by_date) == expected


def test_cut_off_is_midnight_in_the_company_s_zone_not_in_utc():
    just_before = datetime(2026, 7, 14, 21, 59, 59, tzinfo=UTC)
    at_midnight = datetime(2026, 7, 14, 22, 0, tzinfo=UTC)
    issue = date(2026, 7, 14)
    assert first_run_day(just_before, issue, AMSTERDAM, by_invoice_date=False) == date(2026, 7, 15)
    assert first_run_day(at_midnight, issue, AMSTERDAM, by_invoice_date=False) == date(2026, 7, 16)


def owed(now: str, *, activated: str | None = "2026-03-01T09:00", done: bool = False) -> bool:
    moment = local(now)
    return run_is_owed(
        current_run_day(moment, AMSTERDAM),
        now=moment,
        activated_at=local(activated) if activated else None,
        zone=AMSTERDAM,
        already_run=done,
    )


def test_run_is_owed_from_00_05_on_and_until_it_was_made():
    assert owed("2026-03-03T00:05")
    assert owed("2026-03-03T17:00"), "a run missed through downtime is caught up"
    assert owed("2026-03-04T00:04"), "the old night's run is still the current one"
    assert not owed("2026-03-03T00:05", done=True)


def test_nothing_is_owed_for_a_night_before_the_activation():
    assert not owed("2026-03-03T17:00", activated="2026-03-03T16:00")
    assert owed("2026-03-04T00:05", activated="2026-03-03T16:00")
    assert not owed("2026-03-03T17:00", activated=None)


def test_current_run_day_changes_at_00_05():
    assert current_run_day(local("2026-03-03T00:04:59"), AMSTERDAM) == date(2026, 3, 2)
    assert current_run_day(local("2026-03-03T00:05"), AMSTERDAM) == date(2026, 3, 3)
