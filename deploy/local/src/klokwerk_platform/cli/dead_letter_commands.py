"""``klokwerk dlq list | show | redrive | discard``."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from klokwerk.kafka import KafkaAddress
from rich.markup import escape
from rich.table import Table

from klokwerk_platform.cli.surroundings import (
    DEFAULT_STATE,
    StateOption,
    fail,
    kafka_address,
    operator,
    out,
    run,
)
from klokwerk_platform.dead_letters import DeadLetter, dead_letters, discard, find, redrive

Numbers = Annotated[
    list[str], typer.Argument(help="Letters as `dlq list` names them: sale.completed/ekt-service/0/17.")
]


def add_to(app: typer.Typer) -> None:
    letters = typer.Typer(help="What a service could not take.", no_args_is_help=True)
    letters.command("list")(list_letters)
    letters.command("show")(show_letter)
    letters.command("redrive")(redrive_letters)
    letters.command("discard")(discard_letters)
    app.add_typer(letters, name="dlq")


def list_letters(
    topic: Annotated[str, typer.Option(help="Only of this topic.")] = "",
    group: Annotated[str, typer.Option(help="Only of this group.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Also those that were decided on.")] = False,
    state: StateOption = DEFAULT_STATE,
) -> None:
    """List the open dead letters with their reason."""
    found = run(dead_letters(kafka_address(state), topic, group, decided_too=every))
    if not found:
        out.print("There are no dead letters." if every else "There are no open dead letters.")
        return
    table = Table(box=None, header_style="bold")
    for column in ("Letter", "Since", "Key", "Reason", *(("Decision",) if every else ())):
        table.add_column(column, overflow="fold")
    for letter in found:
        key = (letter.key or b"").decode("utf-8", errors="backslashreplace")
        row = [letter.number, letter.header("dlq_first_seen")[:19], key, _reason(letter)]
        if every:
            row.append(f"{letter.decision.act} by {letter.decision.who}" if letter.decision else "open")
        table.add_row(*(escape(cell) for cell in row))
    out.print(table)


def show_letter(
    number: Annotated[str, typer.Argument(help="The letter as `dlq list` names it.")],
    state: StateOption = DEFAULT_STATE,
) -> None:
    """Show one dead letter: why, where it came from, its headers and its body."""
    letter = run(find(kafka_address(state), number))
    out.print(f"[bold]{escape(letter.number)}[/]  {escape(_reason(letter))}", highlight=False)
    if letter.decision:
        decided = letter.decision
        out.print(
            f"{decided.act} at {decided.at:%Y-%m-%d %H:%M:%S} UTC by {decided.who}: {decided.reason or '-'}",
            markup=False,
            highlight=False,
        )
    for name, value in letter.headers:
        shown = "(no value)" if value is None else value.decode("utf-8", errors="backslashreplace")
        out.print(f"  {name}: {shown}", markup=False, highlight=False, soft_wrap=True)
    body = (letter.value or b"").decode("utf-8", errors="backslashreplace")
    try:
        out.print_json(json.dumps(json.loads(body)))
    except ValueError:
        out.print(body or "(no body)", markup=False, highlight=False, soft_wrap=True)


def redrive_letters(
    numbers: Annotated[list[str] | None, typer.Argument(help="Letters as `dlq list` names them.")] = None,
    topic: Annotated[str, typer.Option(help="With --group: all open letters of this topic.")] = "",
    group: Annotated[str, typer.Option(help="With --topic: the group whose letters.")] = "",
    reason: Annotated[str, typer.Option(help="What was mended, for the audit.")] = "",
    state: StateOption = DEFAULT_STATE,
) -> None:
    """Give dead letters to their group again, as they came. They come back as new letters if they fail."""
    address = kafka_address(state)
    chosen = run(_chosen(address, numbers or [], topic, group))
    run(redrive(address, chosen, operator(), reason))
    out.print(f"Gave {len(chosen)} to their groups again.")


def discard_letters(
    numbers: Numbers,
    reason: Annotated[str, typer.Option(help="Why it need not be handled, for the audit.")],
    state: StateOption = DEFAULT_STATE,
) -> None:
    """Lay dead letters aside for good. They stay readable with `dlq list --all`."""
    address = kafka_address(state)
    chosen = run(_chosen(address, numbers, "", ""))
    run(discard(address, chosen, operator(), reason))
    out.print(f"Laid {len(chosen)} aside.")


async def _chosen(address: KafkaAddress, numbers: list[str], topic: str, group: str) -> list[DeadLetter]:
    if bool(numbers) == bool(topic and group):
        raise fail("Name the letters, or all open ones of a group with --topic and --group.", code=2)
    if numbers:
        return [await find(address, number) for number in numbers]
    return await dead_letters(address, topic, group)


def _reason(letter: DeadLetter) -> str:
    return ": ".join(part for part in (letter.header("dlq_reason"), letter.header("dlq_detail")) if part)
