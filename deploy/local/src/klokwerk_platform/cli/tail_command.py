"""``klokwerk tail``."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from klokwerk.kafka import KafkaAddress
from rich.markup import escape

from klokwerk_platform.cli.surroundings import DEFAULT_STATE, StateOption, kafka_address, out, run
from klokwerk_platform.reading import Bounds, Record, bounds_of, reader, records_within


def add_to(app: typer.Typer) -> None:
    app.command()(tail)


def tail(
    topic: Annotated[str, typer.Argument(help="A topic, dead-letter or replay topic.")],
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="How many last records.")] = 10,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", "-f", help="Go on with new ones.")] = False,
    key: Annotated[str, typer.Option(help="Only records with this key.")] = "",
    raw: Annotated[bool, typer.Option("--raw", help="The body as it is, headers too.")] = False,
    state: StateOption = DEFAULT_STATE,
) -> None:
    """Show the last records of a topic."""
    address = kafka_address(state)
    run(_tail(address, address.topic(topic), lines, follow, key, raw))


async def _tail(address: KafkaAddress, topic: str, lines: int, follow: bool, key: str, raw: bool) -> None:
    async with reader(address) as consumer:
        bounds = await bounds_of(consumer, [topic])
        if not bounds:
            raise LookupError(
                f"The topic {topic} is not on the cluster. `klokwerk topics list` shows which are."
            )
        # Without a key the newest n of all partitions are among the last n of each.
        last = [Bounds(each.topic, each.partition, each.start, each.end) for each in bounds]
        if not key:
            last = [
                Bounds(each.topic, each.partition, max(each.start, each.end - lines), each.end)
                for each in bounds
            ]
        found = [each async for each in records_within(consumer, last) if _wanted(each, key)]
        for each in sorted(found, key=lambda each: each.timestamp)[-lines or len(found) :]:
            _show(each, raw)
        if not follow:
            return
        consumer.assign([each.topic_partition for each in bounds])
        for each in bounds:
            consumer.seek(each.topic_partition, each.end)
        async for each in consumer:
            if _wanted(each, key):
                _show(each, raw)


def _wanted(each: Record, key: str) -> bool:
    return not key or each.key == key.encode()


def _show(each: Record, raw: bool) -> None:
    place = f"{each.partition}/{each.offset}"
    headers = {
        name: (value or b"").decode("utf-8", errors="backslashreplace") for name, value in each.headers
    }
    when = headers.get("ce_time", "")
    key = (each.key or b"").decode("utf-8", errors="backslashreplace")
    out.print(f"[bold]{place}[/] {escape(when)} [cyan]{escape(key)}[/] {escape(headers.get('ce_id', ''))}")
    body = (each.value or b"").decode("utf-8", errors="backslashreplace")
    if raw:
        for name, value in headers.items():
            out.print(f"  {name}: {value}", markup=False, highlight=False, soft_wrap=True)
        out.print(body, markup=False, highlight=False, soft_wrap=True)
        return
    try:
        out.print_json(json.dumps(json.loads(body)), indent=None)
    except ValueError:
        out.print(body, markup=False, highlight=False, soft_wrap=True)
