"""Does the jobs that are due, step by step, and takes up those of processes that died."""

# ruff: noqa: S608 - statements are put together from a constant column list only
from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

import asyncpg
import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from klokwerk import telemetry
from klokwerk.clock import Clock
from klokwerk.database import Database, is_transient
from klokwerk.jobs.job import Job, JobFailed, JobState
from klokwerk.jobs.rows import COLUMNS, job_of
from klokwerk.wakeup import Wakeup

log = telemetry.get_logger(__name__)

_CLAIM = sa.text(
    "update job set state = 'running', attempts = attempts + 1, revision = revision + 1, leased_by = :worker, "
    "lease_until = clock_timestamp() + :lease, started_at = coalesce(started_at, cast(:now as timestamptz)), "
    "changed_at = :now where id in (select id from job where kind = any(cast(:kinds as text[])) and "
    "((state = 'waiting' and due_at <= :now) or (state = 'running' and lease_until < clock_timestamp())) "
    "and id <> all(cast(:flying as uuid[])) "
    f"order by due_at, id limit :limit for update skip locked) returning {COLUMNS}"
)
_RENEW = sa.text(
    "update job set lease_until = clock_timestamp() + :lease "
    "where id = any(cast(:ids as uuid[])) and state = 'running' and leased_by = :worker"
)
_STEP = sa.text(
    "update job set done = :done, total = :total, position = cast(:position as jsonb), "
    "result = cast(:result as jsonb), attempts = 1, revision = revision + 1, changed_at = :now, "
    "lease_until = clock_timestamp() + :lease "
    f"where id = :id and state = 'running' and leased_by = :worker returning {COLUMNS}"
)
_END = sa.text(
    "update job set state = :state, message = :message, due_at = :due, revision = revision + 1, changed_at = :now, "
    "finished_at = case when :final then cast(:now as timestamptz) end, lease_until = null, leased_by = null "
    "where id = :id and state = 'running' and leased_by = :worker"
)
_MOST_ATTEMPTS = 5
"""Times a job may be begun without a single step coming to its end."""


class ClaimLost(Exception):
    """Another process has taken the job up; this one must leave it alone."""


class _Cancelled(Exception):
    """A person asked to stop the job."""


@dataclass(slots=True)
class Step:
    """One step of a job: work on `connection` and the progress that goes with it are committed together.

    Attributes:
        done, total, position, result: as in `Job`; what they are when the step ends is kept.
    """

    connection: AsyncConnection
    done: int
    total: int | None
    position: dict[str, Any]
    result: dict[str, Any]


@dataclass(slots=True)
class Run:
    """A job under way, for its runner."""

    job: Job
    database: Database
    clock: Clock
    worker: uuid.UUID
    lease: timedelta

    @asynccontextmanager
    async def step(self) -> AsyncIterator[Step]:
        """Work and progress in one transaction; nothing of it stays when the block raises.

        Raises:
            ClaimLost: another process has the job now; the transaction is rolled back.
        """
        async with self.database.transaction() as connection:
            job = self.job
            step = Step(connection, job.done, job.total, dict(job.position), dict(job.result))
            yield step
            values = {
                "id": job.id,
                "worker": self.worker,
                "lease": self.lease,
                "done": step.done,
                "total": step.total,
                "position": orjson.dumps(step.position, default=str).decode(),
                "result": orjson.dumps(step.result, default=str).decode(),
                "now": self.clock.now(),
            }
            row = (await connection.execute(_STEP, values)).mappings().one_or_none()
            if row is None:
                raise ClaimLost
        self.job = job_of(row)
        if self.job.cancel_asked:
            raise _Cancelled


class Runner(Protocol):
    """Does the jobs of one kind."""

    async def __call__(self, run: Run) -> str:
        """Do `run.job` from `run.job.position` on, in steps; the answer is the message for the person.

        Raises:
            JobFailed: it can't be done as asked.
        """
        ...


