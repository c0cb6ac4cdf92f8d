"""The demo as a newcomer runs it: everything of its own, from cards to ledger."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

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


@pytest.mark.timeout(320)
def test_a_step_that_fails_ends_the_demo_with_1_and_its_name(tmp_path: Path) -> None:
    """An order day whose sales name an unknown article stops in the step that enters them."""
    files = tmp_path / "files"
    files.mkdir()
    for file in (PROJECT / "demo").iterdir():
        (files / file.name).write_bytes(file.read_bytes())
    sales = files / "sales.csv"
    sales.write_text(sales.read_text().replace("R2780", "NOSUCH", 1))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KLOKWERK_")}
    played = subprocess.run(
        [
            *(sys.executable, "-m", "klokwerk_platform", "demo", "--once"),
            *("--state", str(tmp_path / "state"), "--files", str(files)),
        ],
        cwd=PROJECT,
        env=clean | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert played.returncode == 1
    assert "Failed in step: Order day 2026-11-24: what was sold" in played.stdout
    assert "NOSUCH" in played.stdout


def _speaks_of(process: psutil.Process, state: Path) -> bool:
    return any(str(state) in part for part in process.info["cmdline"] or [])
