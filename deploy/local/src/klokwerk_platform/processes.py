"""Programs that run beside us: started with a log file, bound to our life, stopped in bounded time."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_LAUNCHER = Path(__file__).with_name("launch.py")
_TAIL_BYTES = 3_000


class PlatformError(RuntimeError):
    """The platform can't start; the message says what to do."""


class ProgramEndedError(PlatformError):
    """A program ended while it was needed; the message holds the end of its log."""


@dataclass(frozen=True)
class Owner:
    """The user as whom a program runs, where it isn't ours."""

    uid: int
    gid: int


@dataclass
class Program:
    """A running program, its name for people and its log file."""

    name: str
    log: Path
    process: subprocess.Popen[bytes]
    stop_signal: signal.Signals
    started_at: float = 0.0

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    @property
    def returncode(self) -> int | None:
        return self.process.poll()

    def log_tail(self) -> str:
        """The last lines of the log, for an error message."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as source:
            source.seek(0, os.SEEK_END)
            source.seek(max(0, source.tell() - _TAIL_BYTES))
            return source.read().decode(errors="replace").strip()

    def check(self) -> None:
        """Raise :class:`ProgramEndedError` when the program no longer runs."""
        if not self.running:
            raise ProgramEndedError(
                f"{self.name} ended with code {self.returncode}. The end of {self.log}:\n{self.log_tail()}"
            )

    def kill(self) -> None:
        """End it at once (kill -9) and reap it."""
        if self.running:
            self.process.kill()
        self.process.wait()

    async def ended(self) -> int:
        """Wait until it ends by itself; its return code."""
        while self.running:  # noqa: ASYNC110 - a child of ours that no event tells about
            await asyncio.sleep(0.02)
        return self.process.wait()

    async def stop(self, patience_seconds: float = 20) -> None:
        """Ask it to end, and end it after ``patience_seconds``."""
        if self.running:
            self.process.send_signal(self.stop_signal)
        deadline = asyncio.get_running_loop().time() + patience_seconds
        while self.running:
            if asyncio.get_running_loop().time() > deadline:
                self.kill()
                return
            await asyncio.sleep(0.02)


def start(
    name: str,
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    owner: Owner | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    orphan_signal: signal.Signals = signal.SIGKILL,
) -> Program:
    """Start ``command`` with its output appended to ``log``.

    ``orphan_signal`` is what it gets when this process dies without stopping it. Call it from a thread that
    lives as long as the program should (the main thread): Linux watches the thread.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    who = f"{owner.uid}:{owner.gid}" if owner else "-"
    # -I -S: the launcher needs nothing but the standard library, and starts in a few milliseconds.
    launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), str(int(orphan_signal)), who]
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - commands of our own, no shell
            [*launcher, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env) if env is not None else None,
            cwd=cwd,
            # Its own group: Ctrl+C in the terminal reaches the supervisor, which stops the rest in order.
            start_new_session=True,
        )
    return Program(name, log, process, stop_signal, psutil.Process(process.pid).create_time())


def alive(pid: int, started_at: float | None = None) -> bool:
    """Whether process ``pid`` runs and, given its start time, is still the same one."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return started_at is None or abs(process.create_time() - started_at) < 1
    except psutil.NoSuchProcess:
        return False
