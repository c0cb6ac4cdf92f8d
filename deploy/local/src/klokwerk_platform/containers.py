"""PostgreSQL and Kafka as containers for tests, with the images of the Compose file."""

from __future__ import annotations

import asyncio
import base64
import importlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from klokwerk_platform.ports import free_ports
from klokwerk_platform.servers import variable

KAFKA_IMAGE = "apache/kafka:4.2.0"
POSTGRES_IMAGE = "postgres:18.1-bookworm"
_START_SECONDS = 90


def engine_answers() -> bool:
    """Whether a Docker engine answers here."""
    docker = importlib.import_module("docker")  # comes with testcontainers, for tests only
    try:
        client = docker.from_env(timeout=3)
        client.ping()
    except docker.errors.DockerException:
        return False
    client.close()
    return True


@asynccontextmanager
async def containers() -> AsyncIterator[None]:
    """Run both and name them in the environment, so that the rest uses them; the rest is started beside."""
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - a package of the tests only

    (kafka_port,) = free_ports(1)
    password = uuid.uuid4().hex
    postgres = (
        DockerContainer(POSTGRES_IMAGE)
        .with_env("POSTGRES_PASSWORD", password)
        .with_exposed_ports(5432)
        .with_command("postgres -c max_connections=400 -c fsync=off -c synchronous_commit=off")
    )
    # Brokers tell clients their own address, so the port outside must be known before the start.
    kafka = DockerContainer(KAFKA_IMAGE).with_bind_ports(kafka_port, kafka_port)
    for name, value in _kafka_settings(kafka_port).items():
        kafka = kafka.with_env(name, value)
    try:
        await asyncio.gather(asyncio.to_thread(postgres.start), asyncio.to_thread(kafka.start))
        url = f"postgresql://postgres:{password}@127.0.0.1:{postgres.get_exposed_port(5432)}/postgres"
        await asyncio.gather(_answers(_connect(url)), _answers(_coordinate(f"127.0.0.1:{kafka_port}")))
        with pytest.MonkeyPatch.context() as patch:
            for name in (
                "smtp",
                "mail_api",
                "access_point_url",
                "print_service_url",
                "exact_url",
                "vies_url",
                "mailchimp_url",
                "moneybird_url",
            ):
                patch.delenv(variable(name), raising=False)
            patch.setenv(variable("admin_database_url"), url)
            patch.setenv(variable("kafka"), f"127.0.0.1:{kafka_port}")
            yield
    finally:
        await asyncio.gather(asyncio.to_thread(postgres.stop), asyncio.to_thread(kafka.stop))


async def _answers(attempt: Callable[[], Awaitable[None]]) -> None:
    deadline = asyncio.get_running_loop().time() + _START_SECONDS
    while True:
        try:
            await attempt()
        except (OSError, asyncpg.PostgresError, KafkaError, TimeoutError) as problem:
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(
                    f"A container does not answer after {_START_SECONDS} s: {problem}"
                ) from problem
            await asyncio.sleep(0.2)
        else:
            return


def _connect(url: str) -> Callable[[], Awaitable[None]]:
    async def attempt() -> None:
        await (await asyncpg.connect(url, timeout=5)).close()

    return attempt


def _coordinate(bootstrap: str) -> Callable[[], Awaitable[None]]:
    async def attempt() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        try:
            await admin.start()
            await admin.find_coordinator("klokwerk.platform.ready")
        finally:
            await admin.close()

    return attempt


def _kafka_settings(port: int) -> dict[str, str]:
    return {
        "CLUSTER_ID": base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="),
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": f"PLAINTEXT://:{port},CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    }
