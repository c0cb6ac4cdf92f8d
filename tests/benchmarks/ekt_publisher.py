"""Publishes the sales of a day from a process of its own, as the sales service would.

    python tests/benchmarks/ekt_publisher.py BOOTSTRAP PREFIX

Reads orders on standard input, ``prepare DAY COUNT`` and then ``go RATE`` (sales a second, 0: at once), and answers
each with a line: ``ready``, or ``done`` after a line ``MOMENT KEY`` for every sale.
"""

from __future__ import annotations

import asyncio
import sys
import time

from ekt_ground import sales_of
from klokwerk.kafka import KafkaAddress
from klokwerk_contracts import Record


async def main(bootstrap: str, prefix: str) -> None:
    kafka = KafkaAddress(bootstrap, prefix)
    producer = kafka.producer()
    await producer.start()
    records: list[Record] = []
    loop = asyncio.get_running_loop()
    try:
        while order := await loop.run_in_executor(None, sys.stdin.readline):
            what, *numbers = order.split()
            if what == "prepare":
                records = sales_of(int(numbers[1]), int(numbers[0]))
                print("ready", flush=True)
                continue
            rate, began = float(numbers[0]), time.perf_counter()
            told = []
            futures = []
            for number, record in enumerate(records):
                if rate:
                    await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
                told.append(f"{time.time():.6f} {record.key.decode()}")
                topic = kafka.topic(record.topic)
                futures.append(
                    await producer.send(topic, record.value, key=record.key, headers=record.headers)
                )
            await asyncio.gather(*futures)
            print("\n".join((*told, "done")), flush=True)
    finally:
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
