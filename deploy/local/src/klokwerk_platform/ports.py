"""Ports: free ones unless a person asks for a certain one."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import IO

_PORTS = range(20_000, 32_000)
_CLAIM_FOLDER = Path(tempfile.gettempdir()) / f"klokwerk-ports-{os.getuid()}"
_claims: dict[int, IO[str]] = {}
"""Open lock files; the locks go with the process."""


class PortRefusedError(ValueError):
    """A port that was asked for in the environment can't be used."""


def free_ports(count: int) -> list[int]:
    """``count`` different TCP ports of 127.0.0.1 that nobody listens on, claimed for this process.

    They lie below the range from which the kernel takes the near ends of outgoing connections: a port that is
    free when it is chosen would else be in use when its server starts.

    Raises :class:`OSError` when no port is free.
    """
    found: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        if len(found) == count:
            break
        if claim(port):
            found.append(port)
    if len(found) < count:
        raise OSError(f"No free port between {_PORTS.start} and {_PORTS.stop}.")
    return found


def claim(port: int) -> bool:
    """Keep other platforms on this machine from choosing ``port``, for the life of this process.

    False when another process, or this one, has it already, or somebody listens on it.
    """
    if port in _claims or not _is_free(port):
        return False
    _CLAIM_FOLDER.mkdir(mode=0o700, exist_ok=True)
    file = (_CLAIM_FOLDER / str(port)).open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    _claims[port] = file
    return True


def release(port: int) -> None:
    """Let others choose ``port`` again."""
    if file := _claims.pop(port, None):
        file.close()


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def variable_of(name: str) -> str:
    """The variable that asks for the port of ``name``: ``KLOKWERK_PORT_BACK_OFFICE`` for ``back-office``."""
    return f"KLOKWERK_PORT_{name.upper().replace('-', '_')}"


def wanted_port(name: str) -> str | None:
    """What the environment asks for, unchecked."""
    return os.environ.get(variable_of(name)) or None


def port_for(name: str) -> int:
    """The port of ``name`` that the environment asks for, else a free one.

    Raises :class:`PortRefusedError` when the variable holds no port, or somebody listens on it already.
    """
    asked = wanted_port(name)
    if asked is None:
        return free_ports(1)[0]
    if not asked.isdecimal() or not 0 < int(asked) < 65_536:
        raise PortRefusedError(f"{variable_of(name)} is {asked!r}; it must be a port number from 1 to 65535.")
    if listens(int(asked)):
        raise PortRefusedError(
            f"{variable_of(name)} asks for port {asked}, but somebody listens there already. "
            "Stop that program or choose another port."
        )
    return int(asked)


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a TCP connection to the port is accepted."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0
