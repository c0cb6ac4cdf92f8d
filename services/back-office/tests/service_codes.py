"""Every code that the services and the contracts know, read from their source: members of enums, and literals.

A page shows a state, a kind or a reason by words of its own; the code comes from one of these. They are read with
``ast``, as the sentences are, so that nothing has to be imported or kept in step by hand.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from sentences import ROOT, SERVICES

FOLDERS = ("contracts/src", "shared/src", *(f"services/{service}/src" for service in SERVICES))


@cache
def codes() -> dict[str, frozenset[str]]:
    """Codes by where they are defined: ``module.Enum``, ``module.Model.field``, ``module.Alias`` or ``module.KIND``."""
    found: dict[str, frozenset[str]] = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                parts = path.relative_to(ROOT / folder).with_suffix("").parts
                module = ".".join(part for part in parts if part != "__init__")
                found |= {f"{module}.{name}": values for name, values in _of_module(path)}
    return found


def _of_module(path: Path) -> Iterator[tuple[str, frozenset[str]]]:
    for node in ast.parse(path.read_bytes()).body:
        match node:
            case ast.ClassDef(name=name, bases=bases) if any("Enum" in ast.unparse(base) for base in bases):
                yield name, frozenset(_members(node))
            case ast.ClassDef(name=name, body=body):
                for each in body:
                    if isinstance(each, ast.AnnAssign) and (values := _literal(each.annotation)):
                        yield f"{name}.{ast.unparse(each.target)}", values
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                if values := _literal(value):
                    yield name, values
                elif (
                    name in ("KIND", "JOB")
                    and isinstance(value, ast.Constant)
                    and isinstance(value.value, str)
                ):
                    yield name, frozenset({value.value})


def _members(enum: ast.ClassDef) -> Iterator[str]:
    for each in enum.body:
        match each:
            case ast.Assign(value=ast.Constant(value=str(value))):
                yield value
            case ast.Assign():
                raise AssertionError(
                    f"{enum.name}: {ast.unparse(each)} is no plain member, it can't be read here"
                )


def _literal(annotation: ast.AST) -> frozenset[str]:
    """The texts of a ``Literal[...]``, also where it is one of several types."""
    return frozenset(
        text.value
        for node in ast.walk(annotation)
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal"
        for text in ast.walk(node.slice)
        if isinstance(text, ast.Constant) and isinstance(text.value, str)
    )
