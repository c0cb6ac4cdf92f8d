"""The gate before every call: pauses, calls left, and refused calls, so that no limit is ever run into.

What others must know stands in the database: until when nobody calls, how many calls were refused within the
hour, and how many may be under way. Of the error allowance each process holds places: a call to an endpoint
needs one, a refused call uses it up, any other gives it back. Places held and refused calls together never
exceed the allowance, so it can't be exceeded however many processes call at once. A steady stream of good calls
costs no statement at all.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import httpx
from klokwerk.clock import Clock

from accounting_sync.targets.answers import Temporary

ERROR_WINDOW = timedelta(hours=1)
LEASE_SECONDS = 60.0
RENEWED_AFTER = 30.0
IDLE_SECONDS = 3.0
LOOK_SECONDS = 1.0
"""How old the knowledge of others' pauses may be."""


@dataclass(frozen=True, slots=True)
class Window:
    """What an answer says of one call limit: calls left in it, and when it begins anew."""

    name: str
    left: int
    reset: datetime


@dataclass(frozen=True, slots=True)
class Places:
    """What a process holds of an error allowance; `again_at` is when more may be free."""

    held: int
    errors: int
    again_at: datetime | None


@dataclass(frozen=True, slots=True)
class LimitReader:
    """How a system's answers tell of limits.

    Attributes:
        system: its name.
        windows: the call limits an answer tells of.
        pause_until: until when nobody may call, after this answer.
        error_statuses: answers that count against the error allowance.
        allowance: refused calls an endpoint may have within the hour; none for no such rule.
    """

    system: str
    windows: Callable[[httpx.Response], list[Window]]
    pause_until: Callable[[httpx.Response, datetime], datetime | None]
    error_statuses: frozenset[int] = frozenset()
    allowance: int | None = None


class GateState(Protocol):
    """What all processes share of a connection's limits."""

    async def paused_until(self) -> datetime | None: ...

    async def pause(self, until: datetime) -> None: ...

    async def hold_places(
        self, holder: uuid.UUID, endpoint: str, wanted: int, allowance: int, since: datetime
    ) -> Places: ...

    async def note_error(self, holder: uuid.UUID, endpoint: str, at: datetime, status: int) -> None: ...

    async def give_places_back(self, holder: uuid.UUID) -> None: ...


@dataclass(slots=True)
class _Endpoint:
    held: int = 0
    in_use: int = 0
    good_until: float = 0.0
    used_at: float = 0.0
    freed: asyncio.Condition = field(default_factory=asyncio.Condition)


class CallGate:
    """The gate of one connection in one process."""

    def __init__(self, state: GateState, clock: Clock, reader: LimitReader, *, most_at_once: int = 4) -> None:
        self._state = state
        self._clock = clock
        self._reader = reader
        self._most = most_at_once
        self._me = uuid.uuid4()
        self._windows: dict[str, Window] = {}
        self._under_way = 0
        self._paused: datetime | None = None
        self._looked = 0.0
        self._endpoints: dict[str, _Endpoint] = {}
        self._answered = asyncio.Condition()

    @asynccontextmanager
    async def call(self, endpoint: str) -> AsyncIterator["Passage"]:
        """Room for one call; tell the passage what was answered.

        Raises:
            Temporary: there is no room now; nothing was called.
        """
        await self._check_pause()
        place = await self._place(endpoint) if self._reader.allowance is not None else None
        passage, used_up = Passage(), False
        try:
            await self._first_goes_alone()
            try:
                yield passage
            finally:
                if passage.response is not None:
                    used_up = await asyncio.shield(self._note(endpoint, passage.response))
                async with self._answered:
                    self._under_way -= 1
                    self._answered.notify_all()
        finally:
            if place is not None:
                async with place.freed:
                    place.in_use -= 1
                    place.used_at = time.monotonic()
                    place.held -= used_up
                    place.freed.notify_all()

    async def close(self) -> None:
        """Let other processes have the places of this one."""
        if any(each.held for each in self._endpoints.values()):
            self._endpoints.clear()
            await self._state.give_places_back(self._me)

    async def close_when_idle(self) -> None:
        """The same, unless there is a call under way or was one a moment ago."""
        since = time.monotonic() - IDLE_SECONDS
        if not any(each.in_use or each.used_at > since for each in self._endpoints.values()):
            await self.close()

    async def _check_pause(self) -> None:
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._looked = time.monotonic()
            found = await self._state.paused_until()
            # What this process learned meanwhile may not be written down yet.
            self._paused = max(filter(None, (found, self._paused)), default=None)
        self._check_room()

    def _check_room(self) -> None:
        now = self._clock.now()
        waits = [window.reset for window in self._current(now) if window.left <= self._under_way]
        if self._paused is not None and self._paused > now:
            waits.append(self._paused)
        if waits:
            raise Temporary(f"{self._reader.system}'s call limit is reached", max(waits))

    async def _first_goes_alone(self) -> None:
        """Begin a call; while nobody knows how many are left, one goes and the others wait for what it brings."""
        async with self._answered:
            await self._answered.wait_for(
                lambda: not self._under_way or bool(self._current(self._clock.now()))
            )
            self._check_room()
            self._under_way += 1

    def _current(self, now: datetime) -> list[Window]:
        return [window for window in self._windows.values() if window.reset > now]

    async def _place(self, endpoint: str) -> _Endpoint:
        place = self._endpoints.setdefault(endpoint, _Endpoint())
        async with place.freed:
            while place.in_use >= place.held or time.monotonic() > place.good_until:
                found = await self._hold(endpoint, place)
                if place.in_use < place.held:
                    break
                if not place.in_use:
                    place.freed.notify_all()  # whoever waits for a place finds out the same
                    raise self._no_room(endpoint, found)
                await place.freed.wait()
            place.in_use += 1
        return place

    async def _hold(self, endpoint: str, place: _Endpoint) -> Places:
        found = await self._state.hold_places(
            self._me,
            endpoint,
            min(place.in_use + 1, self._most),
            self._reader.allowance or 0,
            self._clock.now() - ERROR_WINDOW,
        )
        place.held, place.good_until = found.held, time.monotonic() + RENEWED_AFTER
        return found

    def _no_room(self, endpoint: str, found: Places) -> Temporary:
        if found.errors < (self._reader.allowance or 0):
            soon = self._clock.now() + timedelta(seconds=5)
            return Temporary(f"other processes are calling {endpoint} at this moment", soon)
        return Temporary(
            f"{found.errors} refused calls to {endpoint} within the hour; stopped before {self._reader.system} "
            "blocks the connection",
            found.again_at,
        )

    async def _note(self, endpoint: str, response: httpx.Response) -> bool:
        """Keep what an answer says; whether it used up a place."""
        now = self._clock.now()
        for window in self._reader.windows(response):
            known = self._windows.get(window.name)
            if known is None or window.reset != known.reset or window.left < known.left:
                self._windows[window.name] = window
        if (until := self._reader.pause_until(response, now)) is not None:
            self._paused = max(until, self._paused or until)
            await self._state.pause(until)
        refused = response.status_code in self._reader.error_statuses
        if refused:
            await self._state.note_error(self._me, endpoint, now, response.status_code)
        return refused and self._reader.allowance is not None


@dataclass(slots=True)
class Passage:
    """One call that was let through; `response` is set by the caller once there is one."""

    response: httpx.Response | None = None
