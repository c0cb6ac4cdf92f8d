"""``klokwerk ekt ...``: looks at EKT files; needs neither a running system nor a database."""

from __future__ import annotations

from typing import Annotated

import typer
from ekt_service.validate_command import Options, validate_files

ekt = typer.Typer(help="Looks at EKT files.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(ekt, name="ekt")


@ekt.command()
def validate(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="EKT files; - is standard input.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Tell every segment in words.")] = False,
) -> None:
    """Check EKT files as a receiver would.

    Exit code 0: every file would be taken. 1: not every one. 2: one could not be read.
    """
    raise typer.Exit(validate_files(files, Options(as_json, explain)))


@ekt.callback()
def _group() -> None:
    """Looks at EKT files."""
