"""The sign-in with Exact Online while processes die, answers get lost and the database is away."""

import asyncio
from datetime import timedelta

import pytest
from accounting_sync.store.connections import StoredCredentials
from accounting_sync.targets.answers import ConsentNeeded, Temporary
from accounting_sync.upkeep import Upkeep
from accounting_world import World
from klokwerk.testing import eventually

TOKENS = "/api/oauth2/token"
STALE = "update connection set renewing_since = clock_timestamp() - interval '2 minutes' where administration = :code"


async def asked(world: World) -> int:
    """How many times tokens were asked for."""
    return len(await world.exact.requests("POST", TOKENS))


async def expired(world: World) -> str:
    """An administration whose access token has just run out."""
    books = await world.books("exact-direct")
    await world.exact.set(minutely_limit=9999)
    world.clock.advance(timedelta(minutes=11))
    await world.exact.reset()
    return books.code


async def change(world: World, statement: str, code: str) -> None:
    import sqlalchemy as sa

    async with world.database.transaction() as connection:
        await connection.execute(sa.text(statement), {"code": code})


async def test_a_pair_that_could_not_be_saved_is_kept_until_the_database_is_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, tries, save = await expired(world), [], StoredCredentials.save_renewed

    async def away_at_first(self: StoredCredentials, *pair: object) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionRefusedError("the database is away")
        await save(self, *pair)  # type: ignore[arg-type]

    monkeypatch.setattr(StoredCredentials, "save_renewed", away_at_first)
    async with world.links() as links:
        assert (await links.exact(code).call("GET", "Me"))["results"]
    assert (len(tries), await asked(world)) == (3, 1)
    world.clock.advance(timedelta(minutes=11))
    async with world.links() as another:
        assert (await another.exact(code).call("GET", "Me"))["results"], "the saved pair is the good one"


async def test_a_request_that_is_cancelled_does_not_cut_off_the_renewal(world: World) -> None:
    code = await expired(world)
    await world.exact.behave(slow_seconds=0.3, only_paths=[TOKENS])
    async with world.links() as links:
        call = asyncio.create_task(links.exact(code).call("GET", "Me"))

        async def on_its_way() -> bool:
            return bool(await asked(world))

        await eventually(on_its_way)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    async with world.links() as another:
        assert (await another.exact(code).call("GET", "Me"))["results"]
    assert await asked(world) == 1


async def test_a_lost_answer_is_tried_once_more_and_then_says_what_happened(world: World) -> None:
    code = await expired(world)
    await world.exact.behave(lose_answer_after_accepting=1, only_paths=[TOKENS])
    async with world.links() as links:
        with pytest.raises(Temporary, match="did not answer at sign-in"):
            await links.exact(code).call("GET", "Me")
        with pytest.raises(ConsentNeeded, match="interrupted"):
            await links.exact(code).call("GET", "Me")
        for _ in range(5):
            with pytest.raises(ConsentNeeded):
                await links.exact(code).call("GET", "Me")
    assert await asked(world) == 2, "no call is made without hope"
    assert not await world.rows("select 1 from connection_error where administration = :code", code=code)


async def test_a_lost_question_costs_nothing(world: World) -> None:
    code = await expired(world)
    await world.exact.behave(status=502, times=1, only_paths=[TOKENS])
    async with world.links() as links:
        with pytest.raises(Temporary):
            await links.exact(code).call("GET", "Me")
        assert (await links.exact(code).call("GET", "Me"))["results"]


async def test_nobody_renews_while_another_process_does(world: World) -> None:
    code = await expired(world)
    await change(
        world,
        "update connection set renewing_by = gen_random_uuid(), renewing_since = clock_timestamp() "
        "where administration = :code",
        code,
    )
    async with world.links() as links:
        tokens = links.exact(code).tokens
        tokens._patience = 0.2
        with pytest.raises(Temporary, match="another process renews"):
            await tokens.usable()
    assert await asked(world) == 0


