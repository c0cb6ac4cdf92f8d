"""`klokwerk replay`, `dlq`, `lag` and `tail` on real Kafka."""

from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from klokwerk.testing import publish, read_topic
from klokwerk_contracts.record import Record
from klokwerk_platform.dead_letters import dead_letters
from klokwerk_platform.operations import Act, all_operations
from klokwerk_platform.replay import Selection, replay

TOPIC, GROUP = "sale.completed", "ekt-service"


def sale(number: int, debtor: str = "d-1") -> Record:
    headers = [("ce_id", f"id-{number}".encode()), ("ce_type", TOPIC.encode())]
    return Record(TOPIC, debtor.encode(), b'{"number": %d}' % number, headers)


def letter(number: int, **headers: bytes | None) -> Record:
    reason = {"dlq_reason": b"bad_body", "dlq_detail": b"lines.0.price: not a number", "dlq_attempts": b"1"}
    reason["dlq_first_seen"] = b"2026-11-02T09:00:00+00:00"
    original = [("ce_id", f"id-{number}".encode()), *headers.items()]
    return Record(
        f"{TOPIC}.{GROUP}.dlq", b"d-1", b"\xff\x00 not json %d" % number, [*original, *reason.items()]
    )


async def acts(kafka) -> list:
    return [each async for each in all_operations(kafka)]


async def replayed(kafka, at_least: int) -> list:
    return await read_topic(kafka, f"{TOPIC}.{GROUP}.replay", at_least=at_least)


async def test_a_dry_run_counts_and_sends_nothing(kafka, klokwerk):
    await publish(kafka, *(sale(number) for number in range(5)))
    ran = await klokwerk("replay", TOPIC, GROUP)
    assert ran.code == 0
    assert "Would publish 5 of 5" in ran.out
    assert await replayed(kafka, 0) == []
    assert await acts(kafka) == []


async def test_a_replay_keeps_bytes_key_and_event_id_and_is_written_down(kafka, klokwerk):
    await publish(kafka, sale(1), sale(2, "d-2"))
    ran = await klokwerk("replay", TOPIC, GROUP, "--execute", "--reason", "wrong VBN codes mended")
    assert ran.code == 0, ran.out
    found = await replayed(kafka, 2)
    assert {(each.key, each.value) for each in found} == {
        (b"d-1", b'{"number": 1}'),
        (b"d-2", b'{"number": 2}'),
    }
    headers = dict(found[0].headers)
    assert headers["ce_id"] in (b"id-1", b"id-2")
    assert headers["replay_topic"].decode() == kafka.topic(TOPIC)
    (act,) = await acts(kafka)
    assert (act.act, act.who, act.reason, act.details["sent"]) == (
        Act.REPLAYED,
        "olga",
        "wrong VBN codes mended",
        2,
    )


async def test_a_replay_needs_a_reason(klokwerk):
    ran = await klokwerk("replay", TOPIC, GROUP, "--execute")
    assert ran.code == 2
    assert "--reason" in ran.out


async def test_a_replay_is_narrowed_by_key_offset_and_time(kafka):
    await publish(kafka, *(sale(number, f"d-{number % 2}") for number in range(10)))
    assert (await replay(kafka, TOPIC, GROUP, Selection(key="d-1"))).matched == 5
    (partition,) = {each.partition for each in await read_topic(kafka, TOPIC) if each.key == b"d-1"}
    held = [each for each in await read_topic(kafka, TOPIC) if each.partition == partition]
    some = Selection(partition=partition, from_offset=1, to_offset=3)
    assert (await replay(kafka, TOPIC, GROUP, some)).read == min(2, len(held) - 1)
    later = Selection(from_time=datetime.now(UTC) + timedelta(minutes=1))
    assert (await replay(kafka, TOPIC, GROUP, later)).read == 0
    earlier = Selection(to_time=datetime.now(UTC) + timedelta(minutes=1))
    assert (await replay(kafka, TOPIC, GROUP, earlier)).read == 10


async def test_the_rate_of_a_replay_is_held(kafka):
    await publish(kafka, *(sale(number) for number in range(6)))
    began = datetime.now(UTC)
    await replay(kafka, TOPIC, GROUP, Selection(), dry_run=False, per_second=10, who="o", reason="r")
    assert datetime.now(UTC) - began >= timedelta(seconds=0.5)


