"""``klokwerk replay``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from klokwerk.kafka import KafkaAddress
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from klokwerk_platform.cli.surroundings import (
    DEFAULT_STATE,
    StateOption,
    errors,
    fail,
    kafka_address,
    operator,
    out,
    run,
)
from klokwerk_platform.replay import Replayed, Selection, count, replay


def add_to(app: typer.Typer) -> None:
    app.command("replay")(replay_events)


def replay_events(
    topic: Annotated[str, typer.Argument(help="The topic, such as sale.completed.")],
    group: Annotated[str, typer.Argument(help="The group that gets the events again, such as ekt-service.")],
    partition: Annotated[int | None, typer.Option(min=0, help="Only this partition.")] = None,
    from_offset: Annotated[int | None, typer.Option(min=0, help="First offset (with --partition).")] = None,
    to_offset: Annotated[
        int | None, typer.Option(min=0, help="Offset after the last (with --partition).")
    ] = None,
    from_time: Annotated[str, typer.Option(help="First moment, with zone: 2026-11-02T09:00:00+01:00.")] = "",
    to_time: Annotated[str, typer.Option(help="Moment after the last.")] = "",
    key: Annotated[str | None, typer.Option(help="Only this key, such as a debtor's id.")] = None,
    per_second: Annotated[float, typer.Option(min=0, help="Most events a second; 0: no limit.")] = 0,
    execute: Annotated[bool, typer.Option("--execute", help="Do it; without this it only counts.")] = False,
    reason: Annotated[str, typer.Option(help="Why, for the audit; needed with --execute.")] = "",
    state: StateOption = DEFAULT_STATE,
) -> None:
    """Give one consumer group events of a topic again. Counts only, unless --execute is given."""
    try:
        selection = Selection(partition, from_offset, to_offset, _moment(from_time), _moment(to_time), key)
    except ValueError as problem:
        raise fail(problem, code=2) from None
    if execute and not reason.strip():
        raise fail("Say why with --reason; it goes into the audit.", code=2)
    done = run(_replay(kafka_address(state), topic, group, selection, execute, per_second, reason))
    if execute:
        out.print(
            f"Published {done.sent} of {done.read} events to {done.target} (replay {done.id}).",
            highlight=False,
        )
    else:
        out.print(
            f"Would publish {done.matched} of {done.read} events to {done.target}. "
            "Nothing was sent; add --execute --reason '...' to do it.",
            highlight=False,
        )


async def _replay(
    address: KafkaAddress,
    topic: str,
    group: str,
    selection: Selection,
    execute: bool,
    per_second: float,
    reason: str,
) -> Replayed:
    total = await count(address, topic, selection)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task("Replaying" if execute else "Counting", total=total)
        return await replay(
            address,
            topic,
            group,
            selection,
            dry_run=not execute,
            per_second=per_second,
            who=operator(),
            reason=reason,
            advance=lambda read, _matched: bar.update(task, completed=read),
        )


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no moment; write it like 2026-11-02T09:00:00+01:00.") from None