@dataclass(slots=True)
class JobWorker:
    """Run one in every process of the service; they share the work.

    Args:
        runners: by the kind that jobs carry.
        lease: how long a job may show no sign of life; it is renewed while the process lives.
        concurrency: jobs at the same time.
        retry: pause after a broken connection and the like, doubled with each attempt.
    """

    database: Database
    clock: Clock
    runners: Mapping[str, Runner]
    lease: timedelta = timedelta(seconds=15)
    concurrency: int = 2
    retry: timedelta = timedelta(seconds=2)
    poll_seconds: float = 0.5
    name: str = "jobs"
    _id: uuid.UUID = field(default_factory=uuid.uuid4)
    _wakeup: Wakeup = field(default_factory=Wakeup)
    _flying: dict[uuid.UUID, asyncio.Task[None]] = field(default_factory=dict)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`; a job in hand is left at its last step, for the next process to go on."""
        listener = await asyncpg.connect(self.database.url, timeout=5)
        try:
            await self._wakeup.listen(listener, "job")
            next_renewal = 0.0
            loop = asyncio.get_running_loop()
            while not stop.is_set():
                if loop.time() >= next_renewal:
                    await self._renew()
                    next_renewal = loop.time() + self.lease.total_seconds() / 3
                if not await self._claim():
                    await self._wait(stop)
        finally:
            for task in self._flying.values():
                task.cancel()
            if self._flying:
                await asyncio.wait(self._flying.values(), timeout=10)
            await listener.close(timeout=2)

    async def _wait(self, stop: asyncio.Event) -> None:
        waiting = asyncio.ensure_future(self._wakeup.wait(self.poll_seconds))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            stopping.cancel()

    async def _claim(self) -> bool:
        room = self.concurrency - len(self._flying)
        if room <= 0:
            return False
        values = {
            "worker": self._id,
            "lease": self.lease,
            "now": self.clock.now(),
            "kinds": list(self.runners),
            "limit": room,
            # A process that slept through its lease must not begin its own job a second time beside the first.
            "flying": list(self._flying),
        }
        async with self.database.transaction() as connection:
            claimed = [job_of(row) for row in (await connection.execute(_CLAIM, values)).mappings()]
        for job in claimed:
            task = asyncio.create_task(self._do(job), name=f"job {job.id}")
            self._flying[job.id] = task
            task.add_done_callback(partial(self._landed, job.id))
        return bool(claimed)

    def _landed(self, job_id: uuid.UUID, finished: asyncio.Task[None]) -> None:
        self._flying.pop(job_id, None)
        self._wakeup.set()
        if not finished.cancelled() and (error := finished.exception()):
            log.error("job_end_not_recorded", job=str(job_id), error=repr(error))

    async def _do(self, job: Job) -> None:
        run = Run(job, self.database, self.clock, self._id, self.lease)
        state, message, again = JobState.DONE, "", None
        try:
            if job.cancel_asked:
                raise _Cancelled
            if job.attempts > _MOST_ATTEMPTS:
                raise JobFailed(
                    f"It broke off {_MOST_ATTEMPTS} times and was given up: {job.message or 'no reason known'}"
                )
            message = await self.runners[job.kind](run)
        except asyncio.CancelledError:
            state, message, again = (
                JobState.WAITING,
                "The service was stopped; it goes on by itself.",
                timedelta(0),
            )
            await asyncio.shield(self._end(run, state, message, again))
            raise
        except ClaimLost:
            log.warning("job_claim_lost", job=str(job.id), kind=job.kind)
            return
        except _Cancelled:
            state, message = JobState.CANCELLED, "Stopped; what was done before stays done."
        except JobFailed as problem:
            state, message = JobState.FAILED, str(problem)
        except Exception as error:
            transient = is_transient(error)
            report = log.warning if transient else log.exception
            report("job_broke_off", job=str(job.id), kind=job.kind, error=repr(error))
            if transient:
                state, message = JobState.WAITING, f"It broke off and goes on by itself: {error!r}"
                again = self.retry * 2 ** min(job.attempts - 1, 6)
            else:
                state = JobState.FAILED
                message = (
                    f"It broke off at a mistake of the program: {error!r}. Tell support the number {job.id}."
                )
        await self._end(run, state, message, again)

    async def _end(self, run: Run, state: JobState, message: str, again: timedelta | None) -> None:
        """Write down how it ended, however long the database is away."""
        pause = 0.2
        while True:
            now = self.clock.now()
            values = {
                "id": run.job.id,
                "worker": self._id,
                "state": state.value,
                "final": state.final,
                "message": message[:4000],
                "due": now + (again or timedelta(0)),
                "now": now,
            }
            try:
                async with self.database.transaction() as connection:
                    await connection.execute(_END, values)
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("job_end_waits_for_database", job=str(run.job.id), error=repr(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
            else:
                break
        telemetry.JOBS.labels(run.job.kind, state.value).inc()
        ended = replace(run.job, state=state, message=message)
        log.info(
            "job", job=str(ended.id), kind=ended.kind, state=state.value, done=ended.done, total=ended.total,
            message=message,
        )  # fmt: skip

    async def _renew(self) -> None:
        if self._flying:
            async with self.database.transaction() as connection:
                values = {"ids": list(self._flying), "lease": self.lease, "worker": self._id}
                await connection.execute(_RENEW, values)
