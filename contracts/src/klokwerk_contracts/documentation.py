"""Carries the ``Attributes:`` section of a model's docstring into its JSON Schema, field by field.

So a reader in another language finds what a field means where the field is, and it is written only once.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

_SECTION = "Attributes:"
_ENTRY = re.compile(r"^ {4}(\w+): (.*)$")


def split_docstring(text: str | None) -> tuple[str, dict[str, str]]:
    """The docstring without its ``Attributes:`` section, and what that section says of each field."""
    before, _, after = inspect.cleandoc(text or "").partition(_SECTION)
    fields: dict[str, str] = {}
    name = ""
    for line in after.splitlines():
        entry = _ENTRY.match(line)
        if entry:
            name = entry[1]
            fields[name] = entry[2].strip()
        elif name and line.strip():
            fields[name] += " " + line.strip()
    return before.strip(), fields


def describe(schema: dict[str, Any], model: type) -> None:
    """Put what the docstrings of `model` and its bases say of a field beside the field, in place."""
    text, _ = split_docstring(model.__doc__)
    schema["description"] = text
    for base in reversed(model.__mro__):
        for name, meaning in split_docstring(base.__dict__.get("__doc__"))[1].items():
            if name in schema.get("properties", {}):
                schema["properties"][name]["description"] = meaning
