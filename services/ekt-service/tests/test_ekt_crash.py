"""A process that dies at each step of a sending: nothing lost, nothing twice, or a person is asked."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from customer_world import Customer
from ekt_process import own_process
from ekt_service.channels.email import EmailChannel
from ekt_service.channels.http import HttpChannel
from ekt_service.channels.transfer import TransferChannel
from ekt_service.workers import Doors, channels_of
from ekt_world import DAY, MailSink, World, a_debtor, a_sale, address_of, own_kafka, start_world
from klokwerk.deliveries import Delivery, DeliveryWorker
from klokwerk.testing import eventually, fresh_database
from klokwerk_contracts import DebtorChanged, SaleCompleted

SOON = [timedelta(seconds=0.1)] * 8


@pytest.fixture(scope="module")
async def desk(platform_servers, sink: MailSink, tmp_path_factory) -> AsyncIterator[World]:
    """The service without the worker that sends: each test brings its own."""
    async with (
        own_kafka(platform_servers.kafka) as kafka,
        fresh_database(platform_servers.admin_database_url, "ekt_service") as url,
        start_world(url, kafka, sink, tmp_path_factory.mktemp("desk"), roles="api,consumers") as world,
    ):
        await world.activate()
        yield world


@dataclass
class Death:
    """Ends the sending at one step, once, as if the process had been killed: nothing is recorded after it."""

    at: str
    passed: list[str] = field(default_factory=list)

    def reaches(self, step: str) -> None:
        self.passed.append(step)
        if step == self.at and self.passed.count(step) == 1:
            raise asyncio.CancelledError

    def around(self, thing: Any, name: str) -> Any:
        """`thing` with a step before and after its method `name`."""
        death, done = self, getattr(thing, name)

        class Watched:
            def __getattr__(self, other: str) -> Any:
                return getattr(thing, other)

        async def method(*args: Any, **kwargs: Any) -> Any:
            death.reaches(f"before {name}")
            answer = await done(*args, **kwargs)
            death.reaches(f"after {name}")
            return answer

        watched = Watched()
        setattr(watched, name, method)
        return watched


class Deaths(Death):
    """Ends each of several sendings at a step of its own."""

    def __init__(self, steps: list[str]) -> None:
        super().__init__("never")
        self.left, self.of = list(steps), dict[UUID, Death]()
        self.sending: ContextVar[Death | None] = ContextVar("sending", default=None)

    def reaches(self, step: str) -> None:
        death = self.sending.get()
        if death is not None:  # else it is only a question about what became of a sending
            death.reaches(step)

    def around(self, thing: Any, name: str) -> Any:
        watched = super().around(thing, name)
        if name != "send":
            return watched
        watched_send = watched.send

        async def send(delivery: Delivery) -> Any:
            if delivery.id not in self.of:
                self.of[delivery.id] = Death(self.left.pop(0))
            self.sending.set(self.of[delivery.id])
            return await watched_send(delivery)

        watched.send = send
        return watched


@dataclass
class DyingDoor:
    """A door whose folder's steps may end the process."""

    door: Any
    death: Death

    @asynccontextmanager
    async def opened(self, route: Any) -> AsyncIterator[Any]:
        async with self.door.opened(route) as shelf:
            yield self.death.around(self.death.around(shelf, "write"), "rename")


def channels_that_die(world: World, death: Death) -> dict[str, Any]:
    settings = world.app.state.ekt_settings
    doors = Doors.of(settings)
    shared = channels_of(
        settings, world.database, world.app.state.sending.clock, None, doors, world.app.state.box
    )
    sftp, http = shared["sftp"], shared["http"]
    assert isinstance(sftp, TransferChannel)
    assert isinstance(http, HttpChannel)
    dying_sftp = replace(
        sftp, door=DyingDoor(sftp.door, death), handovers=death.around(sftp.handovers, "note")
    )
    dying_http = replace(
        http, door=death.around(http.door, "call"), handovers=death.around(http.handovers, "note")
    )
    return {"sftp": death.around(dying_sftp, "send"), "http": death.around(dying_http, "send")}


@asynccontextmanager
async def sending(
    world: World, channels: dict[str, Any], workers: int = 1, lease: float = 0.5
) -> AsyncIterator[None]:
    """Workers that send, ask soon, and take a sending for broken off soon unless `lease` is longer."""
    stop = asyncio.Event()
    tasks = [
        asyncio.create_task(
            DeliveryWorker(
                database=world.app.state.database,
                clock=world.app.state.sending.clock,
                channels=channels,
                on_change=world.app.state.sending.on_delivery,
                retries=SOON,
                questions=SOON,
                lease=timedelta(seconds=lease),
                poll_seconds=0.05,
            ).run(stop)
        )
        for _ in range(workers)
    ]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def all_deaths(world: World, debtor: DebtorChanged, steps: list[str]) -> dict[str, tuple[dict, Death]]:
    """One order day of a debtor for each step, all sent at once, each of which dies there: its EKT afterwards."""
    days = [DAY - timedelta(days=place) for place in range(len(steps))]
    deaths = Deaths(steps)
    await world.publish(*(a_sale(debtor.debtor_id, order_day=day) for day in days))
    async with sending(world, channels_that_die(world, deaths)):
        ekts = [(await world.ekts(debtor.debtor_id, 1, day=day))[0] for day in days]
    assert all(death.at in death.passed for death in deaths.of.values())
    by_step = {deaths.of[UUID(ekt["id"])].at: (ekt, deaths.of[UUID(ekt["id"])]) for ekt in ekts}
    assert sorted(by_step) == sorted(steps)
    return by_step


