"""Shapes that the answers of all services share."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict

T = TypeVar("T")


class Shape(BaseModel):
    """Base of what is read from a service: what it adds later is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def _text(value: Any) -> Any:
    return "" if value is None else value


Words = Annotated[str, BeforeValidator(_text)]
"""A text that may be absent."""


class Page(Shape, Generic[T]):
    """One page of a list; `next` is the cursor of the page after it."""

    items: tuple[T, ...] = ()
    next: str | None = None
