"""PostgreSQL and Kafka as containers for tests, with the images of the Compose file."""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from klokwerk_platform.ports import free_ports
from klokwerk_platform.servers import variable

KAFKA_IMAGE = "apache/kafka:4.2.0"
POSTGRES_IMAGE = "postgres:18.1"


def engine_answers() -> bool:
    """Whether a Docker engine answers here."""
    import docker  # noqa: PLC0415 - a package of the tests only

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
    from testcontainers.core.waiting_utils import wait_for_logs  # noqa: PLC0415

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
        await asyncio.to_thread(
            wait_for_logs, postgres, "ready to accept connections.*\n(.*\n)*.*ready to", 90
        )
        await asyncio.to_thread(wait_for_logs, kafka, "Kafka Server started", 90)
        port = postgres.get_exposed_port(5432)
        with pytest.MonkeyPatch.context() as patch:
            for name in ("smtp", "mail_api", "access_point_url", "print_service_url", "exact_url"):
                patch.delenv(variable(name), raising=False)
            url = f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
            patch.setenv(variable("admin_database_url"), url)
            patch.setenv(variable("kafka"), f"127.0.0.1:{kafka_port}")
            yield
    finally:
        await asyncio.gather(asyncio.to_thread(postgres.stop), asyncio.to_thread(kafka.stop))


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
