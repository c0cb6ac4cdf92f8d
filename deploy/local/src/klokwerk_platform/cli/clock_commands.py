"""``klokwerk clock show | set | advance | reset``: moves the time of a local platform, never of production."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from klokwerk.clock import SystemClock, read_shift, write_shift

from klokwerk_platform.cli.surroundings import DEFAULT_STATE, StateOption, fail, out, platform_env

_STEP = re.compile(r"(\d+)([dhms])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def add_to(app: typer.Typer) -> None:
    clock = typer.Typer(help="The clock of the platform on this machine.", no_args_is_help=True)
    clock.command("show")(show)
    clock.command("set")(set_clock)
    clock.command("advance")(advance)
    clock.command("reset")(reset)
    app.add_typer(clock, name="clock")


def show(state: StateOption = DEFAULT_STATE) -> None:
    """Show what time the services think it is."""
    _show(_file(state), state)


def set_clock(
    moment: Annotated[
        str, typer.Argument(help="2026-11-02T23:59:50, in the company's zone unless it has one.")
    ],
    state: StateOption = DEFAULT_STATE,
) -> None:
    """Make it this moment now; the clock runs on from there."""
    try:
        wanted = datetime.fromisoformat(moment)
    except ValueError:
        raise fail(f"{moment!r} is no moment; write it like 2026-11-02T23:59:50.", code=2) from None
    if wanted.tzinfo is None:
        wanted = wanted.replace(tzinfo=_zone(state))
    _write(_file(state), wanted - datetime.now(UTC))
    _show(_file(state), state)


def advance(
    step: Annotated[str, typer.Argument(help="Such as 90m, 8h or 1d12h.")], state: StateOption = DEFAULT_STATE
) -> None:
    """Move the clock ahead."""
    parts = _STEP.findall(step)
    if not parts or _STEP.sub("", step):
        raise fail(f"{step!r} is no step; write it like 90m, 8h or 1d12h.", code=2)
    moved = sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
    file = _file(state)
    _write(file, read_shift(file) + moved)
    _show(file, state)


def reset(state: StateOption = DEFAULT_STATE) -> None:
    """Back to the real time."""
    _file(state).unlink(missing_ok=True)
    _show(_file(state), state)


def _file(state: Path) -> Path:
    return Path(platform_env(state).get("KLOKWERK_CLOCK_FILE") or state.resolve() / "clock.json")


def _zone(state: Path) -> ZoneInfo:
    return ZoneInfo(platform_env(state).get("KLOKWERK_ZONE") or "Europe/Amsterdam")


def _write(file: Path, shift: timedelta) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_shift(file, shift)


def _show(file: Path, state: Path) -> None:
    zone = _zone(state)
    now = SystemClock(zone, file).now().astimezone(zone)
    shift = read_shift(file)
    moved = f"moved by {shift}" if shift else "the real time"
    out.print(f"{now:%A %Y-%m-%d %H:%M:%S %Z} ({moved})", highlight=False)
