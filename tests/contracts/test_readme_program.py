"""The README's promise to a stranger: its program, as printed, puts a valid sale on Kafka."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from klokwerk.kafka import KafkaAddress
from klokwerk.testing import own_prefix, read_topic, topics
from klokwerk_contracts import SaleCompleted, from_headers
from klokwerk_contracts.envelope import REQUIRED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from klokwerk_platform.testing import Servers

README = (Path(__file__).parents[2] / "contracts/README.md").read_text("utf-8")
PROGRAM = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)[0]


@pytest.fixture
async def kafka(platform_servers: Servers) -> AsyncIterator[KafkaAddress]:
    address = KafkaAddress(platform_servers.kafka, own_prefix())
    async with topics(address, [SaleCompleted.TOPIC], partitions=6):
        yield address


async def run_program(kafka: KafkaAddress, folder: Path, program: str = PROGRAM) -> tuple[int, str, str]:
    """Exit code and output of the program, run as a stranger would: a file of its own, nothing but the settings."""
    (folder / "publish_sale.py").write_text(program, "utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "publish_sale.py",
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "KLOKWERK_KAFKA": kafka.bootstrap,
            "KLOKWERK_TOPIC_PREFIX": kafka.prefix,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, output.decode(), errors.decode()


def test_the_program_is_short() -> None:
    assert len([line for line in PROGRAM.splitlines() if line.strip()]) <= 22


async def test_the_program_publishes_a_sale_that_every_reader_takes(
    kafka: KafkaAddress, tmp_path: Path
) -> None:
    code, output, errors = await run_program(kafka, tmp_path)
    assert code == 0, errors
    [record] = await read_topic(kafka, SaleCompleted.TOPIC, at_least=1)
    assert f"partition {record.partition}, offset 0" in output

    envelope = from_headers(record.headers)
    assert (envelope.type, envelope.source) == ("sale.completed", "//webshop.example")
    assert envelope.schema == "sale.completed/v1"
    sale = SaleCompleted.model_validate_json(record.value)
    assert record.key == sale.key.encode() == b"d-1001"
    assert [line.article.name for line in sale.lines] == ["Rosa Red Naomi"]


async def test_sent_again_the_sale_falls_into_the_same_partition(kafka: KafkaAddress, tmp_path: Path) -> None:
    for _ in range(2):
        code, _, errors = await run_program(kafka, tmp_path)
        assert code == 0, errors
    first, second = await read_topic(kafka, SaleCompleted.TOPIC, at_least=2)
    assert first.partition == second.partition
    assert from_headers(first.headers).id != from_headers(second.headers).id


async def test_a_wrong_field_is_named_before_anything_is_sent(kafka: KafkaAddress, tmp_path: Path) -> None:
    code, _, errors = await run_program(kafka, tmp_path, PROGRAM.replace('amount="0.56"', "amount=0.56"))
    assert code == 1
    assert "write it as a string" in errors
    assert await read_topic(kafka, SaleCompleted.TOPIC) == []


def test_every_header_that_a_writer_needs_is_explained() -> None:
    rules = README.partition("## The rules of the road")[2]
    assert all(f"`{name}`" in rules for name in REQUIRED)
