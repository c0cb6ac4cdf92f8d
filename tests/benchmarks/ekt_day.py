"""A day of 2,000 customers and 40,000 lines completed at once: until the last mail is accepted, with one and two
processes of the service.

The processes are those of production, each with its consumers, its share of the partitions and its own sendings; the
publisher and the sink are processes too. CPU is that of the service's processes.
"""

from __future__ import annotations

import time
from contextlib import AsyncExitStack

from ekt_ground import EktGround, Publisher, ServiceProcess, ekt_ground, members, publisher, service_process
from ground import Ground
from measure import Comparison, Sample

DEBTORS = 2_000


async def run(ground: Ground) -> list[Comparison]:
    """One process first, then a second beside it."""
    count = ground.count(DEBTORS)
    found: list[Sample] = []
    async with AsyncExitStack() as stack:
        ekts = await stack.enter_async_context(ekt_ground(ground.admin_url, ground.kafka))
        publish = await stack.enter_async_context(publisher(ground.kafka))
        services: list[ServiceProcess] = []
        for day in (1, 2):
            services.append(await stack.enter_async_context(service_process(ekts)))
            await members(ekts, len(services))
            if day == 1:
                await ekts.add_debtors(count)
            found.append(await _day(ekts, publish, services, count, day))
    one, two = found
    return [
        Comparison(
            "EKT day, all at once",
            "EKTs",
            "two ekt-service processes",
            "one process",
            None,
            ((two, one),),
            notes={
                "customers": count,
                "lines": count * 20,
                "seconds_with_one": round(one.seconds, 1),
                "seconds_with_two": round(two.seconds, 1),
            },
        )
    ]


async def _day(
    ekts: EktGround, publish: Publisher, services: list[ServiceProcess], count: int, day: int
) -> Sample:
    await publish.prepare(day, count)
    wanted = ekts.sink.count + count
    used = sum(service.cpu for service in services)
    began = time.perf_counter()
    await publish.go()
    await ekts.sink.reach(wanted)
    seconds = time.perf_counter() - began
    return Sample(count, seconds, sum(service.cpu for service in services) - used)
