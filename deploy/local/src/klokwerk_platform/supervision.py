"""The running replicas of all services: started, watched, started again a bounded number of times."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from klokwerk_platform import processes
from klokwerk_platform.processes import Program
from klokwerk_platform.readiness import wait_until_ready
from klokwerk_platform.servers import Say
from klokwerk_platform.state import Address

_READY_SECONDS = 90
_RESTARTS = 5
_RESTART_WINDOW_SECONDS = 300
_WATCH_SECONDS = 0.2


@dataclass
class Replica:
    """One process of a service.

    Attributes:
        number: 1 for the first replica, whose address others use.
        stopped: it was stopped on purpose and is not to be started again by the watch.
        watched: when it ends it is started again, so that waiting for it still makes sense.
    """

    service: str
    number: int
    command: list[str]
    env: dict[str, str]
    log: Path
    url: str
    stopped: bool = False
    watched: bool = False
    restarts: deque[float] = field(default_factory=lambda: deque(maxlen=_RESTARTS))
    _program: Program | None = None

    @property
    def title(self) -> str:
        return self.service if self.number == 1 else f"{self.service} {self.number}"

    @property
    def has_program(self) -> bool:
        return self._program is not None

    @property
    def program(self) -> Program:
        if self._program is None:
            raise RuntimeError(f"{self.title} was never started.")
        return self._program

    def start(self) -> None:
        self.stopped = False
        self._program = processes.start(self.title, self.command, log=self.log, env=self.env)

    def check(self) -> None:
        if self.stopped or not self.watched:
            self.program.check()

    def log_tail(self) -> str:
        return self.program.log_tail()

    def as_address(self) -> Address:
        pid = self._program.pid if self._program else None
        started_at = self._program.started_at if self._program else None
        return Address(self.title, self.url, pid, started_at, f"{self.url}/health/ready")


class Supervision:
    """Keeps the replicas; ``changed`` is called when a process came or went."""

    def __init__(self, changed: Callable[[], None], say: Say) -> None:
        self._replicas: dict[str, list[Replica]] = {}
        self._changed = changed
        self._say = say
        self._watch: asyncio.Task[None] | None = None

    def all(self) -> list[Replica]:
        return [replica for replicas in self._replicas.values() for replica in replicas]

    def of(self, service: str) -> list[Replica]:
        """The replicas of a service. Raises ``LookupError`` for one that isn't run here."""
        if service not in self._replicas:
            raise LookupError(f"{service} is not run here; {', '.join(self._replicas) or 'nothing'} is.")
        return self._replicas[service]

    def first(self, service: str) -> Replica:
        return self.of(service)[0]

    async def add(self, replica: Replica) -> None:
        """Start a replica and wait until it is ready."""
        self._replicas.setdefault(replica.service, []).append(replica)
        replica.start()
        self._changed()
        await wait_until_ready(replica, _READY_SECONDS)
        replica.watched = self._watch is not None

    async def drop_last(self, service: str) -> None:
        replica = self.of(service)[-1]
        replica.stopped = True
        await replica.program.stop()
        self.of(service).remove(replica)
        self._changed()

    def kill(self, service: str, replica: int | None = None) -> None:
        """kill -9 one replica (from 0) or all of them."""
        chosen = self.of(service) if replica is None else [self.of(service)[replica]]
        for each in chosen:
            each.program.kill()

    async def stop_service(self, service: str) -> None:
        for replica in self.of(service):
            replica.stopped = True
        await asyncio.gather(*(replica.program.stop() for replica in self.of(service)))
        self._changed()

    async def restart(self, service: str) -> None:
        """Start what doesn't run of a service and wait until all of it is ready."""
        for replica in self.of(service):
            if not replica.program.running:
                replica.start()
        self._changed()
        await asyncio.gather(*(wait_until_ready(each, _READY_SECONDS) for each in self.of(service)))

    def watch(self) -> None:
        """From now on start again what ends by itself."""
        for replica in self.all():
            replica.watched = True
        self._watch = asyncio.create_task(self._keep_running())

    async def stop(self, patience_seconds: float) -> None:
        """Stop the watch, then every replica."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        started = [replica for replica in self.all() if replica.has_program]
        for replica in started:
            replica.stopped = True
        await asyncio.gather(*(replica.program.stop(patience_seconds) for replica in started))
        self._replicas.clear()

    async def _keep_running(self) -> None:
        while True:
            for replica in self.all():
                if not replica.stopped and replica.has_program and not replica.program.running:
                    self._start_again(replica)
            await asyncio.sleep(_WATCH_SECONDS)

    def _start_again(self, replica: Replica) -> None:
        now = asyncio.get_running_loop().time()
        full = len(replica.restarts) == _RESTARTS
        if full and now - replica.restarts[0] < _RESTART_WINDOW_SECONDS:
            replica.stopped = True
            self._say(
                f"{replica.title} ended {_RESTARTS + 1} times in {_RESTART_WINDOW_SECONDS // 60} minutes and is "
                f"left alone. See `klokwerk logs {replica.service}`."
            )
            return
        replica.restarts.append(now)
        self._say(f"{replica.title} ended with code {replica.program.returncode}; starting it again")
        replica.start()
        self._changed()
