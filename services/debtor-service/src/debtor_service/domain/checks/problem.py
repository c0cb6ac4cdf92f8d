"""One thing that is wrong with one field."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What a person needs to mend a field.

    Attributes:
        field: path of the field, e.g. ``emails.0.address``.
        message: what is wrong, with the value that was given.
        cure: what to do.
    """

    field: str
    message: str
    cure: str
