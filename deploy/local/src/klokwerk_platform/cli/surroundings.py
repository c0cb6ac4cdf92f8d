"""What the commands share: where the platform is, how a failure is told, how asynchronous work is run."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from aiokafka.errors import KafkaError
from klokwerk.kafka import KafkaAddress
from rich.console import Console

from klokwerk_platform.state import StateFolder

T = TypeVar("T")

_PIPED_WIDTH = 240
# A file or another program gets whole lines, not what fits a narrow terminal.
out = Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH)
errors = Console(stderr=True, width=None if sys.stderr.isatty() else _PIPED_WIDTH)

StateOption = Annotated[
    Path,
    typer.Option(
        "--state", envvar="KLOKWERK_STATE", help="Folder with the platform's data, logs and addresses."
    ),
]
DEFAULT_STATE = Path(".state")


def fail(message: object, code: int = 1) -> typer.Exit:
    """Print what is wrong and give the exception that ends the command."""
    errors.print(f"[bold red]Error:[/] {_plain(message)}", highlight=False)
    return typer.Exit(code)


def _plain(message: object) -> str:
    return str(message).replace("[", r"\[")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run asynchronous work; trouble with Kafka ends the command with one line, not with a trace."""
    try:
        return asyncio.run(work)
    except (KafkaError, LookupError, ValueError) as problem:
        raise fail(f"{problem or type(problem).__name__}") from problem
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def platform_env(state: Path) -> dict[str, str]:
    """The environment, completed with the addresses of the platform that runs on ``state``."""
    directory = StateFolder(state).directory()
    return (directory.env if directory else {}) | dict(os.environ)


def kafka_address(state: Path) -> KafkaAddress:
    """Kafka as ``KLOKWERK_KAFKA`` says, else that of the platform on ``state``; ends the command without."""
    env = platform_env(state)
    if not env.get("KLOKWERK_KAFKA"):
        raise fail(
            f"Nothing runs on {state} and KLOKWERK_KAFKA is not set. Start with `klokwerk up`, "
            "or set KLOKWERK_KAFKA to the brokers (host:port, separated by commas)."
        )
    return KafkaAddress(
        env["KLOKWERK_KAFKA"],
        env.get("KLOKWERK_TOPIC_PREFIX", ""),
        env.get("KLOKWERK_KAFKA_SECURITY", "PLAINTEXT"),
        env.get("KLOKWERK_KAFKA_USER", ""),
        env.get("KLOKWERK_KAFKA_PASSWORD", ""),
    )


def operator() -> str:
    """Who gives the command, for the audit: ``KLOKWERK_OPERATOR`` or the user of the machine."""
    return os.environ.get("KLOKWERK_OPERATOR") or os.environ.get("USER") or f"uid {os.getuid()}"
