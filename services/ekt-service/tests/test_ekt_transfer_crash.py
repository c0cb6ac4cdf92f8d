"""A process that dies at each step of a sending: nothing lost, nothing twice, or a person is asked."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from customer_world import Customer
from ekt_service.workers import Doors, channels_of
from ekt_world import MailSink, World, a_sale, own_kafka, start_world
from klokwerk.deliveries import DeliveryWorker
from klokwerk.testing import eventually, fresh_database
from klokwerk_contracts import SaleCompleted
from test_ekt_crash import own_process

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
    sftp = type(sftp)(
        DyingDoor(sftp.door, death),
        sftp.kind,
        sftp.where,
        sftp.errand_of,
        death.around(sftp.handovers, "note"),
    )
    http = type(http)(death.around(http.door, "call"), http.errand_of, death.around(http.handovers, "note"))
    return {"sftp": death.around(sftp, "send"), "http": death.around(http, "send")}


@asynccontextmanager
async def sending(world: World, channels: dict[str, Any], workers: int = 1) -> AsyncIterator[None]:
    """Workers that send, ask soon, and take a sending for broken off soon."""
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
                lease=timedelta(seconds=0.5),
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


@pytest.mark.parametrize(
    "step",
    [
        "before send",
        "before write",
        "after write",
        "before note",
        "after note",
        "before rename",
        "after rename",
        "after send",
    ],
)
async def test_death_at_any_step_of_sftp_leaves_one_file(desk: World, customer: Customer, step: str) -> None:
    debtor = await customer.debtor(desk, "sftp")
    death = Death(step)
    await desk.publish(a_sale(debtor.debtor_id))
    async with sending(desk, channels_that_die(desk, death)):
        (ekt,) = await desk.ekts(debtor.debtor_id, 1)
    assert customer.arrived(debtor, "sftp") == {ekt["file_name"]: await desk.file(ekt)}
    assert list(customer.inbox(debtor, "sftp").glob("*.part")) == []
    assert step in death.passed
    attempts = (await desk.get(f"/v1/ekts/{ekt['id']}"))["attempts"]
    assert attempts[0]["outcome"] is None
    assert death.passed.count("after rename") == 1


@pytest.mark.parametrize(
    "step", ["before send", "before note", "after note", "before call", "after call", "after send"]
)
async def test_death_at_any_step_of_http_leaves_one_file(desk: World, customer: Customer, step: str) -> None:
    debtor = await customer.debtor(desk, "http")
    death = Death(step)
    await desk.publish(a_sale(debtor.debtor_id))
    async with sending(desk, channels_that_die(desk, death)):
        (ekt,) = await desk.ekts(debtor.debtor_id, 1)
    taken = [item for item in await customer.posted() if item["key"] == ekt["id"]]
    assert [item["sha256"] for item in taken] == [ekt["sha256"]]
    assert step in death.passed


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
    debtors = [await customer.debtor(desk, way) for way in ("sftp", "http", "sftp", "http", "sftp", "http")]
    for debtor in debtors:
        await desk.publish(a_sale(debtor.debtor_id))
    await desk.consumed(SaleCompleted)
    death = Death("never")
    async with sending(desk, channels_that_die(desk, death), workers=2):
        logs = [(await desk.ekts(debtor.debtor_id, 1))[0] for debtor in debtors]
    assert death.passed.count("before send") == len(debtors)
    posted = [item["key"] for item in await customer.posted()]
    for debtor, ekt in zip(debtors, logs, strict=True):
        if ekt["method"] == "sftp":
            assert list(customer.arrived(debtor, "sftp")) == [ekt["file_name"]]
        else:
            assert posted.count(ekt["id"]) == 1


@pytest.mark.timeout(120)
async def test_a_service_killed_while_a_file_gets_its_name_has_sent_it_once_after_its_restart(
    desk: World, customer: Customer
) -> None:
    debtor = await customer.debtor(desk, "sftp")
    await customer.behave(slow_seconds=2)
    async with own_process(desk.database.url, desk.kafka, desk.sink, desk.folder, roles="workers") as process:
        await desk.publish(a_sale(debtor.debtor_id))

        async def renaming() -> bool:
            noted = await desk.rows(
                "select count(*) from handover h join ekt e on e.id = h.delivery_id where e.debtor_id = :id",
                id=debtor.debtor_id,
            )
            return noted == [[1]]

        await eventually(renaming, within=60)
        process.send_signal(signal.SIGKILL)
        await process.wait()
    await customer.behave()
    async with sending(desk, channels_that_die(desk, Death("never"))):
        (ekt,) = await desk.ekts(debtor.debtor_id, 1)
    assert customer.arrived(debtor, "sftp") == {ekt["file_name"]: await desk.file(ekt)}
