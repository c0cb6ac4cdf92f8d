"""``klokwerk up``, ``down``, ``status`` and ``logs``."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from klokwerk_platform import postgres
from klokwerk_platform.cli.surroundings import DEFAULT_STATE, StateOption, errors, fail, out
from klokwerk_platform.kafka_jars import JarError
from klokwerk_platform.ports import PortRefusedError
from klokwerk_platform.processes import PlatformError, alive
from klokwerk_platform.readiness import is_ready
from klokwerk_platform.services import BY_NAME
from klokwerk_platform.state import AlreadyRunningError, StateFolder

_STOP_SECONDS = 90
_EXPECTED = (
    AlreadyRunningError,
    JarError,
    OSError,
    PlatformError,
    PortRefusedError,
    TimeoutError,
    ValueError,
)


def add_to(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(down)
    app.command()(status)
    app.command()(logs)


def up(
    state: StateOption = DEFAULT_STATE,
    brokers: Annotated[int, typer.Option(min=1, max=9, help="How many Kafka brokers.")] = 1,
    servers_only: Annotated[
        bool, typer.Option("--servers-only", help="PostgreSQL, Kafka, mail and simulators; no services.")
    ] = False,
    customer: Annotated[
        bool, typer.Option("--customer", help="Also a customer's own SFTP, FTPS and web server for EKTs.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Go on in the background when all is ready.")
    ] = False,
) -> None:
    """Start everything and keep it running until Ctrl+C."""
    if detach:
        _detach(state, brokers, servers_only, customer)
        return
    try:
        asyncio.run(_run(state, brokers, servers_only, customer))
    except _EXPECTED as problem:
        raise fail(problem) from None
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise typer.Exit(130) from None


async def _run(state: Path, brokers: int, servers_only: bool, customer: bool) -> None:
    began = time.monotonic()

    def say(line: str) -> None:
        out.print(f"[dim]{time.monotonic() - began:6.1f} s[/]  {escape(line)}", highlight=False)

    from klokwerk_platform.platform import Platform  # noqa: PLC0415 - takes a second that others need not wait

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    services = () if servers_only else None
    platform = Platform(state, brokers=brokers, services=services, customer=customer, say=say)
    starting = asyncio.ensure_future(platform.start())

    def end() -> None:
        stop.set()
        starting.cancel()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, end)
    await starting
    try:
        say("Ready")
        out.print(_overview(StateFolder(state)))
        out.print("Ctrl+C stops it." if sys.stdin.isatty() else f"`klokwerk down --state {state}` stops it.")
        while not stop.is_set():
            failed = platform.failed_server()
            if failed is not None:
                failed.check()
            try:
                async with asyncio.timeout(1):
                    await stop.wait()
            except TimeoutError:
                continue
    finally:
        await platform.stop()


def _detach(state: Path, brokers: int, servers_only: bool, customer: bool) -> None:
    folder = StateFolder(state)
    if pid := folder.supervisor():
        raise fail(
            f"Klokwerk already runs on {folder.path} (process {pid}). "
            "See `klokwerk status`, stop it with `klokwerk down`, or use another folder with --state."
        )
    folder.logs.mkdir(parents=True, exist_ok=True)
    log = folder.logs / "supervisor.log"
    command = [sys.executable, "-m", "klokwerk_platform", "up", "--state", str(folder.path)]
    command += ["--brokers", str(brokers), *(["--servers-only"] if servers_only else [])]
    command += ["--customer"] if customer else []
    with log.open("wb") as output:
        supervisor = subprocess.Popen(  # noqa: S603 - ourselves
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | {"COLUMNS": "160"},
        )
    with log.open("rb") as source, errors.status("Starting"):
        while supervisor.poll() is None:
            out.file.write(source.read().decode(errors="replace"))
            directory = folder.directory()
            if directory and directory.ready and directory.supervisor == supervisor.pid:
                break
            time.sleep(0.1)
        out.file.write(source.read().decode(errors="replace"))
    if supervisor.poll() is not None:
        raise typer.Exit(supervisor.returncode or 1)


def down(
    state: StateOption = DEFAULT_STATE,
    wipe: Annotated[bool, typer.Option("--wipe", help="Remove all data of this platform too.")] = False,
) -> None:
    """Stop everything; with --wipe, forget everything."""
    folder = StateFolder(state)
    pid = folder.supervisor()
    if pid:
        os.kill(pid, signal.SIGTERM)
        with errors.status("Stopping"):
            deadline = time.monotonic() + _STOP_SECONDS
            while alive(pid):
                if time.monotonic() > deadline:
                    raise fail(f"Process {pid} does not stop. See {folder.logs / 'supervisor.log'}.")
                time.sleep(0.1)
        out.print("Stopped.")
    else:
        out.print(f"Nothing runs on {folder.path}.")
    if wipe:
        if not (folder.path / "lock").exists():
            raise fail(f"{folder.path} is not a state folder of Klokwerk; nothing was removed.")
        postgres.remove_data(folder.path)
        folder.remove()
        out.print(f"Removed {folder.path}.")


def status(state: StateOption = DEFAULT_STATE) -> None:
    """Show what runs, where it listens and whether it is ready."""
    folder = StateFolder(state)
    pid = folder.supervisor()
    if not pid:
        raise fail(f"Nothing runs on {folder.path}. Start with `klokwerk up`.", code=3)
    out.print(_overview(folder))


def _overview(folder: StateFolder) -> Table:
    table = Table(box=None, header_style="bold")
    for column in ("Name", "State", "Address", "Process"):
        table.add_column(column)
    directory = folder.directory()
    for each in directory.addresses if directory else []:
        if each.running is None:
            state = "given"
        elif not each.running:
            state = "[red]ended[/]"
        elif each.ready_url:
            ready, said = asyncio.run(is_ready(each.address)) if not _in_loop() else (True, "")
            state = "[green]ready[/]" if ready else f"[yellow]not ready[/] {escape(said)}"
        else:
            state = "[green]running[/]"
        table.add_row(each.name, state, each.address, str(each.pid or ""))
    return table


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def logs(
    service: Annotated[str, typer.Argument(help="A service or server; all when left out.")] = "",
    state: StateOption = DEFAULT_STATE,
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, help="How many last lines.")] = 40,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on showing what comes.")] = False,
) -> None:
    """Show the end of the logs."""
    folder = StateFolder(state)
    files = sorted(folder.logs.glob(f"{service}*.log" if service else "*.log"))
    if not files:
        known = ", ".join(sorted({file.stem for file in folder.logs.glob("*.log")} | set(BY_NAME)))
        raise fail(f"There is no log of {service or 'anything'} in {folder.logs}. Names: {known}.")
    positions = {}
    for file in files:
        if len(files) > 1:
            out.rule(file.stem)
        content = file.read_bytes()
        positions[file] = len(content)
        for line in content.decode(errors="replace").splitlines()[-lines:]:
            out.print(line, markup=False, highlight=False, soft_wrap=True)
    while follow:
        time.sleep(0.3)
        for file, position in positions.items():
            with file.open("rb") as source:
                source.seek(position)
                for line in source.read().decode(errors="replace").splitlines():
                    prefix = f"{file.stem}: " if len(files) > 1 else ""
                    out.print(prefix + line, markup=False, highlight=False, soft_wrap=True)
                positions[file] = source.tell()
