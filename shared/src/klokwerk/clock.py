"""The one place that knows the time and the company's zone, so that tests and the demo can move it.

Services never call ``datetime.now`` themselves. `SystemClock` reads the machine's clock plus a shift that
lives in a file shared by all processes of an installation; moving the file moves every service at once.
Leases, time-outs and the life of tokens and sessions run on the database's or the machine's clock and never
follow a shift.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

LONGEST_NAP = 0.5
"""Seconds between two looks at a clock that may be moved."""


class Clock(Protocol):
    """What a service asks about time."""

    zone: ZoneInfo

    def now(self) -> datetime:
        """This moment, aware, in UTC."""
        ...

    def today(self) -> date:
        """The company's calendar day."""
        ...

    async def sleep_until(self, moment: datetime) -> None:
        """Return once the clock shows `moment` or later, also when it is moved meanwhile."""
        ...


class _Zoned:
    def __init__(self, zone: str | ZoneInfo) -> None:
        self.zone = ZoneInfo(zone) if isinstance(zone, str) else zone

    def now(self) -> datetime:
        raise NotImplementedError

    def today(self) -> date:
        return self.now().astimezone(self.zone).date()

    async def sleep_until(self, moment: datetime) -> None:
        while (left := (moment - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 - no event tells that a clock was moved
            await asyncio.sleep(min(left, LONGEST_NAP))


class SystemClock(_Zoned):
    """The machine's clock, moved by the seconds in `shift_file` where there is one.

    Args:
        zone: the company's zone, e.g. ``Europe/Amsterdam``.
        shift_file: JSON file ``{"shift_seconds": 3600}``; absent or unreadable means no shift.
    """

    def __init__(self, zone: str | ZoneInfo = "Europe/Amsterdam", shift_file: Path | None = None) -> None:
        super().__init__(zone)
        self._file = shift_file
        self._stamp: tuple[int, int] | None = None
        self._shift = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._current_shift()

    def _current_shift(self) -> timedelta:
        if self._file is None:
            return self._shift
        try:
            state = self._file.stat()
        except OSError:
            self._stamp, self._shift = None, timedelta(0)
            return self._shift
        stamp = (state.st_mtime_ns, state.st_ino)
        if stamp != self._stamp:
            self._shift = read_shift(self._file)
            self._stamp = stamp
        return self._shift


class FixedClock(_Zoned):
    """A clock that stands still until it is moved; for tests."""

    def __init__(self, moment: datetime, zone: str | ZoneInfo = "Europe/Amsterdam") -> None:
        super().__init__(zone)
        if moment.tzinfo is None:
            raise ValueError("a FixedClock needs an aware moment, e.g. datetime(2026, 11, 2, 9, tzinfo=UTC)")
        self._moment = moment.astimezone(UTC)

    def now(self) -> datetime:
        return self._moment

    def set(self, moment: datetime) -> None:
        """Move to `moment` (aware)."""
        self._moment = moment.astimezone(UTC)

    def advance(self, step: timedelta) -> None:
        """Move by `step`."""
        self._moment += step

    async def sleep_until(self, moment: datetime) -> None:
        while self._moment < moment:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)


def read_shift(file: Path) -> timedelta:
    """The shift that `file` holds; none when it is absent or not readable as such."""
    try:
        return timedelta(seconds=float(json.loads(file.read_text())["shift_seconds"]))
    except (OSError, ValueError, KeyError, TypeError):
        return timedelta(0)


def write_shift(file: Path, shift: timedelta) -> None:
    """Move every clock that reads `file`; the file is replaced in one step."""
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps({"shift_seconds": shift.total_seconds()}))
    draft.replace(file)


def moment_on(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The instant at which the company's clocks show `at` on `day`, in UTC.

    A time that a clock change skips gives the first moment after the gap; one that comes twice, the first.
    """
    local = datetime.combine(day, at, tzinfo=zone)
    instant = local.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        before = local.replace(fold=0).utcoffset() or timedelta(0)
        after = local.replace(fold=1).utcoffset() or timedelta(0)
        instant += before - after if before > after else timedelta(0)
    return instant
