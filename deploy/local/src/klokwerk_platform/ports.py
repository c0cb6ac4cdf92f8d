"""Ports: free ones unless a person asks for a certain one."""

from __future__ import annotations

import os
import socket


class PortRefusedError(ValueError):
    """A port that was asked for in the environment can't be used."""


def free_ports(count: int) -> list[int]:
    """``count`` different TCP ports of 127.0.0.1 that nobody listens on at this moment."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


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
