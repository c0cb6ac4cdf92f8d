"""Deliveries on a real database, with channels whose other side keeps books of what it got."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from klokwerk import deliveries
from klokwerk.clock import FixedClock, SystemClock
from klokwerk.database import Database
from klokwerk.deliveries import Delivery, DeliveryWorker, Outcome, Plan, State, Verdict
from klokwerk.testing import eventually
from sqlalchemy.ext.asyncio import AsyncConnection

CLOCK = SystemClock("Europe/Amsterdam")
QUICK = tuple(timedelta(milliseconds=20) for _ in range(3))


@dataclass
class OtherSide:
    """A channel and the party behind it: `received` is the truth about what arrived."""

    answer: Callable[[Delivery, int], Outcome] = lambda _delivery, _call: deliveries.sent("250 ok", "ref-1")
    arrives: Callable[[Delivery, int], bool] = lambda _delivery, _call: True
    can_be_asked: bool = True
    received: list[str] = field(default_factory=list)
    calls: int = 0
    questions: int = 0

    async def send(self, delivery: Delivery) -> Outcome:
        self.calls += 1
        if self.arrives(delivery, self.calls):
            self.received.append(delivery.natural_key)
        return self.answer(delivery, self.calls)

    async def ask(self, delivery: Delivery) -> Outcome:
        self.questions += 1
        if not self.can_be_asked:
            return deliveries.unknown("This side keeps no books.")
        if delivery.natural_key in self.received:
            return deliveries.sent("Found when asked.", "ref-1")
        return deliveries.not_there("Not found when asked.")


def plan(key: str = "k1", **options: object) -> Plan:
    return Plan(key, "letter", "s1", "post", recipient="jan@vis.example", payload=b"bytes", **options)  # type: ignore[arg-type]


@asynccontextmanager
async def working(
    database: Database,
    side: OtherSide,
    seen: list[Delivery] | None = None,
    workers: int = 1,
    **options: object,
) -> AsyncIterator[None]:
    async def on_change(_: AsyncConnection, delivery: Delivery) -> None:
        if seen is not None:
            seen.append(delivery)

    settings = {"retries": QUICK, "questions": QUICK, "poll_seconds": 0.05} | options
    stop = asyncio.Event()
    tasks = [
        asyncio.create_task(
            DeliveryWorker(database, CLOCK, {"post": side}, on_change, **settings).run(stop)  # type: ignore[arg-type]
        )
        for _ in range(workers)
    ]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def planned(database: Database, *plans: Plan) -> list[Delivery]:
    async with database.transaction() as connection:
        return await deliveries.plan(connection, CLOCK, *plans)


async def becomes(database: Database, state: State, key: str = "k1") -> Delivery:
    async def check() -> Delivery | None:
        async with database.connect() as connection:
            found = await deliveries.find(connection, key)
        return found if found is not None and found.state is state else None

    found = await eventually(check, within=15)
    assert found is not None
    return found


async def test_a_delivery_is_sent_once_and_its_bytes_and_answer_are_kept(database: Database) -> None:
    side, seen = OtherSide(), []
    async with working(database, side, seen):
        (made,) = await planned(database, plan())
        delivery = await becomes(database, State.SENT)
    assert side.received == ["k1"]
    assert (delivery.message, delivery.reference, delivery.attempts) == ("250 ok", "ref-1", 1)
    assert delivery.payload == b"bytes"
    assert delivery.sha256 == hashlib.sha256(b"bytes").hexdigest()
    assert [d.state for d in seen] == [State.SENT]
    async with database.connect() as connection:
        (attempt,) = await deliveries.attempts(connection, made.id)
    assert (attempt.purpose, attempt.outcome, attempt.message) == ("send", "sent", "250 ok")
    assert attempt.ended_at is not None


async def test_planning_twice_under_one_natural_key_keeps_one(database: Database) -> None:
    side = OtherSide()
    assert len(await planned(database, plan())) == 1
    assert await planned(database, plan()) == []
    both = await asyncio.gather(*(planned(database, plan("k2")) for _ in range(10)))
    assert sum(map(len, both)) == 1
    async with working(database, side):
        await becomes(database, State.SENT)
        await becomes(database, State.SENT, "k2")
    assert sorted(side.received) == ["k1", "k2"]


async def test_plans_of_one_call_are_kept_once_for_each_natural_key_and_given_in_their_order(
    database: Database,
) -> None:
    same = uuid.uuid4()
    await planned(database, plan("k0"))
    made = await planned(
        database,
        *(plan(key) for key in ("k3", "k0", "k1", "k3", "k2")),
        plan("k4", id=same, context={"copies": 2}),
        plan("k4", id=same),
    )
    assert [each.natural_key for each in made] == ["k3", "k1", "k2", "k4"]
    async with database.connect() as connection:
        for each in made:
            assert await deliveries.get(connection, each.id) == each


async def test_a_temporary_refusal_is_tried_again_and_then_given_up(database: Database) -> None:
    side = OtherSide(
        answer=lambda _, call: deliveries.temporary("451 later") if call < 3 else deliveries.sent(),
        arrives=lambda _, call: call == 3,
    )
    async with working(database, side):
        await planned(database, plan())
        assert (await becomes(database, State.SENT)).attempts == 3
    never = OtherSide(answer=lambda *_: deliveries.temporary("451 later"), arrives=lambda *_: False)
    async with working(database, never):
        await planned(database, plan("k2"))
        failed = await becomes(database, State.FAILED, "k2")
    assert failed.message == "451 later Given up after 4 tries."


async def test_a_refusal_is_final_and_waits_for_a_person(database: Database) -> None:
    side = OtherSide(answer=lambda *_: deliveries.refused("550 no such mailbox"), arrives=lambda *_: False)
    async with working(database, side):
        (made,) = await planned(database, plan())
        failed = await becomes(database, State.FAILED)
    assert (failed.message, side.calls) == ("550 no such mailbox", 1)
    good = OtherSide()
    async with working(database, good):
        async with database.transaction() as connection:
            again = await deliveries.send_again(
                connection, CLOCK, made.id, states=[State.FAILED], message="Anna asked."
            )
        assert again is not None
        await becomes(database, State.SENT)
    async with database.transaction() as connection:
        assert (
            await deliveries.send_again(connection, CLOCK, made.id, states=[State.FAILED], message="") is None
        ), "what was sent is not sent again"
    assert good.received == ["k1"]


async def test_an_unknown_outcome_is_settled_by_asking_and_not_by_sending_again(database: Database) -> None:
    side, seen = OtherSide(answer=lambda *_: deliveries.unknown("no answer after DATA")), []
    async with working(database, side, seen):
        await planned(database, plan())
        delivery = await becomes(database, State.SENT)
    assert (side.calls, side.questions, side.received) == (1, 1, ["k1"])
    assert delivery.message == "Found when asked."
    assert [d.state for d in seen] == [State.UNKNOWN, State.SENT]


async def test_what_never_arrived_is_sent_again_after_asking(database: Database) -> None:
    side = OtherSide(
        answer=lambda _, call: deliveries.unknown("broke off") if call == 1 else deliveries.sent(),
        arrives=lambda _, call: call > 1,
    )
    async with working(database, side):
        await planned(database, plan())
        assert (await becomes(database, State.SENT)).attempts == 2
    assert side.received == ["k1"]


async def test_a_side_that_cannot_be_asked_leaves_it_unknown_until_a_person_settles_it(
    database: Database,
) -> None:
    side = OtherSide(answer=lambda *_: deliveries.unknown("broke off"), can_be_asked=False)
    async with working(database, side):
        (made,) = await planned(database, plan())

        async def asked_enough() -> bool:
            return side.questions == len(QUICK)

        await eventually(asked_enough)
        await becomes(database, State.UNKNOWN)
    assert side.calls == 1, "never sent again blindly"
    async with database.transaction() as connection:
        settled = await deliveries.close(
            connection,
            CLOCK,
            made.id,
            state=State.SENT,
            states=[State.UNKNOWN],
            message="The customer has it.",
        )
    assert settled is not None
    assert settled.state is State.SENT


async def test_a_process_that_dies_while_sending_leaves_an_unknown_that_is_asked_about(
    database: Database,
) -> None:
    """The worker is cancelled after the other side has taken it and before the answer is recorded."""
    inside, side = asyncio.Event(), OtherSide()

    async def hang(delivery: Delivery) -> Outcome:
        side.received.append(delivery.natural_key)
        inside.set()
        await asyncio.Event().wait()
        raise AssertionError

    class Hanging(OtherSide):
        send = staticmethod(hang)  # type: ignore[assignment]

    async def on_change(_: AsyncConnection, __: Delivery) -> None: ...

    dying = DeliveryWorker(database, CLOCK, {"post": Hanging()}, on_change, lease=timedelta(milliseconds=600))
    task = asyncio.create_task(dying.run(asyncio.Event()))
    await planned(database, plan())
    await asyncio.wait_for(inside.wait(), 10)
    for flying in list(dying._flying.values()):
        flying.cancel()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (await becomes(database, State.SENDING)).attempts == 1
    seen: list[Delivery] = []
    async with working(database, side, seen, lease=timedelta(milliseconds=300)):
        await becomes(database, State.SENT)
    assert side.received == ["k1"]
    assert side.calls == 0
    assert [d.state for d in seen] == [State.UNKNOWN, State.SENT]


async def test_a_lease_is_renewed_while_a_slow_sending_lives(database: Database) -> None:
    side = OtherSide()

    class Slow(OtherSide):
        async def send(self, delivery: Delivery) -> Outcome:
            self.received.append(delivery.natural_key)
            await asyncio.sleep(1.2)
            return deliveries.sent("slow but sure")

    slow = Slow()
    async with working(database, slow, workers=2, lease=timedelta(milliseconds=400)):
        await planned(database, plan())
        assert (await becomes(database, State.SENT)).message == "slow but sure"
    assert slow.received == ["k1"]
    assert side.questions == 0


async def test_replicas_share_the_work_and_send_nothing_twice(database: Database) -> None:
    side = OtherSide()
    await planned(database, *(plan(f"k{n}") for n in range(200)))
    async with working(database, side, workers=3):

        async def all_sent() -> bool:
            async with database.connect() as connection:
                left = await connection.execute(
                    sa.text("select count(*) from delivery where state <> 'sent'")
                )
                return left.scalar_one() == 0

        await eventually(all_sent)
    assert sorted(side.received) == sorted(f"k{n}" for n in range(200))


async def test_a_delivery_waits_for_its_time(database: Database) -> None:
    clock = FixedClock(datetime(2026, 11, 2, 22, tzinfo=UTC))
    side = OtherSide()
    async with database.transaction() as connection:
        await deliveries.plan(connection, clock, plan(due_at=datetime(2026, 11, 2, 23, 5, tzinfo=UTC)))

    async def on_change(_: AsyncConnection, __: Delivery) -> None: ...

    stop = asyncio.Event()
    worker = DeliveryWorker(database, clock, {"post": side}, on_change, poll_seconds=0.02)
    task = asyncio.create_task(worker.run(stop))
    async with database.transaction() as connection:
        await deliveries.plan(connection, clock, plan("now"))
    await becomes(database, State.SENT, "now")
    assert side.received == ["now"]
    clock.set(datetime(2026, 11, 2, 23, 5, tzinfo=UTC))
    await becomes(database, State.SENT)
    stop.set()
    await task


async def test_what_is_ignored_is_recorded_with_its_reason_and_never_sent(database: Database) -> None:
    side = OtherSide()
    async with working(database, side):
        await planned(database, plan(state=State.IGNORED, message="E-mail is not selected."), plan("k2"))
        await becomes(database, State.SENT, "k2")
        ignored = await becomes(database, State.IGNORED)
    assert (ignored.message, side.received) == ("E-mail is not selected.", ["k2"])


async def test_an_unconfigured_channel_and_a_raising_one_are_told_apart(database: Database) -> None:
    class Raising(OtherSide):
        async def send(self, delivery: Delivery) -> Outcome:
            raise ZeroDivisionError

    side = Raising()
    async with working(database, side):
        await planned(database, Plan("k2", "letter", "s1", "pigeon"), plan())
        failed = await becomes(database, State.FAILED, "k2")
        assert "'pigeon' is not configured" in failed.message

        async def tried_and_asked() -> bool:
            return side.questions > 0

        await eventually(tried_and_asked)


async def test_a_late_answer_settles_what_another_worker_took_for_lost(database: Database) -> None:
    """Verdicts are bound to the attempt: an answer of an older attempt never overwrites a newer one."""
    (made,) = await planned(database, plan())
    worker = DeliveryWorker(database, CLOCK, {}, on_change=_nothing)
    async with database.transaction() as connection:
        await connection.execute(
            sa.text("update delivery set state = 'sending', attempts = 2 where id = :id"), {"id": made.id}
        )
        current = await deliveries.get(connection, made.id)
    assert current is not None
    stale = current.__class__(**{n: getattr(current, n) for n in current.__slots__} | {"attempts": 1})
    await worker._record(stale, Outcome(Verdict.REFUSED, "old news"), "send")
    assert (await becomes(database, State.SENDING)).message == ""
    await worker._record(current, deliveries.sent("in time"), "send")
    assert (await becomes(database, State.SENT)).message == "in time"


async def test_answers_that_come_together_are_written_together_for_a_service_that_takes_several(
    database: Database,
) -> None:
    side, batches = OtherSide(), []

    async def on_changes(_: AsyncConnection, changed: Sequence[Delivery]) -> None:
        batches.append([delivery.natural_key for delivery in changed])
        assert {delivery.payload for delivery in changed} == {b"bytes"}
        # Long enough for the others to be answered meanwhile.
        await asyncio.sleep(0.05)

    keys = [f"k{number}" for number in range(24)]
    async with working(database, side, on_changes=on_changes):
        await planned(database, *(plan(key) for key in keys))
        for key in keys:
            await becomes(database, State.SENT, key)
    assert sorted(key for batch in batches for key in batch) == sorted(keys)
    assert max(map(len, batches)) > 1
    async with database.connect() as connection:
        open_ones = "select count(*) from delivery_attempt where ended_at is null or outcome <> 'sent'"
        assert (await connection.execute(sa.text(open_ones))).scalar_one() == 0


async def test_an_answer_that_can_not_be_taken_in_holds_up_none_of_the_others(database: Database) -> None:
    async def on_changes(_: AsyncConnection, changed: Sequence[Delivery]) -> None:
        await asyncio.sleep(0.05)
        if any(delivery.natural_key == "k3" for delivery in changed):
            raise ValueError("k3 is not to be taken in")

    keys = [f"k{number}" for number in range(8)]
    async with working(database, OtherSide(), on_changes=on_changes):
        await planned(database, *(plan(key) for key in keys))
        for key in keys:
            if key != "k3":
                await becomes(database, State.SENT, key)
    assert (await becomes(database, State.SENDING, "k3")).attempts == 1


async def test_two_answers_about_one_delivery_are_taken_one_after_the_other(database: Database) -> None:
    (made,) = await planned(database, plan())
    seen: list[str] = []

    async def on_changes(_: AsyncConnection, changed: Sequence[Delivery]) -> None:
        seen.extend(delivery.message for delivery in changed)

    worker = DeliveryWorker(database, CLOCK, {}, on_change=_nothing, on_changes=on_changes)
    async with database.transaction() as connection:
        await connection.execute(
            sa.text("update delivery set state = 'unknown', attempts = 1 where id = :id"), {"id": made.id}
        )
        current = await deliveries.get(connection, made.id)
    assert current is not None
    late, asked = deliveries.sent("a late answer"), deliveries.sent("found when asked")
    await asyncio.gather(worker._record(current, late, "send"), worker._record(current, asked, "ask"))
    assert seen == ["a late answer"]
    assert (await becomes(database, State.SENT)).message == "a late answer"


async def _nothing(_: AsyncConnection, __: Delivery) -> None: ...


async def test_what_is_claimed_ahead_is_sent_once_by_as_many_calls_as_asked_and_written_down_together(
    database: Database,
) -> None:
    at_once, most, groups = 0, 0, []

    class Slow(OtherSide):
        async def send(self, delivery: Delivery) -> Outcome:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0.002)
            at_once -= 1
            return await OtherSide.send(self, delivery)

    async def on_changes(_: AsyncConnection, changed: Sequence[Delivery]) -> None:
        groups.append(len(changed))

    side = Slow()
    await planned(database, *(plan(f"k{number}") for number in range(60)))
    async with working(database, side, concurrency=3, ahead=30, on_changes=on_changes):

        async def all_sent() -> bool:
            return sum(groups) == 60

        await eventually(all_sent)
    assert (most, len(side.received), len(set(side.received))) == (3, 60, 60)
    assert max(groups) > 1