async def test_death_at_any_step_of_sftp_leaves_one_file(desk: World, customer: Customer) -> None:
    debtor = await customer.debtor(desk, "sftp")
    steps = [f"{when} {what}" for what in ("send", "write", "note", "rename") for when in ("before", "after")]
    found = await all_deaths(desk, debtor, steps)
    files = {ekt["file_name"]: await desk.file(ekt) for ekt, _ in found.values()}
    assert len(files) == len(steps)
    assert customer.arrived(debtor, "sftp") == files
    assert list(customer.inbox(debtor, "sftp").glob("*.part")) == []
    for ekt, death in found.values():
        attempts = (await desk.get(f"/v1/ekts/{ekt['id']}"))["attempts"]
        assert attempts[0]["outcome"] is None
        assert death.passed.count("after rename") == 1


async def test_death_at_any_step_of_http_leaves_one_file(desk: World, customer: Customer) -> None:
    debtor = await customer.debtor(desk, "http")
    steps = [f"{when} {what}" for what in ("send", "note", "call") for when in ("before", "after")]
    found = await all_deaths(desk, debtor, steps)
    posted = await customer.posted()
    for ekt, _ in found.values():
        assert [item["sha256"] for item in posted if item["key"] == ekt["id"]] == [ekt["sha256"]]


async def test_death_of_a_posting_without_status_address_asks_a_person(
    desk: World, customer: Customer
) -> None:
    debtor = await customer.debtor(desk, "http", status_url="")
    await desk.publish(a_sale(debtor.debtor_id))
    async with sending(desk, channels_that_die(desk, Death("after call"))):

        async def asks() -> bool:
            ekt = await desk.only(debtor.debtor_id)
            return ekt["state"] == "unknown" and "settle it here" in ekt["message"]

        await eventually(asks)
    ekt = await desk.only(debtor.debtor_id)
    assert len([item for item in await customer.posted() if item["key"] == ekt["id"]]) == 1


async def test_two_replicas_share_transfers_and_send_each_once(desk: World, customer: Customer) -> None:
    debtors = {way: await customer.debtor(desk, way) for way in ("sftp", "http")}
    days = [DAY - timedelta(days=place) for place in range(6)]
    await desk.publish(
        *(a_sale(debtor.debtor_id, order_day=day) for day in days for debtor in debtors.values())
    )
    await desk.consumed(SaleCompleted)
    death = Death("never")
    async with sending(desk, channels_that_die(desk, death), workers=2, lease=30):
        logs = {
            way: [(await desk.ekts(debtor.debtor_id, 1, day=day))[0] for day in days]
            for way, debtor in debtors.items()
        }
    assert death.passed.count("before send") == len(days) * len(debtors)
    assert sorted(customer.arrived(debtors["sftp"], "sftp")) == sorted(
        ekt["file_name"] for ekt in logs["sftp"]
    )
    posted = [item["key"] for item in await customer.posted()]
    assert [posted.count(ekt["id"]) for ekt in logs["http"]] == [1] * len(days)


@pytest.mark.timeout(120)
async def test_a_service_killed_in_the_middle_of_a_mail_and_of_a_file_has_sent_each_once_after_its_restart(
    desk: World, customer: Customer
) -> None:
    by_file, by_mail = await customer.debtor(desk, "sftp"), a_debtor()
    await customer.behave(slow_seconds=2)
    await desk.sink.behave(hang_seconds=60)
    async with own_process(desk.database.url, desk.kafka, desk.sink, desk.folder, roles="workers") as process:
        await desk.publish(by_mail, a_sale(by_mail.debtor_id), a_sale(by_file.debtor_id))

        async def half_way() -> bool:
            # The file is being renamed, the mail waits for its answer.
            renamed = (
                "select count(*) from handover h join ekt e on e.id = h.delivery_id where e.debtor_id = :id"
            )
            mailed = "select d.state from delivery d join ekt e on e.id = d.id where e.debtor_id = :id"
            return await desk.rows(renamed, id=by_file.debtor_id) == [[1]] and (
                await desk.rows(mailed, id=by_mail.debtor_id) == [["sending"]]
            )

        await eventually(half_way, within=60)
        process.send_signal(signal.SIGKILL)
        await process.wait()
    assert await desk.sink.to(address_of(by_mail)) == []
    await customer.behave()
    await desk.sink.behave()
    mailer = desk.app.state.ekt_settings.mailer()
    channels = channels_that_die(desk, Death("never")) | {"email": EmailChannel(mailer)}
    async with sending(desk, channels):
        (file,) = await desk.ekts(by_file.debtor_id, 1)
        (mail,) = await desk.ekts(by_mail.debtor_id, 1)
    await mailer.close()
    assert customer.arrived(by_file, "sftp") == {file["file_name"]: await desk.file(file)}
    attempts = (await desk.get(f"/v1/ekts/{mail['id']}"))["attempts"]
    assert (attempts[0]["purpose"], attempts[0]["outcome"]) == ("send", None)
    assert attempts[-1]["outcome"] == "sent"
    assert len(await desk.sink.to(address_of(by_mail))) == 1
