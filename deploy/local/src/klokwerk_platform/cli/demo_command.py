"""``klokwerk demo``: plays the order day on a fresh platform."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from klokwerk_platform.cli.surroundings import fail
from klokwerk_platform.kafka_jars import JarError
from klokwerk_platform.ports import PortRefusedError
from klokwerk_platform.processes import PlatformError, ProgramEndedError
from klokwerk_platform.state import AlreadyRunningError


def add_to(app: typer.Typer) -> None:
    app.command("demo")(play)


def play(
    once: Annotated[bool, typer.Option("--once", help="Stop when the play is over.")] = False,
    state: Annotated[Path, typer.Option("--state", help="State folder; emptied first.")] = Path(
        ".state/demo"
    ),
    files: Annotated[Path, typer.Option("--files", help="Folder with the order day.")] = Path("demo"),
) -> None:
    """Play an order day from sale to ledger, and prove each step from the outside."""
    # Imported here: the play needs much that the other commands need not wait for.
    from klokwerk_platform.demo.run import demo  # noqa: PLC0415
    from klokwerk_platform.demo.screen import Screen  # noqa: PLC0415

    if not (files / "customers.csv").exists():
        raise fail(
            f"{files.resolve()} holds no order day; run this in the project's folder or use --files.", 2
        )
    try:
        status = asyncio.run(demo(files, state.resolve(), once=once, screen=Screen()))
    except (
        AlreadyRunningError, JarError, OSError, PlatformError, PortRefusedError, ProgramEndedError, TimeoutError,
    ) as problem:  # fmt: skip
        raise fail(problem) from None
    raise typer.Exit(status)
