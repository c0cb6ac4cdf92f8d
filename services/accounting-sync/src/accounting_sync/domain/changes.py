"""What changed of a relation since accounting was last told, value by value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Change:
    """One value: `field` is its path, such as ``addresses.invoice.city``; None where there is no value."""

    field: str
    before: str | None
    after: str | None


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """The values that differ between two documents of `to_json`, in order of their paths."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    return tuple(
        Change(path, old.get(path), new.get(path))
        for path in sorted({*old, *new})
        if old.get(path) != new.get(path)
    )


def _leaves(document: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name, value in document.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{path}{name}.")
        elif isinstance(value, list | tuple):
            yield from _entries(value, f"{path}{name}")
        elif value is not None and value != "":
            yield f"{path}{name}", "yes" if value is True else str(value)


def _entries(entries: list[Any] | tuple[Any, ...], path: str) -> Iterator[tuple[str, str]]:
    """Addresses are told apart by their type, whatever else by its place."""
    for place, entry in enumerate(entries, start=1):
        if isinstance(entry, Mapping):
            rest = {name: value for name, value in entry.items() if name != "type"}
            yield from _leaves(rest, f"{path}.{entry.get('type', place)}.")
        else:
            yield f"{path}.{place}", str(entry)
