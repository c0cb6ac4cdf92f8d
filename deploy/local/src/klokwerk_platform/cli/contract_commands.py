"""``klokwerk contracts ...``: the commands of ``contracts_check``, where that module is installed."""

from __future__ import annotations

import importlib
import importlib.util

import typer


def add_to(app: typer.Typer) -> None:
    """Mount the contract commands: ``contracts_check.app``, or one that says what is missing."""
    name = "klokwerk_platform.contracts_check"
    if importlib.util.find_spec(name) is not None:
        app.add_typer(importlib.import_module(name).app, name="contracts")