async def test_a_renewal_that_broke_off_before_the_question_is_settled_by_itself(world: World) -> None:
    code = await expired(world)
    await change(
        world, "update connection set renewing_by = gen_random_uuid() where administration = :code", code
    )
    await change(world, STALE, code)

    async def settled() -> bool:
        (row,) = await world.rows(
            "select renewing_since, needs_consent from connection where administration = :code", code=code
        )
        return row.renewing_since is None and not row.needs_consent

    await eventually(settled)
    assert await asked(world) == 1


async def test_a_renewal_that_broke_off_after_the_answer_is_found_at_once_and_nothing_is_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = await world.books("exact-direct")
    world.clock.advance(timedelta(minutes=11))
    await world.exact.reset()
    hangs = asyncio.Event()

    async def never(self: StoredCredentials, *pair: object) -> None:
        hangs.set()
        await asyncio.Event().wait()

    async with world.links() as dying:
        with monkeypatch.context() as patch:
            patch.setattr(StoredCredentials, "save_renewed", never)
            call = asyncio.create_task(dying.exact(books.code).tokens.usable())
            await hangs.wait()
        await books.taken_up(books.card())
        export = await books.export()
        await change(world, STALE, books.code)

        async def found() -> dict | None:
            state = (await world.ask("GET", f"/administrations/{books.code}")).json()["connection"]
            return state if state["needs_consent"] else None

        state = await eventually(found)
        assert "interrupted" in state["why"]
        assert "No line is lost" in state["why"]
        assert (state["check_ok"], await asked(world)) == (False, 2)
        summary = (await world.ask("GET", "/summary")).json()["counts"]
        locked_out = next(each for each in summary if each["name"] == "accounting_consent")
        assert (locked_out["value"] >= 1, locked_out["state"]) == (True, "error")
        assert (await world.consent(books.code)).status_code == 200
        world.clock.advance(timedelta(minutes=31))
        assert (await books.finished(export))["synced"] == 1
        dying.exact(books.code).tokens._renewal.cancel()  # type: ignore[union-attr]
        await asyncio.gather(call, return_exceptions=True)


async def test_connections_are_tested_once_a_day_by_themselves(world: World) -> None:
    good = await world.books("exact-direct")
    bad = await world.books("exact-direct")
    async with world.links() as links:
        upkeep = Upkeep(world.database, world.clock, links, timedelta(hours=24))
        await change(
            world,
            "update connection set checked_at = now() + interval '10 years' where administration <> :code",
            good.code,
        )
        await change(world, "update connection set checked_at = null where administration = :code", bad.code)
        await world.exact.reset()
        await upkeep.tick()
        first = {
            row.administration: row
            for row in await world.rows(
                "select administration, check_ok, check_message, checked_at from connection "
                "where administration in (:good, :bad)",
                good=good.code,
                bad=bad.code,
            )
        }
        assert first[good.code].check_ok is True
        calls = len(await world.exact.requests("GET", "/api/v1"))
        await upkeep.tick()
        assert len(await world.exact.requests("GET", "/api/v1")) == calls, "not twice a day"
        assert calls == 2


async def test_processes_share_one_error_allowance(world: World) -> None:
    books = await world.books("exact-direct")
    await world.exact.set(error_limit=10)
    gone = "11111111-1111-1111-1111-111111111111"
    async with world.links() as one, world.links() as two:
        connections = [links.exact(books.code) for links in (one, two)]
        calls = [each.call("PUT", "crm/Addresses", key=gone, body={"City": "x"}) for each in connections * 10]
        found = await asyncio.gather(*calls, return_exceptions=True)
        refused = [each for each in found if not isinstance(each, Temporary)]
        assert len(refused) == len(await world.exact.requests("PUT", "/api/v1/102030/crm/Addresses")) <= 8
        found = await asyncio.gather(
            *(each.call("PUT", "crm/Addresses", key=gone, body={}) for each in connections * 5),
            return_exceptions=True,
        )
        assert len(await world.exact.requests("PUT", "/api/v1/102030/crm/Addresses")) == 8
    assert (await world.ask("GET", f"/{books.code}/health")).json()["ok"] is True, "the key is not blocked"
