"""A program of somebody else: a web shop that sells for us and tells Klokwerk through Kafka.

It knows the contracts package and a Kafka client, nothing of Klokwerk's services.

    python demo/outside_program.py demo/outside.json 127.0.0.1:9092 [topic prefix]
"""

import asyncio
import json
import sys
from pathlib import Path

from aiokafka import AIOKafkaProducer
from klokwerk_contracts import EVENTS, record_of


async def publish(wanted: dict, bootstrap: str, prefix: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        for topic, model in EVENTS.items():
            for body in wanted.get(topic, []):
                event = model.model_validate(body)
                happened = getattr(event, "completed_at", None) or getattr(event, "created_at", None)
                record = record_of(event, source=wanted["source"], time=happened)
                await producer.send_and_wait(
                    prefix + record.topic, record.value, key=record.key, headers=record.headers
                )
                print(f"published {record.topic} for {record.key.decode()}")
    finally:
        await producer.stop()


asyncio.run(
    publish(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "")
)
