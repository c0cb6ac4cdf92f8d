"""Two ways of doing the same work, measured in turn in one run, and what came of it.

A machine is never quiet, so absolute numbers travel badly. Both sides run in the same process, round after
round, the order of the two changing each time; what counts is the median of the rounds' ratios. CPU seconds of
this process stand beside the wall clock: they say what the work costs where another program took the core.
"""

from __future__ import annotations

import asyncio
import gc
import os
import platform
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Sample:
    """One side of one round: units done, wall seconds, CPU seconds of this process."""

    units: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        """Units a second."""
        return self.units / self.seconds

    @property
    def cost(self) -> float:
        """CPU microseconds for each unit."""
        return self.cpu / self.units * 1e6


class Watch:
    """Takes the time of one side. It runs from the call on; what has a start of its own may set it anew."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Count from now."""
        self._cpu, self._wall, self._end = time.process_time(), time.perf_counter(), (0.0, 0.0)

    def stop(self) -> None:
        """Count no further; the first call holds."""
        if self._end == (0.0, 0.0):
            self._end = time.process_time(), time.perf_counter()

    def sample(self, units: int) -> Sample:
        """What was done between start and stop."""
        self.stop()
        return Sample(units, self._end[1] - self._wall, self._end[0] - self._cpu)


@dataclass(slots=True)
class Ticker:
    """Wakes up again and again while its block runs, and keeps by how much it came too late.

    Attributes:
        largest_gap: seconds for which the event loop was held up at most.
    """

    every: float = 0.005
    largest_gap: float = 0.0
    _task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def _tick(self) -> None:
        while True:
            due = time.perf_counter() + self.every
            await asyncio.sleep(self.every)
            self.largest_gap = max(self.largest_gap, time.perf_counter() - due)


Work = Callable[[Watch], Awaitable[int]]
"""Does one side once and gives the number of units done."""


@dataclass(frozen=True, slots=True)
class Side:
    """One way to do the work.

    Attributes:
        prepare: what comes before each round and is not measured.
    """

    name: str
    work: Work
    prepare: Callable[[], Awaitable[None]] | None = None

    async def once(self) -> Sample:
        """Prepare, then do and measure."""
        if self.prepare is not None:
            await self.prepare()
        gc.collect()
        watch = Watch()
        return watch.sample(await self.work(watch))


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a comparison may take.

    Attributes:
        rounds: rounds that count, at most.
        seconds: no further round begins after this long, once there are two.
        warm_up: a round that is not counted comes first; without it figures say little.
    """

    rounds: int
    seconds: float
    warm_up: bool = True


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one benchmark found.

    Attributes:
        unit: what is counted, e.g. ``events``.
        goal: lowest ratio wanted, none where none is set.
        rounds: ours and the other side's, round by round.
        floor: lowest rate wanted of ours on an idle machine, none where none is set.
        notes: further findings.
        kept: whether a further bound held that the notes tell of; none where there is none.
    """

    name: str
    unit: str
    ours: str
    other: str
    goal: float | None
    rounds: tuple[tuple[Sample, Sample], ...]
    floor: float | None = None
    notes: dict[str, Any] = field(default_factory=dict)
    kept: bool | None = None

    @property
    def ratios(self) -> list[float]:
        """Ours against the other, wall clock; more than 1 is faster than the other."""
        return [ours.rate / other.rate for ours, other in self.rounds]

    @property
    def cpu_ratios(self) -> list[float]:
        """The same by CPU time of this process."""
        return [other.cost / ours.cost for ours, other in self.rounds]

    @property
    def ratio(self) -> float:
        """Median of the ratios."""
        return statistics.median(self.ratios)

    @property
    def reached(self) -> bool | None:
        """Whether goal and floor were reached; none where there are neither."""
        if self.goal is None and self.floor is None:
            return None
        rate = statistics.median(ours.rate for ours, _ in self.rounds)
        fast = (self.goal is None or self.ratio >= self.goal) and (self.floor is None or rate >= self.floor)
        return fast and self.kept is not False

    def as_json(self) -> dict[str, Any]:
        """All of it, for the report file."""
        return {
            "name": self.name,
            "unit": self.unit,
            "goal": self.goal,
            "floor": self.floor,
            "reached": self.reached,
            "ratio": {
                "median": round(self.ratio, 3),
                "min": round(min(self.ratios), 3),
                "max": round(max(self.ratios), 3),
            },
            "cpu_ratio": round(statistics.median(self.cpu_ratios), 3),
            "ours": _side(self.ours, [ours for ours, _ in self.rounds]),
            "other": _side(self.other, [other for _, other in self.rounds]),
            "notes": self.notes,
        }


def _side(name: str, samples: list[Sample]) -> dict[str, Any]:
    return {
        "name": name,
        "units": samples[0].units,
        "per_second": round(statistics.median(s.rate for s in samples)),
        "cpu_microseconds": round(statistics.median(s.cost for s in samples), 2),
        "rounds": [{"seconds": round(s.seconds, 4), "cpu_seconds": round(s.cpu, 4)} for s in samples],
    }


async def compare(
    name: str,
    ours: Side,
    other: Side,
    *,
    unit: str,
    pace: Pace,
    goal: float | None = None,
    floor: float | None = None,
) -> Comparison:
    """Run both sides in turn for as long as `pace` says, after the round that warms up.

    Raises:
        AssertionError: one of the two did nothing, so there is nothing to compare.
    """
    found: list[tuple[Sample, Sample]] = []
    began = time.monotonic()
    for number in range(0 if pace.warm_up else 1, pace.rounds + 1):
        if len(found) >= 2 and time.monotonic() - began > pace.seconds:
            break
        first, second = (ours, other) if number % 2 else (other, ours)
        samples = {first.name: await first.once()}
        samples[second.name] = await second.once()
        pair = samples[ours.name], samples[other.name]
        assert all(each.units > 0 for each in pair), f"{name}: {pair[0].units} against {pair[1].units} {unit}"
        if number:
            found.append(pair)
    return Comparison(name, unit, ours.name, other.name, goal, tuple(found), floor)


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "load": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }
