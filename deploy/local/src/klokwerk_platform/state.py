"""The state folder of one platform: who runs it, what runs in it and where everything listens."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from klokwerk_platform.ports import claim, free_ports, port_for, release, wanted_port
from klokwerk_platform.processes import Program, alive

_ORPHANS_SECONDS = 10


class AlreadyRunningError(RuntimeError):
    """Another supervisor runs on the same state folder."""


@dataclass(frozen=True)
class Address:
    """Where one server or replica of a service listens, and its process when it is ours."""

    name: str
    address: str
    pid: int | None = None
    started_at: float | None = None
    ready_url: str = ""

    @property
    def running(self) -> bool | None:
        """Whether its process lives; None when it isn't ours."""
        return None if self.pid is None else alive(self.pid, self.started_at)


@dataclass
class Directory:
    """What ``addresses.json`` holds.

    Attributes:
        supervisor: process id of the supervisor.
        ready: everything was started and answered.
        env: the variables with which programs outside reach this platform.
    """

    supervisor: int
    ready: bool = False
    addresses: list[Address] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)


class StateFolder:
    """The files in one state folder; ``lock`` makes this process its only supervisor."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock: IO[str] | None = None
        self._ports: dict[str, int] = {}
        self._taken: set[int] = set()

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def lock(self) -> None:
        """Become the only supervisor here. Raises :class:`AlreadyRunningError` with the other's pid.

        The kernel gives the lock back when this process ends, however it ends: no stale lock remains.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        held = (self.path / "lock").open("a+")
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.close()
            raise AlreadyRunningError(
                f"Klokwerk already runs on {self.path} (process {self.supervisor()}). "
                "See `klokwerk status`, stop it with `klokwerk down`, or use another folder with --state."
            ) from None
        held.seek(0)
        held.truncate()
        held.write(str(os.getpid()))
        held.flush()
        self._lock = held
        self._end_orphans()
        self._ports = self._remembered_ports()

    def unlock(self) -> None:
        for port in self._taken:
            release(port)
        self._taken.clear()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def supervisor(self) -> int | None:
        """The process id of the supervisor that holds the lock, if one does."""
        try:
            with (self.path / "lock").open("r+") as probe:
                try:
                    fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return int(probe.read().strip() or 0)
        except FileNotFoundError:
            return None
        return None

    def port(self, name: str) -> int:
        """A port for ``name``: the asked one, else the same as last time where that is free, else a free one.

        Raises :class:`~klokwerk_platform.ports.PortRefusedError` when the asked one can't be had.
        """
        remembered = self._ports.get(name)
        if wanted_port(name) is not None:
            chosen = port_for(name)
        elif remembered and remembered not in self._taken and claim(remembered):
            chosen = remembered
        else:
            (chosen,) = free_ports(1)
        self._taken.add(chosen)
        self._ports[name] = chosen
        _write(self.path / "ports.json", self._ports)
        return chosen

    def write_directory(self, directory: Directory) -> None:
        """Write ``addresses.json`` and, for shells, ``klokwerk.env``."""
        _write(self.path / "addresses.json", asdict(directory))
        lines = (f"{key}={value}\n" for key, value in sorted(directory.env.items()))
        file = self.path / "klokwerk.env"
        file.touch(mode=0o600)
        file.write_text("".join(lines))

    def directory(self) -> Directory | None:
        """What was last written, or None."""
        try:
            content = json.loads((self.path / "addresses.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        addresses = [Address(**each) for each in content.pop("addresses")]
        return Directory(**content, addresses=addresses)

    def note_processes(self, programs: Iterable[Program]) -> None:
        """Write down our children, so that the next start can end what a crash left behind."""
        rows = [{"pid": program.pid, "started_at": program.started_at} for program in programs]
        _write(self.path / "processes.json", rows)

    def remove(self) -> None:
        """Remove the folder and all that is in it. Only when nobody runs on it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _remembered_ports(self) -> dict[str, int]:
        try:
            return {
                str(key): int(value) for key, value in json.loads(_read(self.path / "ports.json")).items()
            }
        except (json.JSONDecodeError, ValueError):
            return {}

    def _end_orphans(self) -> None:
        """End what outlived a supervisor that was killed; on Linux the kernel did so already, or is at it."""
        try:
            rows = json.loads(_read(self.path / "processes.json"))
        except json.JSONDecodeError:
            rows = []
        if not isinstance(rows, list):
            return
        deadline = time.monotonic() + _ORPHANS_SECONDS
        left = [row for row in rows if alive(row["pid"], row["started_at"])]
        for row in left:
            os.kill(row["pid"], signal.SIGTERM)
        while any(alive(row["pid"], row["started_at"]) for row in left):
            if time.monotonic() > deadline:
                for row in left:
                    if alive(row["pid"], row["started_at"]):
                        os.kill(row["pid"], signal.SIGKILL)
                return
            time.sleep(0.05)


def _read(file: Path) -> str:
    return file.read_text() if file.exists() else "{}"


def _write(file: Path, content: object) -> None:
    draft = file.with_suffix(file.suffix + ".new")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(content, indent=1))
    draft.replace(file)
