"""Jobs on a real database: steps that are kept, restarts that go on, workers that never share a job."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from types import SimpleNamespace

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from klokwerk import jobs
from klokwerk.access import Person
from klokwerk.clock import SystemClock
from klokwerk.database import Database
from klokwerk.http import problems
from klokwerk.jobs import Job, JobFailed, JobState, JobWorker, NewJob, Run
from klokwerk.testing import TokenIssuer, eventually

CLOCK = SystemClock("Europe/Amsterdam")
ANNA = Person("anna", "Anna", frozenset({"ops"}))
_STORE = sa.text(
    "insert into stored (id, times) values (:id, 1) on conflict (id) do update set times = stored.times + 1"
)
Check = Callable[[int], Awaitable[None]]


async def _nothing(_: int) -> None:
    return


def counting(check: Check = _nothing, after: Check = _nothing) -> jobs.Runner:
    """A runner that stores one row a step; `check` runs inside a step, `after` behind it."""

    async def run(job: Run) -> str:
        for number in range(int(job.job.position.get("next", 0)), int(job.job.input["many"])):
            async with job.step() as step:
                await step.connection.execute(_STORE, {"id": f"n{number}"})
                await check(number)
                step.done, step.total = number + 1, job.job.input["many"]
                step.position["next"] = number + 1
                step.result["last"] = number
            await after(number)
        return f"{job.job.done} stored"

    return run


@asynccontextmanager
async def working(
    database: Database, runner: jobs.Runner, workers: int = 1, **options: object
) -> AsyncIterator[None]:
    stop = asyncio.Event()
    settings = {"poll_seconds": 0.05, "retry": timedelta(milliseconds=20)} | options
    tasks = [
        asyncio.create_task(JobWorker(database, CLOCK, {"count": runner}, **settings).run(stop))  # type: ignore[arg-type]
        for _ in range(workers)
    ]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def begin(database: Database, many: int = 5, **options: object) -> Job:
    async with database.transaction() as connection:
        return await jobs.start(
            connection, CLOCK, NewJob("count", "Counting", {"many": many}, **options), ANNA
        )  # type: ignore[arg-type]


async def ended(database: Database, job: Job) -> Job:
    async def final() -> Job | None:
        async with database.connect() as connection:
            found = await jobs.get(connection, job.id)
        return found if found and found.state.final else None

    return await eventually(final)


async def stored(database: Database) -> dict[str, int]:
    async with database.connect() as connection:
        return {row.id: row.times for row in await connection.execute(sa.text("select * from stored"))}


ONCE_EACH = {f"n{number}": 1 for number in range(5)}


async def test_a_job_is_done_step_by_step_and_says_what_came_out(database: Database) -> None:
    async with working(database, counting()):
        job = await ended(database, await begin(database))
    assert (job.state, job.done, job.total, job.message) == (JobState.DONE, 5, 5, "5 stored")
    assert job.result == {"last": 4}
    assert await stored(database) == ONCE_EACH


async def test_a_step_that_breaks_leaves_nothing_and_the_job_goes_on_from_the_one_before(
    database: Database,
) -> None:
    broken: list[int] = []

    async def breaks_once(number: int) -> None:
        if number == 3 and not broken:
            broken.append(number)
            raise ConnectionResetError("gone")

    async with working(database, counting(breaks_once)):
        job = await ended(database, await begin(database))
    assert (job.state, broken) == (JobState.DONE, [3])
    assert await stored(database) == ONCE_EACH


async def test_a_stopped_process_hands_the_job_on_at_its_last_step(database: Database) -> None:
    at_two, never = asyncio.Event(), asyncio.Event()

    async def waits(number: int) -> None:
        if number == 2:
            at_two.set()
            await never.wait()

    job = await begin(database)
    async with working(database, counting(after=waits)):
        await asyncio.wait_for(at_two.wait(), 10)
    assert len(await stored(database)) == 3
    async with working(database, counting()):
        assert (await ended(database, job)).state is JobState.DONE
    assert await stored(database) == ONCE_EACH


async def test_a_worker_that_lost_its_claim_can_not_commit_a_step(database: Database) -> None:
    """The first one sleeps through its lease; the second takes over; the first wakes and must change nothing."""
    first_waits, second_done, calls = asyncio.Event(), asyncio.Event(), 0

    async def sleepy(number: int) -> None:
        nonlocal calls
        if number == 1:
            calls += 1
            if calls == 1:
                async with database.transaction() as other:
                    await other.execute(
                        sa.text("update job set lease_until = clock_timestamp() - interval '1 minute'")
                    )
                first_waits.set()
                await second_done.wait()

    job = await begin(database)
    lease = {"lease": timedelta(seconds=600)}
    async with working(database, counting(after=sleepy), **lease):
        await asyncio.wait_for(first_waits.wait(), 10)
        async with working(database, counting(), **lease):
            assert (await ended(database, job)).state is JobState.DONE
        second_done.set()
    assert await stored(database) == ONCE_EACH


async def test_a_process_that_slept_through_its_lease_does_not_begin_its_own_job_twice(
    database: Database,
) -> None:
    begun: list[int] = []
    reached, released = asyncio.Event(), asyncio.Event()

    async def check(number: int) -> None:
        begun.append(number)
        if number == 1:
            reached.set()
            await released.wait()

    job = await begin(database, many=3)
    async with working(database, counting(check)):
        await asyncio.wait_for(reached.wait(), 10)
        async with database.transaction() as connection:
            await connection.execute(
                sa.text("update job set lease_until = clock_timestamp() - interval '1 second'")
            )
        other = await begin(database, many=0)
        await ended(database, other)  # the worker has looked for jobs since
        released.set()
        await ended(database, job)
    assert begun == [0, 1, 2]


async def test_two_workers_share_the_jobs_and_never_one_job(database: Database) -> None:
    async with working(database, counting(), workers=2):
        made = [await begin(database, 3) for _ in range(6)]
        for job in made:
            assert (await ended(database, job)).done == 3
    assert await stored(database) == {"n0": 6, "n1": 6, "n2": 6}


async def test_what_can_not_be_done_fails_with_words_for_the_person(database: Database) -> None:
    async def refuses(_: Run) -> str:
        raise JobFailed("Row 3 has no name: fill it in.")

    async with working(database, refuses):
        job = await ended(database, await begin(database))
    assert (job.state, job.message) == (JobState.FAILED, "Row 3 has no name: fill it in.")


async def test_a_mistake_of_the_program_fails_with_a_number_to_quote(database: Database) -> None:
    async def wrong(_: Run) -> str:
        raise ZeroDivisionError

    async with working(database, wrong):
        job = await ended(database, await begin(database))
    assert job.state is JobState.FAILED
    assert str(job.id) in job.message


async def test_a_job_that_kills_every_process_is_given_up(database: Database) -> None:
    job = await begin(database)
    async with database.transaction() as connection:
        await connection.execute(sa.text("update job set attempts = 5"))
    async with working(database, counting()):
        given_up = await ended(database, job)
    assert given_up.state is JobState.FAILED
    assert "given up" in given_up.message
    assert await stored(database) == {}


async def test_the_same_job_is_made_once(database: Database) -> None:
    first, second = await begin(database, natural_key="file-1"), await begin(database, natural_key="file-1")
    assert first.id == second.id


@pytest.fixture
async def http(database: Database) -> AsyncIterator[SimpleNamespace]:
    tokens = TokenIssuer()
    app = FastAPI()
    problems.install(app)
    app.state.database, app.state.clock, app.state.verifier = database, CLOCK, tokens.verifier
    app.include_router(jobs.job_routes(["count"], "ops"), prefix="/v1")
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://jobs.test") as client:
        yield SimpleNamespace(client=client, ops=tokens.headers("ops"), reader=tokens.headers("read-only"))


async def test_a_watcher_is_answered_when_the_job_moved_on(database: Database, http: SimpleNamespace) -> None:
    job = await begin(database)
    go = asyncio.Event()

    async def waits(_: int) -> None:
        await go.wait()

    async with working(database, counting(waits)):

        async def running() -> int:
            shown = (await http.client.get(f"/v1/jobs/{job.id}", headers=http.reader)).json()
            return int(shown["revision"]) if shown["state"] == "running" else 0

        revision = await eventually(running)
        params = {"after": revision, "wait": 10}
        watching = asyncio.create_task(
            http.client.get(f"/v1/jobs/{job.id}", params=params, headers=http.reader)
        )
        await asyncio.sleep(0)
        assert not watching.done()
        go.set()
        shown = (await watching).json()
        assert shown["revision"] > revision
        await ended(database, job)
    listed = (await http.client.get("/v1/jobs", headers=http.reader)).json()
    assert [(row["id"], row["state"], row["created_by"]) for row in listed["items"]] == [
        (str(job.id), "done", "Anna")
    ]


async def test_a_waiting_job_is_stopped_at_once_and_a_running_one_after_its_step(
    database: Database, http: SimpleNamespace
) -> None:
    waiting = await begin(database)
    answer = await http.client.post(f"/v1/jobs/{waiting.id}/cancel", headers=http.ops)
    assert answer.json()["state"] == "cancelled"
    assert (await http.client.post(f"/v1/jobs/{waiting.id}/cancel", headers=http.ops)).status_code == 409

    async def stops_at_one(number: int) -> None:
        if number == 1:
            assert (await http.client.post(f"/v1/jobs/{job.id}/cancel", headers=http.ops)).status_code == 200

    job = await begin(database)
    async with working(database, counting(after=stops_at_one)):
        stopped = await ended(database, job)
    assert (stopped.state, stopped.done) == (JobState.CANCELLED, 3)


async def test_only_those_with_the_role_stop_a_job(database: Database, http: SimpleNamespace) -> None:
    job = await begin(database)
    assert (await http.client.post(f"/v1/jobs/{job.id}/cancel", headers=http.reader)).status_code == 403


async def test_files_of_a_job_are_given_back_byte_for_byte(database: Database, http: SimpleNamespace) -> None:
    job = await begin(database)
    content = bytes(range(256)) * 10_000
    async with database.transaction() as connection:
        await jobs.keep_file(connection, job.id, "input", "kláánten.csv", "text/csv", b"replaced")
        await jobs.keep_file(connection, job.id, "input", "kláánten.csv", "text/csv", content)
        await jobs.keep_file(connection, job.id, "output", "empty.csv", "text/csv", b"")
    shown = (await http.client.get(f"/v1/jobs/{job.id}", headers=http.reader)).json()
    assert [(file["role"], file["name"], file["size"]) for file in shown["files"]] == [
        ("input", "kláánten.csv", len(content)),
        ("output", "empty.csv", 0),
    ]
    answer = await http.client.get(shown["files"][0]["link"], headers=http.reader)
    assert answer.content == content
    missing = await http.client.get(f"/v1/jobs/{job.id}/files/other", headers=http.reader)
    assert missing.status_code == 404
    assert (await http.client.get(f"/v1/jobs/{uuid.uuid4()}", headers=http.reader)).status_code == 404
