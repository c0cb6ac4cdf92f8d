"""`klokwerk topics`: the cluster becomes what the contracts say, and stays so."""

import asyncio
import subprocess
import sys

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from klokwerk.kafka import KafkaAddress
from klokwerk_platform.reading import topic_bounds
from klokwerk_platform.topics import apply_topics, contracts, wanted_topics


async def settings_of(address: KafkaAddress, topic: str) -> dict[str, str]:
    admin = AIOKafkaAdminClient(**address.client_options())
    await admin.start()
    try:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        return {entry[0]: entry[1] for entry in answer.resources[0][4]}
    finally:
        await admin.close()


async def test_every_topic_of_a_contract_is_there_with_dead_letters_and_replays(kafka, some_contracts):
    found = await topic_bounds(kafka, [topic.name for topic in wanted_topics(contracts(), kafka.prefix)])
    for contract in some_contracts:
        assert len(found[kafka.topic(contract.name)]) == contract.partitions
        for reader in contract.readers:
            assert len(found[kafka.dead_letters(contract.name, reader.group)]) == 1
            assert len(found[kafka.replays(contract.name, reader.group)]) == contract.partitions


async def test_cards_are_compacted_and_dead_letters_are_kept_for_ever(kafka):
    cards = await settings_of(kafka, kafka.topic("debtor.changed"))
    assert cards["cleanup.policy"] == "compact"
    letters = await settings_of(kafka, kafka.dead_letters("debtor.changed", "ekt-service"))
    assert letters["retention.ms"] == "-1"


async def test_applying_twice_changes_nothing(kafka, some_contracts):
    assert not await apply_topics(kafka, contracts_of=some_contracts)


async def test_more_partitions_and_another_retention_are_applied_to_topics_that_exist(kafka, some_contracts):
    changed = [
        contract.model_copy(update={"partitions": contract.partitions + 1}) for contract in some_contracts
    ]
    sales = next(contract for contract in changed if contract.name == "sale.completed")
    changed[changed.index(sales)] = sales.model_copy(update={"retention_days": 7})
    applied = await apply_topics(kafka, contracts_of=changed)
    assert kafka.topic("sale.completed") in applied.grown
    assert applied.altered == [kafka.topic("sale.completed")]
    found = await topic_bounds(kafka, [kafka.topic("sale.completed")])
    assert len(found[kafka.topic("sale.completed")]) == sales.partitions
    assert (await settings_of(kafka, kafka.topic("sale.completed")))["retention.ms"] == str(7 * 86_400_000)
    assert not await apply_topics(kafka, contracts_of=changed)


async def test_fewer_partitions_in_the_contracts_shrink_nothing(kafka, some_contracts):
    smaller = [contract.model_copy(update={"partitions": 1}) for contract in some_contracts]
    assert not (await apply_topics(kafka, contracts_of=smaller)).grown


async def test_the_command_lists_topics_and_says_when_all_is_right(klokwerk):
    assert "Made: " in (await klokwerk("topics", "apply")).out
    applied = await klokwerk("topics", "apply")
    assert (applied.code, applied.out.strip()) == (0, "All topics are as the contracts want them.")
    listed = await klokwerk("topics", "list")
    assert "sale.completed.ekt-service.dlq" in listed.out
    assert "missing" not in listed.out


async def test_a_command_without_a_cluster_says_what_to_do(bare_environment, tmp_path):
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "klokwerk_platform", "lag", "--state", str(tmp_path)],
        capture_output=True,
        text=True,
        env=bare_environment,
        check=False,
    )
    assert done.returncode == 1
    assert "KLOKWERK_KAFKA is not set" in done.stderr
    assert "Traceback" not in done.stderr
