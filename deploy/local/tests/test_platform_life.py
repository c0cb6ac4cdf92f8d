"""The platform from outside: started, started twice, killed, refused, repaired; on real servers."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from klokwerk.testing import eventually
from klokwerk_platform import processes
from klokwerk_platform.kafka import _check_brokers
from klokwerk_platform.platform import Platform
from klokwerk_platform.ports import PortRefusedError, free_ports, port_for
from klokwerk_platform.state import AlreadyRunningError, StateFolder
from klokwerk_platform.supervision import Replica, Supervision

# Kafka is left out where it isn't the matter: it is what takes the time.


def klokwerk(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "klokwerk_platform", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)


def family(state: Path) -> list[psutil.Process]:
    """Every living process that a supervisor of this folder wrote down, and their children."""
    import json

    found = []
    for row in json.loads((state / "processes.json").read_text()):
        try:
            process = psutil.Process(row["pid"])
        except psutil.NoSuchProcess:
            continue
        found += [process, *process.children(recursive=True)]
    return [process for process in found if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
async def without_kafka(bare_environment, kafka) -> dict[str, str]:
    """An environment that gives Kafka, so that the platform starts the rest only."""
    return bare_environment | {"KLOKWERK_KAFKA": kafka.bootstrap, "KLOKWERK_TOPIC_PREFIX": kafka.prefix}


@pytest.fixture
async def running(own_state, without_kafka) -> AsyncIterator[Path]:
    """A platform in the background, made with the real command."""
    started = await asyncio.to_thread(
        klokwerk, without_kafka, "up", "--servers-only", "--detach", "--state", str(own_state)
    )
    assert started.returncode == 0, started.stdout + started.stderr
    yield own_state
    await asyncio.to_thread(klokwerk, without_kafka, "down", "--state", str(own_state))


async def test_a_second_up_on_the_same_folder_says_so_and_down_leaves_nothing(running, without_kafka):
    second = await asyncio.to_thread(klokwerk, without_kafka, "up", "--servers-only", "--state", str(running))
    assert second.returncode == 1
    assert f"already runs on {running}" in second.stderr
    assert "Traceback" not in second.stderr
    status = await asyncio.to_thread(klokwerk, without_kafka, "status", "--state", str(running))
    assert "postgres" in status.stdout
    assert "running" in status.stdout
    assert "given" in status.stdout  # Kafka
    left = family(running)
    assert len(left) >= 3
    await asyncio.to_thread(klokwerk, without_kafka, "down", "--wipe", "--state", str(running))
    assert not any(process.is_running() for process in left)
    assert not running.exists()


async def test_nothing_is_left_when_the_supervisor_is_killed_and_the_next_start_works(running, without_kafka):
    before = family(running)
    supervisor = StateFolder(running).supervisor()
    assert supervisor
    os.kill(supervisor, signal.SIGKILL)

    async def all_gone() -> bool:
        return not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in before)

    await eventually(all_gone, within=15)
    again = await asyncio.to_thread(
        klokwerk, without_kafka, "up", "--servers-only", "--detach", "--state", str(running)
    )
    assert again.returncode == 0, again.stdout + again.stderr


async def test_a_start_that_fails_leaves_nothing_running(own_state, without_kafka):
    taken, listener = await listening_port()
    env = without_kafka | {"KLOKWERK_PORT_ACCESS_POINT": str(taken)}
    failed = await asyncio.to_thread(klokwerk, env, "up", "--servers-only", "--state", str(own_state))
    listener.close()
    assert failed.returncode == 1
    assert f"KLOKWERK_PORT_ACCESS_POINT asks for port {taken}" in failed.stderr
    ours = [
        each
        for each in psutil.process_iter(["cmdline"])
        if str(own_state) in " ".join(each.info["cmdline"] or ())
    ]
    assert ours == []


async def listening_port() -> tuple[int, asyncio.Server]:
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    return server.sockets[0].getsockname()[1], server


def test_a_port_that_is_no_port_is_refused_by_the_name_of_its_variable(monkeypatch):
    monkeypatch.setenv("KLOKWERK_PORT_BACK_OFFICE", "http")
    with pytest.raises(PortRefusedError, match="KLOKWERK_PORT_BACK_OFFICE is 'http'"):
        port_for("back-office")


def test_a_platform_keeps_its_ports_over_a_restart_unless_somebody_took_one(own_state):
    first = StateFolder(own_state)
    first.lock()
    ports = (first.port("back-office"), first.port("kafka"))
    with pytest.raises(AlreadyRunningError):
        StateFolder(own_state).lock()
    first.unlock()
    second = StateFolder(own_state)
    second.lock()
    assert (second.port("back-office"), second.port("kafka")) == ports
    second.unlock()


def test_a_cluster_is_not_started_with_another_number_of_brokers(tmp_path):
    _check_brokers(tmp_path, 3)
    _check_brokers(tmp_path, 3)
    with pytest.raises(ValueError, match=r"cluster of 3 broker\(s\), not 1"):
        _check_brokers(tmp_path, 1)


def test_a_platform_refuses_a_service_it_does_not_know(tmp_path):
    with pytest.raises(ValueError, match=r"There is no service ekt; there are .*ekt-service"):
        Platform(tmp_path, services=["ekt"])


async def test_a_program_ends_when_the_process_that_started_it_is_killed(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from klokwerk_platform import processes;"
        "program = processes.start('sleeper', ['sleep', '600'], log=Path(sys.argv[1]));"
        "print(program.pid, flush=True); time.sleep(600)"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(tmp_path / "log"), stdout=asyncio.subprocess.PIPE
    )
    child = int(await parent.stdout.readline())
    assert processes.alive(child)
    parent.kill()
    await parent.wait()

    async def gone() -> bool:
        return not processes.alive(child)

    await eventually(gone, within=5)


SERVICE = """
import http.server, os, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"ready")
    def log_message(self, *about): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""


def replica(tmp_path: Path, number: int, script: str = SERVICE) -> Replica:
    (port,) = free_ports(1)
    command = [sys.executable, "-c", script, str(port)]
    log = tmp_path / f"{number}.log"
    return Replica("ekt-service", number, command, dict(os.environ), log, f"http://127.0.0.1:{port}")


async def test_a_killed_service_is_started_again_and_replicas_are_told_apart(tmp_path):
    said: list[str] = []
    supervision = Supervision(lambda: None, said.append)
    await supervision.add(replica(tmp_path, 1))
    await supervision.add(replica(tmp_path, 2))
    supervision.watch()
    first, second = (each.program.pid for each in supervision.of("ekt-service"))
    supervision.kill("ekt-service", 0)

    async def back() -> bool:
        return supervision.first("ekt-service").program.pid != first

    await eventually(back, within=10)
    assert supervision.of("ekt-service")[1].program.pid == second
    assert said == ["ekt-service ended with code -9; starting it again"]
    await supervision.stop(5)


async def test_a_service_that_keeps_ending_is_left_alone_after_five_times(tmp_path):
    said: list[str] = []
    supervision = Supervision(lambda: None, said.append)
    broken = replica(tmp_path, 1, "raise SystemExit(3)")
    supervision._replicas["ekt-service"] = [broken]
    broken.start()
    supervision.watch()

    async def given_up() -> bool:
        return "left alone" in said[-1] if said else False

    await eventually(given_up, within=30)
    assert len(said) == 6
    await supervision.stop(5)
