"""Runs the benchmarks, prints a table and writes ``reports/bench.json``.

    python tests/benchmarks/run.py [--quick] [--only NAME ...]

Servers are those of ``KLOKWERK_ADMIN_DATABASE_URL`` and ``KLOKWERK_KAFKA`` where these are set; otherwise
PostgreSQL and Kafka are started for the run.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
from pathlib import Path

import uvloop
from ground import addresses, ground
from klokwerk import telemetry
from measure import Comparison, Pace, machine
from rich.console import Console
from rich.table import Table

BENCHMARKS = (
    "outbox_relay",
    "consume_store",
    "delivery_worker",
    "accounting_export",
    "accounting_intake",
    "accounting_fetch",
    "accounting_direct",
    "ekt_writing",
    "ekt_sending",
    "ekt_day",
    "sold_per_debtor",
    "card_search",
    "card_import",
)
FULL = Pace(rounds=7, seconds=30.0)
QUICK = Pace(rounds=2, seconds=3.0)
QUICK_SCALE = 0.1


async def measure_all(names: list[str], *, pace: Pace, scale: float, console: Console) -> list[Comparison]:
    """Run the benchmarks named, one after the other, each on a ground of its own."""
    found: list[Comparison] = []
    async with addresses() as (admin_url, bootstrap):
        for name in names:
            began = time.monotonic()
            module = importlib.import_module(name)
            async with ground(admin_url, bootstrap, pace=pace, scale=scale) as own:
                found += await module.run(own)
            console.print(f"[dim]{name}: {time.monotonic() - began:.1f} s[/dim]")
    return found


def table_of(comparisons: list[Comparison]) -> Table:
    """The findings, a row for each comparison."""
    table = Table(title="Ours against the other way, measured side by side")
    for heading in ("Benchmark", "Ours", "Other", "Ratio", "min-max", "by CPU", "Goal", ""):
        right = heading not in ("Benchmark", "Ours", "Other", "")
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for each in comparisons:
        data = each.as_json()
        goals = [f"{each.goal:.2f}"] if each.goal is not None else []
        goals += [f"{each.floor:,.0f}/s"] if each.floor is not None else []
        verdict = {True: "[green]reached[/green]", False: "[yellow]not reached[/yellow]", None: ""}
        table.add_row(
            each.name,
            _speed(data["ours"], each.unit),
            _speed(data["other"], each.unit),
            f"[bold]{data['ratio']['median']:.2f}[/bold]",
            f"{data['ratio']['min']:.2f}-{data['ratio']['max']:.2f}",
            f"{data['cpu_ratio']:.2f}",
            ", ".join(goals),
            verdict[each.reached],
        )
    return table


def _speed(side: dict[str, object], unit: str) -> str:
    return f"{side['name']}\n{side['per_second']:,} {unit}/s, {side['cpu_microseconds']} us CPU each"


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description="Compare Klokwerk with the bare way of doing the same.")
    parser.add_argument("--quick", action="store_true", help="fewer units and rounds")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS), metavar="NAME")
    parser.add_argument("--rounds", type=int, help="rounds that count")
    parser.add_argument(
        "--cold", action="store_true", help="no warm-up: to see whether it runs, not how fast"
    )
    parser.add_argument("--scale", type=float, help="part of the full number of units, e.g. 0.1")
    parser.add_argument("--json", type=Path, default=Path("reports/bench.json"), help="where the report goes")
    return parser.parse_args()


def main() -> None:
    """Measure, print, write."""
    options = arguments()
    console = Console()
    telemetry.configure_logging("benchmark", "ERROR")
    pace = QUICK if options.quick else FULL
    pace = Pace(options.rounds or pace.rounds, pace.seconds, warm_up=not options.cold)
    scale = options.scale or (QUICK_SCALE if options.quick else 1.0)
    before = machine()
    found = uvloop.run(measure_all(options.only, pace=pace, scale=scale, console=console))
    console.print(table_of(found))
    for each in found:
        if each.notes:
            told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in each.notes.items())
            console.print(f"{each.name}: {told}")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "machine": before,
        "rounds": pace.rounds,
        "scale": scale,
        "benchmarks": [each.as_json() for each in found],
    }
    options.json.write_text(json.dumps(report, indent=2) + "\n")
    console.print(f"Written to {options.json}")


if __name__ == "__main__":
    main()
