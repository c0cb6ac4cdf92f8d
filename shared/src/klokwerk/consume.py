"""Events come in through one layer, the same for every topic and service.

FastStream hands over a batch of raw records; this layer reads each one on its own, puts aside what cannot be
read, hands the good ones to the topic's handler in one transaction, and lets the offset move only after that.

Guarantees:

- nothing is lost: a record is handled and committed to the database, or stands in ``<topic>.<group>.dlq`` with
  its raw bytes, before its offset is committed. It may come twice; handlers are idempotent by construction;
- an element whose handling raises is found by halving the batch and dead-lettered alone, its neighbours are
  handled; order within a key is kept for all that is handled;
- trouble with the database or the broker waits with back-off and jitter and keeps the offset where it is;
- records whose headers would break FastStream's own parser are read by ours.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage
from opentelemetry import trace

from klokwerk import telemetry
from klokwerk.database import Database, is_transient
from klokwerk.kafka import TOPIC_MAX_MESSAGE_BYTES, KafkaAddress
from klokwerk.received import Dead, Part, Received, Rejected, Subscription, condensed, read_all, where

__all__ = ["BATCH", "Consumers", "Received", "Rejected", "Subscription", "condensed"]

log = telemetry.get_logger(__name__)

BATCH = 1000
"""Most records in one transaction. By bytes a batch is bounded by the fetches: about 1 MB for each partition."""

FETCHED = 4
"""Most transactions' worth of records that are fetched at once: while one is in the database the next is read."""

LONGEST_WAIT = 120.0
"""Seconds a batch may take when there is trouble before it is given back to Kafka, well within max.poll.interval."""


