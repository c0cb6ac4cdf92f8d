"""``klokwerk lag``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from klokwerk_platform.cli.surroundings import DEFAULT_STATE, StateOption, kafka_address, out, run
from klokwerk_platform.lag import Lag, lag


def add_to(app: typer.Typer) -> None:
    app.command("lag")(show_lag)


def show_lag(
    group: Annotated[str, typer.Option(help="Only this consumer group.")] = "",
    every: Annotated[bool, typer.Option("--partitions", help="A line for each partition.")] = False,
    state: StateOption = DEFAULT_STATE,
) -> None:
    """Show how many records each consumer group still has to handle."""
    rows = run(lag(kafka_address(state), group))
    table = Table(box=None, header_style="bold")
    for column in ("Group", "Topic", *(("Partition", "Committed", "End") if every else ())):
        table.add_column(column)
    table.add_column("Behind", justify="right")
    if every:
        for row in rows:
            committed = "-" if row.committed is None else str(row.committed)
            table.add_row(
                row.group, row.topic, str(row.partition), committed, str(row.end), _shown(row.behind)
            )
    else:
        for (name, topic), behind in _by_topic(rows).items():
            table.add_row(name, topic, _shown(behind))
    out.print(table)


def _by_topic(rows: list[Lag]) -> dict[tuple[str, str], int]:
    sums: dict[tuple[str, str], int] = {}
    for row in rows:
        sums[(row.group, row.topic)] = sums.get((row.group, row.topic), 0) + row.behind
    return sums


def _shown(behind: int) -> str:
    return f"[yellow]{behind}[/]" if behind else "0"
