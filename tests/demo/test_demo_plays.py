"""The demo as a newcomer runs it: everything of its own, from cards to ledger."""

from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import psutil
import pytest
from klokwerk_platform.demo import run
from klokwerk_platform.demo.screen import Screen
from klokwerk_platform.platform import Platform
from klokwerk_platform.ports import free_ports
from klokwerk_platform.secrets_file import Secrets
from klokwerk_platform.servers import Servers
from rich.console import Console

PROJECT = Path(__file__).parents[2]


@pytest.mark.timeout(420)
def test_the_demo_proves_every_step_and_leaves_nothing_running(tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KLOKWERK_")}
    state = tmp_path / "demo"
    played = subprocess.run(
        [sys.executable, "-m", "klokwerk_platform", "demo", "--once", "--state", str(state)],
        cwd=PROJECT,
        env=clean | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert played.returncode == 0, played.stdout[-4000:] + played.stderr[-2000:]
    for step in range(1, 10):
        assert f"\n{step}. " in played.stdout
    assert "The order day is done" in played.stdout
    left = [process.pid for process in psutil.process_iter(["cmdline"]) if _speaks_of(process, state)]
    assert left == []


class NobodyAnswers(Platform):
    """A platform whose services are started and gone again: the first request of the play meets nobody."""

    def __init__(self, state: Path, **_: object) -> None:
        super().__init__(state, customer=True)
        (port,) = free_ports(1)
        self._nowhere = f"127.0.0.1:{port}"
        self.stopped = False

    @property
    def secrets(self) -> Secrets:
        return Secrets("seed", "password", "secret")

    @property
    def customer(self) -> dict[str, str]:
        return {"sftp": f"sftp://{self._nowhere}"}

    @property
    def servers(self) -> Servers:
        return Servers(*[f"http://{self._nowhere}"] * 7)

    def urls(self, service: str) -> list[str]:
        return [f"http://{self._nowhere}"]

    async def start(self) -> None:
        self.state.mkdir(parents=True)

    async def stop(self) -> None:
        self.stopped = True


async def test_a_step_that_fails_ends_the_demo_with_1_and_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[NobodyAnswers] = []

    def platform(state: Path, **options: object) -> NobodyAnswers:
        started.append(NobodyAnswers(state, **options))
        return started[0]

    monkeypatch.setattr(run, "Platform", platform)
    screen = Screen(Console(file=StringIO(), width=200))
    assert await run.demo(PROJECT / "demo", tmp_path / "state", once=True, screen=screen) == 1
    assert isinstance(screen.console.file, StringIO)
    printed = screen.console.file.getvalue()
    assert "Failed in step: The company, its customers and suppliers" in printed
    assert "connection" in printed.lower()
    assert str(tmp_path / "state" / "logs") in printed
    assert started[0].stopped


def _speaks_of(process: psutil.Process, state: Path) -> bool:
    return any(str(state) in part for part in process.info["cmdline"] or [])
