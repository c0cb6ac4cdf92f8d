"""What the steps share: the doors, the files, the screen, and what earlier steps found out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from klokwerk.clock import moment_on
from klokwerk.kafka import KafkaAddress

from klokwerk_platform.demo.doors import Doors, StepFailedError
from klokwerk_platform.demo.order_day import OrderDay
from klokwerk_platform.demo.screen import Screen

ZONE = ZoneInfo("Europe/Amsterdam")


@dataclass(slots=True)
class Play:
    """One performance.

    Attributes:
        exports: folder that the accounting files go to.
        names: names of the cards by id.
        numbers: debtor numbers by id, as the debtor service shows them.
        invoices: ids of the invoices that were made, by debtor and night.
        customer: folder of a customer's own servers, where they were started; `sftp_port` leads to it.
    """

    doors: Doors
    day: OrderDay
    screen: Screen
    kafka: KafkaAddress
    exports: Path
    names: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    invoices: dict[tuple[str, int], str] = field(default_factory=dict)
    step: str = ""
    customer: Path = Path()
    sftp_port: int = 0

    @contextmanager
    def act(self, number: int, title: str) -> Iterator[None]:
        """One step of the play."""
        self.step = title
        self.screen.step(number, title)
        yield

    def at(self, day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
        """Set all clocks to a local time."""
        moment = moment_on(day, time(hour, minute, second), ZONE)
        self.doors.set_clock(moment)
        self.screen.done(f"all clocks stand at {day:%A} {day} {hour:02}:{minute:02}:{second:02}")
        return moment


def expect(seen: object, wanted: object, what: str) -> None:
    """Raise unless `seen` equals `wanted`; the text says what differs.

    Raises:
        StepFailedError: it does not.
    """
    if seen != wanted:
        raise StepFailedError(f"{what}\n  expected: {wanted!r}\n  seen:     {seen!r}")