@dataclass(slots=True)
class Consumers:
    """All subscriptions of a service as one member of its consumer group.

    Args:
        group: the service's name; also names its dead-letter and replay topics.
        subscriptions: handled in this order within one fetched batch.
        stuck_after: seconds without progress before records, after which the consumer is started again.
        finish_within: seconds a batch in hand may take when stopping.
    """

    kafka: KafkaAddress
    database: Database
    group: str
    subscriptions: Sequence[Subscription[Any]]
    batch: int = BATCH
    stuck_after: float = 60.0
    finish_within: float = 30.0
    name: str = "consumers"
    started: bool = False
    trouble: str = "not started yet"
    _broker: KafkaBroker | None = None
    _subscriber: Any = None
    _dead_letters: AIOKafkaProducer | None = None
    _by_topic: dict[str, tuple[Subscription[Any], bool]] = field(default_factory=dict)
    _busy_since: float | None = None
    _deadline: float = 0.0
    _progress: dict[TopicPartition, tuple[int, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for subscription in self.subscriptions:
            topic = subscription.event.TOPIC
            self._by_topic[self.kafka.topic(topic)] = (subscription, False)
            self._by_topic[self.kafka.replays(topic, self.group)] = (subscription, True)

    # --- running --------------------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop`; starts again by itself when the broker was away or a consumer hangs."""
        pause = 0.5
        while not stop.is_set():
            try:
                await self._start()
                pause = 0.5
                await self._watch(stop)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                self.trouble = f"Kafka at {self.kafka.bootstrap}: {error!r}"
                log.warning("consumers_not_running", error=repr(error), again_in=pause)
            finally:
                await self._close()
            if not stop.is_set():
                await _sleep_or_stop(stop, pause * random.uniform(0.7, 1.3))  # noqa: S311
                pause = min(pause * 2, 10.0)

    async def _start(self) -> None:
        options = self.kafka.client_options()
        security = {k: options.pop(k) for k in list(options) if k.startswith(("sasl", "ssl", "security"))}
        self._broker = KafkaBroker(
            options["bootstrap_servers"],
            security=_security(self.kafka, security),
            client_id=self.group,
            ack_policy=AckPolicy.NACK_ON_ERROR,
            allow_auto_create_topics=False,
            apply_types=False,
            graceful_timeout=self.finish_within,
            logger=None,
        )
        self._subscriber = self._broker.subscriber(
            *self._by_topic,
            group_id=self.kafka.prefix + self.group,
            batch=True,
            max_records=self.batch * FETCHED,
            batch_timeout_ms=200,
            auto_offset_reset="earliest",
            session_timeout_ms=10_000,
            heartbeat_interval_ms=2_000,
            parser=self._parse,
            decoder=_undecoded,
        )
        self._subscriber(self._on_batch)
        self._dead_letters = self.kafka.producer(
            client_id=f"{self.group}-dlq", max_request_size=2 * TOPIC_MAX_MESSAGE_BYTES - 50_000
        )
        await self._dead_letters.start()
        await self._broker.start()
        self._progress.clear()
        self.started, self.trouble = True, ""
        log.info("consumers_started", group=self.group, topics=sorted(self._by_topic))

    async def _close(self) -> None:
        self.started = False
        if self._broker is not None:
            await self._broker.stop()
            self._broker = None
        if self._dead_letters is not None:
            await self._dead_letters.stop()
            self._dead_letters = None

    async def _parse(self, records: Any) -> KafkaAckableMessage:
        """Stand in for FastStream's parser, which raises on a header that is NULL or not UTF-8."""
        return KafkaAckableMessage(
            body=b"",
            raw_message=tuple(records),
            consumer=self._subscriber.consumer,
            message_id=f"{records[0].topic}-{records[0].partition}-{records[0].offset}",
            correlation_id=f"{records[0].topic}-{records[0].partition}-{records[0].offset}",
        )

    # --- one batch ------------------------------------------------------------------------------------------

    async def _on_batch(self, records: Sequence[ConsumerRecord[Any, Any]]) -> None:
        self._busy_since = time.monotonic()
        self._deadline = self._busy_since + LONGEST_WAIT
        try:
            by_topic: dict[str, list[ConsumerRecord[Any, Any]]] = {}
            for record in records:
                by_topic.setdefault(record.topic, []).append(record)
            for topic, (subscription, replayed) in self._by_topic.items():
                if mine := by_topic.get(topic):
                    await self._handle_topic(subscription, replayed, mine)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("batch_given_back", records=len(records))
            raise
        finally:
            self._busy_since = None

    async def _handle_topic(
        self, subscription: Subscription[Any], replayed: bool, records: list[ConsumerRecord[Any, Any]]
    ) -> None:
        """Take `records` in their order, a transaction for each `batch` of them; the next is read meanwhile."""
        parts = [records[at : at + self.batch] for at in range(0, len(records), self.batch)]
        read = await read_all(subscription, parts[0], replayed)
        for following in parts[1:]:
            ahead = asyncio.create_task(read_all(subscription, following, replayed))
            try:
                await self._take(subscription, read)
                read = await ahead
            finally:
                ahead.cancel()
        await self._take(subscription, read)

    async def _take(self, subscription: Subscription[Any], read: Part) -> None:
        """Hand what could be read to its handler, and put aside what could not or was not taken."""
        began = time.perf_counter()
        topic, dead = subscription.event.TOPIC, read.dead
        span = telemetry.consumer_span(
            f"consume {topic}", (item.envelope.traceparent for _, item in read.good)
        )
        with trace.use_span(span, end_on_exit=True):
            if read.good:
                dead = [*dead, *await self._isolate(subscription, read.good)]
            if dead:
                await self._with_patience(lambda: self._bury(topic, dead), f"dead letters of {topic}")
        telemetry.CONSUMED.labels(topic).inc(len(read.good) + len(read.dead) - len(dead))
        telemetry.BATCH_SECONDS.labels(topic).observe(time.perf_counter() - began)

    async def _isolate(
        self, subscription: Subscription[Any], pairs: list[tuple[ConsumerRecord[Any, Any], Received[Any]]]
    ) -> list[Dead]:
        """Handle `pairs`; halve on an error until the element that causes it stands alone."""

        async def attempt() -> None:
            async with self.database.transaction() as connection:
                await subscription.handle(connection, [item for _, item in pairs])

        try:
            await self._with_patience(attempt, subscription.event.TOPIC)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if _is_trouble(error):
                raise
            if len(pairs) == 1:
                reason = "rejected" if isinstance(error, Rejected) else "handler_error"
                detail = str(error) if isinstance(error, Rejected) else repr(error)
                if reason == "handler_error":
                    log.exception("event_not_handled", topic=subscription.event.TOPIC, **where(pairs[0][0]))
                return [Dead(pairs[0][0], reason, detail, attempts=len(pairs))]
            middle = len(pairs) // 2
            return [
                *await self._isolate(subscription, pairs[:middle]),
                *await self._isolate(subscription, pairs[middle:]),
            ]
        return []

    async def _with_patience(self, action: Callable[[], Awaitable[None]], what: str) -> None:
        """Do `action`; while the database or the broker is in trouble, wait and try again."""
        pause = 0.1
        while True:
            try:
                await action()
            except Exception as error:
                if not _is_trouble(error) or time.monotonic() > self._deadline:
                    raise
                self.trouble = f"{what}: {error!r}"
                log.warning(
                    "waiting_for_trouble_to_pass", what=what, error=repr(error), again_in=round(pause, 2)
                )
                await asyncio.sleep(pause * random.uniform(0.7, 1.3))  # noqa: S311
                pause = min(pause * 2, 5.0)
            else:
                self.trouble = ""
                return

    async def _bury(self, topic: str, dead: Sequence[Dead]) -> None:
        if self._dead_letters is None:
            raise ConnectionError("the dead-letter producer is not running")
        target = self.kafka.dead_letters(topic, self.group)
        now = datetime.now(UTC).isoformat()
        futures = []
        for item in dead:
            record = item.record
            headers = [
                *record.headers,
                ("dlq_reason", item.reason.encode()),
                ("dlq_detail", item.detail[:4000].encode()),
                ("dlq_service", self.group.encode()),
                ("dlq_topic", record.topic.encode()),
                ("dlq_partition", str(record.partition).encode()),
                ("dlq_offset", str(record.offset).encode()),
                ("dlq_timestamp", str(record.timestamp).encode()),
                ("dlq_first_seen", now.encode()),
                ("dlq_attempts", str(item.attempts).encode()),
            ]
            futures.append(
                await self._dead_letters.send(target, record.value, key=record.key, headers=headers)
            )
        await asyncio.gather(*futures)
        for item in dead:
            telemetry.DEAD.labels(topic, item.reason).inc()
            log.error("dead_letter", reason=item.reason, detail=item.detail, dlq=target, **where(item.record))

    # --- watchdog -------------------------------------------------------------------------------------------

    async def _watch(self, stop: asyncio.Event) -> None:
        """Return at `stop`; raise when the consumer stands still before a partition that has more."""
        while not stop.is_set():
            await _sleep_or_stop(stop, max(0.3, min(5.0, self.stuck_after / 4)))
            consumer = self._subscriber.consumer if self._subscriber else None
            if consumer is None or stop.is_set():
                continue
            assigned = consumer.assignment()
            for gone in set(self._progress) - set(assigned):
                del self._progress[gone]
            if not assigned:
                continue
            try:
                # The broker is asked: a consumer that fetches nothing does not learn of new records itself.
                async with asyncio.timeout(10):
                    ends = await consumer.end_offsets(list(assigned))
            except (KafkaError, TimeoutError) as error:
                log.warning("lag_not_measured", error=repr(error))
                continue
            for partition, end in ends.items():
                self._check(consumer, partition, end, time.monotonic())

    def _check(self, consumer: Any, partition: TopicPartition, end: int, now: float) -> None:
        assignment = consumer._subscription.subscription.assignment
        state = assignment.state_value(partition) if assignment is not None else None
        at = state.position if state is not None and state.has_valid_position else None
        lag = max(0, end - at) if at is not None else 0
        telemetry.CONSUMER_LAG.labels(partition.topic, partition.partition).set(lag)
        seen = self._progress.get(partition)
        if lag == 0 or seen is None or seen[0] != at or self._busy_since is not None:
            self._progress[partition] = (at if at is not None else -1, now)
        elif now - seen[1] > self.stuck_after:
            telemetry.CONSUMER_RESTARTS.inc()
            raise RuntimeError(
                f"no progress on {partition.topic}[{partition.partition}] for {self.stuck_after} s "
                f"at {at} of {end}: starting the consumer again"
            )


# --- around a batch -------------------------------------------------------------------------------------------


def _is_trouble(error: BaseException) -> bool:
    return is_transient(error) or isinstance(error, KafkaError)


async def _undecoded(message: KafkaAckableMessage) -> Any:
    return message.raw_message


def _security(kafka: KafkaAddress, options: dict[str, Any]) -> Any:
    from faststream.security import BaseSecurity, SASLScram512  # noqa: PLC0415

    if kafka.security.startswith("SASL"):
        return SASLScram512(
            username=kafka.user,
            password=kafka.password,
            ssl_context=options["ssl_context"],
            use_ssl=kafka.security == "SASL_SSL",
        )
    return BaseSecurity(ssl_context=options["ssl_context"], use_ssl=kafka.security == "SSL")


async def _sleep_or_stop(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