async def test_a_group_that_does_not_read_the_topic_is_refused_by_name(kafka):
    with pytest.raises(LookupError, match=r"does not read sale\.completed; .*ekt-service"):
        await replay(kafka, TOPIC, "accounting-sync", Selection())
    with pytest.raises(ValueError, match=r"--partition"):
        Selection(from_offset=3)


async def test_dead_letters_are_listed_and_shown_with_reason_and_odd_bytes(kafka, klokwerk):
    await publish(kafka, letter(1, odd=b"\xfe", empty=None))
    listed = await klokwerk("dlq", "list")
    assert f"{TOPIC}/{GROUP}/0/0" in listed.out
    assert "bad_body: lines.0.price: not a number" in listed.out
    shown = await klokwerk("dlq", "show", f"{TOPIC}/{GROUP}/0/0")
    assert shown.code == 0, shown.out
    assert r"odd: \xfe" in shown.out
    assert "empty: (no value)" in shown.out
    assert "not json 1" in shown.out


async def test_a_redriven_letter_goes_to_its_group_as_it_came_and_is_no_longer_open(kafka, klokwerk):
    await publish(kafka, letter(1, odd=b"\xfe", empty=None), letter(2))
    ran = await klokwerk("dlq", "redrive", f"{TOPIC}/{GROUP}/0/0", "--reason", "reader mended")
    assert ran.code == 0, ran.out
    (found,) = await replayed(kafka, 1)
    assert (found.key, found.value) == (b"d-1", b"\xff\x00 not json 1")
    assert list(found.headers) == [("ce_id", b"id-1"), ("odd", b"\xfe"), ("empty", None)]
    assert [each.offset for each in await dead_letters(kafka)] == [1]
    (act,) = await acts(kafka)
    assert (act.act, act.who, act.offset) == (Act.REDRIVEN, "olga", 0)


async def test_a_letter_is_decided_on_once(kafka, klokwerk):
    await publish(kafka, letter(1))
    name = f"{TOPIC}/{GROUP}/0/0"
    assert (await klokwerk("dlq", "discard", name, "--reason", "a test of theirs")).code == 0
    again = await klokwerk("dlq", "redrive", name)
    assert again.code == 1
    assert "discarded already" in again.out
    assert await replayed(kafka, 0) == []


async def test_a_discarded_letter_leaves_the_list_and_stays_readable_with_its_reason(kafka, klokwerk):
    await publish(kafka, letter(1))
    assert (await klokwerk("dlq", "discard", f"{TOPIC}/{GROUP}/0/0")).code == 2
    await klokwerk("dlq", "discard", f"{TOPIC}/{GROUP}/0/0", "--reason", "a test of theirs")
    assert "no open dead letters" in (await klokwerk("dlq", "list")).out
    assert "discarded by olga" in (await klokwerk("dlq", "list", "--all")).out
    assert "a test of theirs" in (await klokwerk("dlq", "show", f"{TOPIC}/{GROUP}/0/0")).out


async def test_all_open_letters_of_a_group_are_redriven_at_once(kafka, klokwerk):
    await publish(kafka, *(letter(number) for number in range(3)))
    ran = await klokwerk("dlq", "redrive", "--topic", TOPIC, "--group", GROUP)
    assert "Gave 3" in ran.out
    assert len(await replayed(kafka, 3)) == 3
    assert await dead_letters(kafka) == []


async def test_lag_counts_what_a_group_has_not_handled(kafka, klokwerk):
    await publish(kafka, *(sale(number) for number in range(4)))
    consumer = AIOKafkaConsumer(
        kafka.topic(TOPIC),
        **kafka.client_options(),
        group_id=kafka.prefix + GROUP,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    for _ in range(3):
        last = await consumer.getone()
        await consumer.commit({TopicPartition(last.topic, last.partition): last.offset + 1})
    await consumer.stop()
    lines = (await klokwerk("lag", "--group", GROUP)).out.splitlines()
    (line,) = [each for each in lines if each.split()[1:2] == [kafka.topic(TOPIC)]]
    assert line.split()[-1] == "1"
    assert "No topic has the reader group" in (await klokwerk("lag", "--group", "nobody")).out


async def test_tail_shows_the_newest_records(kafka, klokwerk):
    await publish(kafka, *(sale(number) for number in range(4)))
    ran = await klokwerk("tail", TOPIC, "-n", "2")
    assert '"number": 3' in ran.out
    assert '"number": 2' in ran.out
    assert '"number": 1' not in ran.out
    assert "not on the cluster" in (await klokwerk("tail", "no.such.topic")).out
