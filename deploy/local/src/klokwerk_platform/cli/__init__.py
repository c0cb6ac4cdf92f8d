"""The ``klokwerk`` command."""

from __future__ import annotations

import logging

import typer

from klokwerk_platform.cli import (
    clock_commands,
    contract_commands,
    dead_letter_commands,
    demo_command,
    ekt_commands,
    lag_command,
    platform_commands,
    replay_command,
    tail_command,
    topic_commands,
)

app = typer.Typer(
    name="klokwerk",
    help="Runs Klokwerk on this machine and looks after its topics, dead letters and replays.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
platform_commands.add_to(app)
topic_commands.add_to(app)
lag_command.add_to(app)
tail_command.add_to(app)
replay_command.add_to(app)
dead_letter_commands.add_to(app)
clock_commands.add_to(app)
contract_commands.add_to(app)
demo_command.add_to(app)
ekt_commands.add_to(app)


def main() -> None:
    """Entry point of the console script."""
    # Clients that wait for a broker tell so themselves; their retries are noise on a terminal.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    app()
