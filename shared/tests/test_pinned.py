"""What a person confirmed of rows they did not see, and jobs that do those rows and no others."""

from __future__ import annotations

import uuid

import pytest
import sqlalchemy as sa
from klokwerk import jobs, pinned
from klokwerk.access import Person
from klokwerk.clock import SystemClock
from klokwerk.database import Database
from klokwerk.http import Problem
from klokwerk.jobs import NewJob, items
from klokwerk.pinned import Pin

ANNA = Person("anna", "Anna", frozenset())


async def told(database: Database, *keys: str) -> Pin:
    async with database.connect() as connection:
        statement = sa.text(f"select {pinned.pin('key')} from unnest(cast(:keys as text[])) as t (key)")
        return pinned.pin_of((await connection.execute(statement, {"keys": list(keys)})).one())


async def test_a_pin_is_the_same_for_the_same_rows_and_another_one_for_others(database: Database) -> None:
    assert await told(database, "a", "b", "c") == await told(database, "c", "a", "b")
    sets = [(), ("a",), ("b",), ("a", "b"), ("a", "c"), ("ab",), ("a Insert", "b"), ("a", "b Insert")]
    pins = [await told(database, *keys) for keys in sets]
    assert len({pin.digest for pin in pins}) == len(sets)
    assert [pin.count for pin in pins] == [len(keys) for keys in sets]
    assert (pins[0].digest, len(pins[3].digest)) == ("0" * 32, 32)


async def test_only_what_was_told_is_let_through_and_nothing_told_is_anything(database: Database) -> None:
    here, other, more = await told(database, "a"), await told(database, "b"), await told(database, "a", "b")
    pinned.check(None, here)
    pinned.check(here, await told(database, "a"))
    for found, words in (
        (other, "as before, but not the same ones"),
        (more, "2 rows match now, instead of 1"),
    ):
        with pytest.raises(Problem, match=words) as refused:
            pinned.check(here, found)
        assert (refused.value.status, refused.value.kind) == (409, pinned.CHANGED)


async def test_a_step_that_breaks_off_gives_back_what_it_took_and_each_thing_is_taken_once(
    database: Database,
) -> None:
    async with database.transaction() as connection:
        job = await jobs.start(connection, SystemClock("Europe/Amsterdam"), NewJob("count"), ANNA)
        assert await items.add(connection, job.id, ["c", "a", "b", "a"]) == 3
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as connection:
            assert await items.take(connection, job.id, 2) == ["a", "b"]
            raise ZeroDivisionError
    async with database.transaction() as connection:
        assert await items.left(connection, job.id) == 3
        assert await items.take(connection, job.id, 2) == ["a", "b"]
    async with database.transaction() as connection:
        assert await items.take(connection, job.id, 2) == ["c"]
        assert await items.take(connection, job.id, 2) == []
        assert await items.take(connection, uuid.uuid4(), 2) == []
