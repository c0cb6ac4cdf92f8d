"""What breaks in the middle: disks, folders, other users, the other side, and cards that change meanwhile."""

import asyncio
import contextlib
import resource
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import accounting_sync.file_export
import pytest
from accounting_sync.consumers import snapshot_of
from accounting_sync.store import cards
from accounting_world import Books, World, changed
from klokwerk.testing import eventually
from lxml import etree

SMALL_DISK = 48 * 1024


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """A folder that takes some 48 kB: a file system of its own where we may mount one, else a limit on files."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL_DISK, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    else:
        try:
            yield
        finally:
            subprocess.run(["umount", str(folder)], check=True)


async def nothing_happened(books: Books, export: dict[str, Any], lines: list[dict[str, Any]]) -> None:
    """The export failed, its kept file is empty, the queue is as it was."""
    assert (export["state"], export["synced"]) == ("failed", 0)
    assert "can't be written" in export["message"]
    assert etree.fromstring(await books.file(export)).findall("Accounts/Account") == []
    now = await books.lines()
    assert [(line["id"], line["action"], line["state"]) for line in now] == [
        (line["id"], line["action"], "listed") for line in lines
    ]


async def test_EP_59_a_disk_that_fills_up_in_the_middle_fails_the_export_and_leaves_nothing(
    world: World, tmp_path: Path
) -> None:
    folder = tmp_path / "full"
    with full_disk(folder):
        books = await world.books(folder=str(folder))
        await books.taken_up(*(books.card(name="x" * 50) for _ in range(150)))
        lines = await books.lines()
        export = await books.export()
        await nothing_happened(books, export, lines)
        assert list(folder.iterdir()) == [], "no half a file is left"
    answer = await world.ask("POST", f"/{books.code}/debtors/export")
    assert answer.json()["state"] == "done", "with room on the disk it goes"


async def test_a_folder_that_goes_away_in_the_middle_fails_the_export_and_leaves_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "share"
    folder.mkdir()
    books = await world.books(folder=str(folder))
    await books.taken_up(books.card(), books.card())
    lines = await books.lines()
    real = accounting_sync.file_export._to_disk

    def unmounted(out: Any) -> None:
        real(out)
        shutil.rmtree(folder)

    monkeypatch.setattr(accounting_sync.file_export, "_to_disk", unmounted)
    await nothing_happened(books, await books.export(), lines)
    monkeypatch.undo()
    assert (await books.export())["state"] == "done"


async def test_two_users_exporting_directly_at_once_send_every_line_once(world: World) -> None:
    books = await world.books("exact-direct")
    lines = await books.taken_up(*(books.card() for _ in range(5)))
    body = {"line_ids": [line["id"] for line in lines]}
    path = f"/{books.code}/debtors/export"
    answers = await asyncio.gather(*(world.ask("POST", path, json=body) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409]
    (entry,) = await books.exports()
    assert (await books.finished(entry))["synced"] == 5
    assert [account["writes"] for account in await world.exact.accounts()] == [1] * 5


async def test_EP_47_D_07_accounting_that_is_down_for_a_night_gets_all_lines_once_in_the_morning(
    world: World,
) -> None:
    books = await world.books("exact-direct")
    await books.taken_up(*(books.card() for _ in range(3)))
    await world.exact.behave(status=503, only_paths=["/api/v1"])
    export = await books.export()
    for hours in (0, 0.1, 0.6, 2.1, 4, 8):
        world.clock.advance(timedelta(hours=hours))
        await eventually(lambda: _at_rest(books))
    failed_calls = len(await world.exact.requests(path="/api/v1"))
    assert failed_calls <= 6 * 3, "nobody hammers on a closed door"
    lines = await books.lines()
    assert {line["message_origin"] for line in lines} == {"own"}
    assert all("503" in line["message"] for line in lines)
    await world.exact.behave()
    world.clock.advance(timedelta(days=1))
    done = await books.finished(export)
    assert (done["synced"], done["failed"]) == (3, 0)
    assert [account["writes"] for account in await world.exact.accounts()] == [1] * 3


async def _at_rest(books: Books) -> bool:
    """Whether no call of these books is under way or due at this moment."""
    statement = "select 1 from delivery where recipient = :code and (state = 'sending' or due_at <= :now) "
    statement += "and state in ('planned', 'sending', 'unknown')"
    return not await books.world.rows(statement, code=books.code, now=books.world.clock.now())


async def test_a_storm_of_429_costs_one_call_each_pause_and_no_line(world: World) -> None:
    books = await world.books("exact-direct")
    await books.taken_up(*(books.card() for _ in range(4)))
    await world.exact.behave(status=429, retry_after=30, only_paths=["/api/v1"])
    export = await books.export()
    for _ in range(4):
        await eventually(lambda: _at_rest(books))
        world.clock.advance(timedelta(seconds=31))
    await eventually(lambda: _at_rest(books))
    assert len(await world.exact.requests("POST", "/api/v1")) <= 5
    failures = await world.rows("select failures from line where administration = :code", code=books.code)
    assert {row.failures for row in failures} == {0}, "waiting for room is no failure"
    await world.exact.behave()
    world.clock.advance(timedelta(seconds=31))
    done = await books.finished(export)
    assert (done["synced"], done["failed"]) == (4, 0)
    assert [account["writes"] for account in await world.exact.accounts()] == [1] * 4


async def test_EP_47_many_lines_that_waited_for_their_cards_go_at_once_and_each_once(world: World) -> None:
    books = await world.books("exact-direct")
    cards = [books.card(number=None) for _ in range(4)]
    await books.taken_up(*cards)
    await books.export()
    await books.publish(*(changed(card, debtor_number=str(10_001 + n)) for n, card in enumerate(cards)))

    async def all_gone() -> bool:
        return not await books.lines()

    await eventually(all_gone)
    assert [account["writes"] for account in await world.exact.accounts()] == [1] * 4
    calls = await world.rows("select state from delivery where recipient = :code", code=books.code)
    assert [row.state for row in calls] == ["sent"] * 4


async def test_EP_25_a_card_that_changes_while_its_line_is_sent_comes_up_at_the_next_fetch(
    world: World,
) -> None:
    books = await world.books("exact-direct")
    card = books.card()
    await books.taken_up(card)
    await world.exact.behave(slow_seconds=0.5, only_methods=["POST"], only_paths=["/api/v1"])
    export = await books.export()

    async def on_its_way() -> bool:
        return bool(await world.exact.requests("POST", "/api/v1"))

    await eventually(on_its_way)
    await books.publish(changed(card, name="Changed meanwhile"))
    assert (await books.fetch())["updated"] == 0, "what is on its way stays as it is"
    await books.finished(export)
    assert [account["Name"] for account in await world.exact.accounts()] == [card.name]
    await books.fetch()
    (line,) = await books.lines()
    assert (line["action"], line["name"]) == ("Update", "Changed meanwhile")


async def test_D_18_a_card_that_is_merged_while_its_line_waits_is_not_sent(world: World) -> None:
    books = await world.books("exact-direct")
    card, target = books.card(), books.card()
    await world.exact.behave(status=503, times=1, only_methods=["POST"], only_paths=["/api/v1"])
    (line,) = await books.taken_up(card)
    await books.export(line)
    await eventually(lambda: _at_rest(books))
    await books.publish(changed(card, state="merged", merged_into=target.debtor_id))
    await books.fetch()

    async def told() -> bool:
        (now,) = await books.lines()
        return (now["merged_into"], now["state"]) == (target.debtor_id, "failed") and not now["retry_at"]

    await eventually(told)
    world.clock.advance(timedelta(days=1))
    await eventually(lambda: _at_rest(books))
    assert await world.exact.accounts() == []
    assert (await books.lines())[0]["preflight"] == [f"merged into {target.debtor_id}"]


async def test_D_18_a_card_that_is_merged_while_the_file_is_written_comes_up_as_merged_afterwards(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = await world.books()
    card, target = books.card(), books.card()
    await books.taken_up(card, target)
    real, reached, go_on = accounting_sync.file_export._to_disk, threading.Event(), threading.Event()

    def waits(out: Any) -> None:
        reached.set()
        go_on.wait(10)
        real(out)

    monkeypatch.setattr(accounting_sync.file_export, "_to_disk", waits)
    exporting = asyncio.create_task(books.export())
    await asyncio.to_thread(reached.wait, 10)
    await books.publish(changed(card, state="merged", merged_into=target.debtor_id))
    assert (await books.fetch())["updated"] == 0
    go_on.set()
    assert (await exporting)["state"] == "done"
    await books.fetch()
    (line,) = await books.lines()
    assert (line["debtor_id"], line["merged_into"]) == (card.debtor_id, target.debtor_id)
    answer = await world.ask("POST", f"/{books.code}/debtors/export")
    assert (answer.status_code, answer.json()["title"]) == (422, "Nothing to export")


async def test_an_export_that_is_broken_off_by_a_stop_of_the_service_is_finished_by_another(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = await world.books()
    await books.taken_up(books.card())
    real, stopped = accounting_sync.file_export._to_disk, []

    def once_cut_off(out: Any) -> None:
        if not stopped:
            stopped.append(1)
            raise asyncio.CancelledError
        real(out)

    monkeypatch.setattr(accounting_sync.file_export, "_to_disk", once_cut_off)
    with contextlib.suppress(AssertionError):
        await books.export()

    async def done() -> bool:
        return [entry["state"] for entry in await books.exports()] == ["done"]

    await eventually(done)
    assert len(list((world.folder / books.code).iterdir())) == 1


async def test_EP_21_a_card_that_comes_in_while_a_fetch_waits_for_it_is_on_the_list(world: World) -> None:
    books = await world.books()
    card = books.card(number=None)
    await books.publish(card)
    numbered = changed(card, debtor_number="10077")

    async def fetch_waits() -> bool:
        waiting = (
            "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        )
        return bool(await world.rows(waiting))

    async with world.database.transaction() as connection:
        await cards.take_in(connection, [snapshot_of(numbered)], world.clock.now())
        fetching = asyncio.create_task(books.fetch())
        await eventually(fetch_waits)
    await fetching
    await books.fetch()
    assert [line["number"] for line in await books.lines()] == ["10077"]
