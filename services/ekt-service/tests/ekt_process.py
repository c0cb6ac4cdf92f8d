"""The service as a process of its own, which can be killed."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ekt_world import SECRET, MailSink
from klokwerk.kafka import KafkaAddress


@asynccontextmanager
async def own_process(
    url: str, kafka: KafkaAddress, sink: MailSink, folder: Path, roles: str
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
