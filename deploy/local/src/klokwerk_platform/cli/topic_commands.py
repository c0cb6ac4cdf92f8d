"""``klokwerk topics apply`` and ``klokwerk topics list``."""

from __future__ import annotations

import typer
from klokwerk.kafka import KafkaAddress
from rich.table import Table

from klokwerk_platform.cli.surroundings import DEFAULT_STATE, StateOption, kafka_address, out, run
from klokwerk_platform.reading import Bounds, topic_bounds
from klokwerk_platform.topics import Topic, apply_topics, contracts, wanted_topics


def add_to(app: typer.Typer) -> None:
    topics = typer.Typer(help="Topics as the contracts want them.", no_args_is_help=True)
    topics.command("apply")(apply)
    topics.command("list")(list_topics)
    app.add_typer(topics, name="topics")


def apply(state: StateOption = DEFAULT_STATE) -> None:
    """Make missing topics, add partitions, set retention and compaction right. Removes nothing."""
    done = run(apply_topics(kafka_address(state)))
    for what, names in (("Made", done.created), ("Grown", done.grown), ("Set right", done.altered)):
        for name in names:
            out.print(f"{what}: {name}", highlight=False)
    if not done:
        out.print("All topics are as the contracts want them.")


def list_topics(state: StateOption = DEFAULT_STATE) -> None:
    """Show each topic with its partitions, how long it keeps records and how many it holds."""
    address = kafka_address(state)
    wanted = wanted_topics(contracts(), address.prefix)
    bounds = run(_bounds(address, wanted))
    table = Table(box=None, header_style="bold")
    for column in ("Topic", "Partitions", "Keeps", "Records"):
        table.add_column(column, justify="left" if column in ("Topic", "Keeps") else "right")
    for topic in wanted:
        found = bounds.get(topic.name)
        records = str(sum(each.end - each.start for each in found)) if found else "[red]missing[/]"
        table.add_row(topic.name, str(len(found or ())), _keeps(topic.settings), records)
    out.print(table)


async def _bounds(address: KafkaAddress, wanted: list[Topic]) -> dict[str, list[Bounds]]:
    return await topic_bounds(address, [topic.name for topic in wanted])


def _keeps(settings: dict[str, str]) -> str:
    if settings["cleanup.policy"] == "compact":
        return "the newest of each key"
    milliseconds = int(settings["retention.ms"])
    return "for ever" if milliseconds < 0 else f"{milliseconds // 86_400_000} days"
