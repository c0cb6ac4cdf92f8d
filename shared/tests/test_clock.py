"""Time and its zone."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from klokwerk.clock import FixedClock, SystemClock, moment_on, read_shift, write_shift

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


@pytest.mark.parametrize(
    ("day", "at", "instant"),
    [
        (date(2026, 11, 2), time(0, 5), datetime(2026, 11, 1, 23, 5, tzinfo=UTC)),
        (date(2026, 7, 2), time(0, 5), datetime(2026, 7, 1, 22, 5, tzinfo=UTC)),
        (date(2026, 3, 29), time(0, 5), datetime(2026, 3, 28, 23, 5, tzinfo=UTC)),
        (date(2026, 3, 29), time(2, 30), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        (date(2026, 3, 30), time(0, 5), datetime(2026, 3, 29, 22, 5, tzinfo=UTC)),
        (date(2026, 10, 25), time(2, 30), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (date(2026, 10, 26), time(0, 5), datetime(2026, 10, 25, 23, 5, tzinfo=UTC)),
    ],
)
def test_the_instant_of_a_local_time_also_on_days_the_clocks_change(
    day: date, at: time, instant: datetime
) -> None:
    assert moment_on(day, at, AMSTERDAM) == instant


def test_the_company_day_is_not_the_utc_day() -> None:
    clock = FixedClock(datetime(2026, 11, 1, 23, 30, tzinfo=UTC))
    assert clock.today() == date(2026, 11, 2)


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        FixedClock(datetime(2026, 11, 2))  # noqa: DTZ001


async def test_every_clock_that_reads_the_file_is_moved_and_sleepers_wake(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    first, second = SystemClock(shift_file=file), SystemClock(shift_file=file)
    before = first.now()
    sleeper = asyncio.create_task(second.sleep_until(before + timedelta(hours=5)))
    write_shift(file, timedelta(hours=6))
    await asyncio.wait_for(sleeper, 3)
    for clock in (first, second):
        assert timedelta(hours=6) <= clock.now() - before < timedelta(hours=6, minutes=1)
    file.write_text("{broken")
    assert read_shift(file) == timedelta(0)
    file.unlink()
    assert first.now() - before < timedelta(minutes=1)
