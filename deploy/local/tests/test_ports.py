"""Ports that two platforms on one machine never choose both."""

from __future__ import annotations

import socket
import subprocess
import sys

from klokwerk_platform.ports import claim, free_ports

CHOOSE = "from klokwerk_platform.ports import claim; import sys; print(claim(int(sys.argv[1])))"


def claimed_elsewhere(port: int) -> str:
    run = subprocess.run(
        [sys.executable, "-c", CHOOSE, str(port)], capture_output=True, text=True, check=True
    )
    return run.stdout.strip()


def test_a_port_is_given_once_also_while_nobody_listens_on_it_yet() -> None:
    ports = free_ports(50)
    assert len(set(ports)) == 50
    assert not claim(ports[0])
    assert claimed_elsewhere(ports[0]) == "False"


def test_a_port_lies_outside_the_range_of_outgoing_connections() -> None:
    first = int(open("/proc/sys/net/ipv4/ip_local_port_range").read().split()[0])  # noqa: SIM115, PTH123
    assert all(port < first for port in free_ports(20))


def test_a_port_that_somebody_listens_on_is_not_given() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not claim(server.getsockname()[1])
