"""Reading of an event only what one reader uses of it."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import GetCoreSchemaHandler

from klokwerk_contracts.types import Event

E = TypeVar("E", bound=Event)


def narrowed(event: type[E], *fields: str) -> type[E]:
    """`event` for a reader that uses only some of its fields.

    The others are neither looked at nor kept: they cost nothing, and whatever stands in them, such as a value that
    a later version added, is no reason to refuse the event. To use one of them is an `AttributeError`.

    Args:
        fields: those that are used, among them what the event's `key` is made of.

    Raises:
        ValueError: the event has no such field, or compares its fields with each other.
    """
    known = event.model_fields
    if unknown := set(fields) - known.keys():
        raise ValueError(f"{event.TOPIC} has no field {', '.join(sorted(unknown))}")
    if event.__pydantic_decorators__.model_validators:
        raise ValueError(f"{event.TOPIC} compares its fields with each other, so all of them have to be read")

    class Narrowed(event):  # type: ignore[misc, valid-type]
        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> Any:
            schema: Any = handler(source)
            inner = schema["schema"]
            inner["fields"] = {name: inner["fields"][name] for name in known if name in fields}
            return schema

    Narrowed.__name__ = Narrowed.__qualname__ = event.__name__
    return Narrowed
