"""The service as a process of its own, killed in the middle of a sending."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from ekt_world import (
    MODULE,
    SECRET,
    MailSink,
    World,
    a_debtor,
    a_sale,
    address_of,
    own_kafka,
    start_world,
)
from klokwerk.kafka import KafkaAddress
from klokwerk.testing import eventually, fresh_database


@asynccontextmanager
async def own_process(
    url: str, kafka: KafkaAddress, sink: MailSink, folder: Path, roles: str = "consumers,workers"
) -> AsyncIterator[asyncio.subprocess.Process]:
    """``python -m ekt_service serve`` without an API; it is gone afterwards."""
    env = os.environ | {
        "KLOKWERK_DATABASE_URL": url,
        "KLOKWERK_KAFKA": kafka.bootstrap,
        "KLOKWERK_TOPIC_PREFIX": kafka.prefix,
        "KLOKWERK_SMTP": sink.smtp,
        "KLOKWERK_MAIL_TRACE_URL": sink.url,
        "KLOKWERK_EKT_FOLDER": str(folder),
        "KLOKWERK_SECRET_KEY": SECRET,
        "KLOKWERK_EKT_INTERNAL_TARGETS": "true",
        "KLOKWERK_ROLES": roles,
        "KLOKWERK_PORT": "0",
        "KLOKWERK_DELIVERY_LEASE_SECONDS": "1",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ekt_service", "serve", env=env, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.timeout(120)
async def test_a_service_killed_while_it_sends_has_sent_once_after_its_restart(
    platform_servers, sink: MailSink, tmp_path: Path
) -> None:
    debtor = a_debtor()
    async with (
        own_kafka(platform_servers.kafka) as kafka,
        fresh_database(platform_servers.admin_database_url, "ekt_service") as url,
    ):
        async with start_world(url, kafka, sink, tmp_path, roles="api") as office:
            assert (await office.configure(**MODULE)).status_code == 200
            await sink.behave(hang_seconds=60)
            async with own_process(url, kafka, sink, tmp_path) as process:
                await office.publish(debtor, a_sale(debtor.debtor_id))
                await eventually(lambda: _is_sending(office), within=60)
                process.send_signal(signal.SIGKILL)
                await process.wait()
            assert await sink.to(address_of(debtor)) == []
            await sink.behave()
        # Without consumers: their group would wait for the dead member first, which has nothing to do with this.
        restarted = {"roles": "api,workers", "delivery_lease_seconds": 1}
        async with start_world(url, kafka, sink, tmp_path, **restarted) as world:
            (ekt,) = await world.ekts(debtor.debtor_id, 1)
            detail = await world.get(f"/v1/ekts/{ekt['id']}")
            assert detail["attempts"][0]["purpose"] == "send"
            assert detail["attempts"][0]["outcome"] is None
            assert detail["attempts"][-1]["outcome"] == "sent"
            assert len(await sink.to(address_of(debtor))) == 1


async def _is_sending(world: World) -> bool:
    return bool(await world.scalar("select count(*) from delivery where state = 'sending'"))
