"""What the platform's own tests share: topics of one test, the command line, a state folder of one test."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from klokwerk.kafka import KafkaAddress
from klokwerk.testing import own_prefix
from klokwerk_platform import postgres
from klokwerk_platform.cli import app
from klokwerk_platform.topic_files import TopicFile
from klokwerk_platform.topics import apply_topics, contracts, wanted_topics
from typer.testing import CliRunner

SOME = [contract for contract in contracts() if contract.name in ("debtor.changed", "sale.completed")]


@dataclass(frozen=True)
class Ran:
    """What a command printed and how it ended."""

    code: int
    out: str


@pytest.fixture
def bare_environment() -> dict[str, str]:
    """The environment without addresses of servers that run already."""
    return {key: value for key, value in os.environ.items() if not key.startswith("KLOKWERK_")}


@pytest.fixture
async def kafka(platform_servers) -> AsyncIterator[KafkaAddress]:
    """The cluster with the topics of two contracts, for one test alone."""
    address = KafkaAddress(platform_servers.kafka, own_prefix())
    await apply_topics(address, contracts_of=SOME)
    yield address
    admin = AIOKafkaAdminClient(**address.client_options())
    await admin.start()
    made = {topic.name for topic in wanted_topics(contracts(), address.prefix)}
    await admin.delete_topics(sorted(made & set(await admin.list_topics())))
    await admin.close()


@pytest.fixture
def some_contracts() -> list[TopicFile]:
    """The contracts whose topics `kafka` has."""
    return SOME


@pytest.fixture
def klokwerk(kafka) -> Callable[..., Awaitable[Ran]]:
    """Run a `klokwerk` command against the test's topics, as an operator would."""
    env = {
        "KLOKWERK_KAFKA": kafka.bootstrap,
        "KLOKWERK_TOPIC_PREFIX": kafka.prefix,
        "KLOKWERK_OPERATOR": "olga",
    }

    async def run(*arguments: str) -> Ran:
        # In a thread: each command runs an event loop of its own.
        done = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=env)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Ran(done.exit_code, done.output)

    return run


@pytest.fixture
def own_state() -> Iterator[Path]:
    """A state folder that PostgreSQL's user can reach, removed with all that is in it."""
    folder = Path(tempfile.mkdtemp(prefix="klokwerk-own-"))
    folder.chmod(0o711)
    yield folder
    postgres.remove_data(folder)
    shutil.rmtree(folder, ignore_errors=True)
