"""Shapes that the answers of all services share."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, BeforeValidator, ConfigDict

T = TypeVar("T")


class Shape(BaseModel):
    """Base of what is read from a service: what it adds later is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def _text(value: Any) -> Any:
    return "" if value is None else value


Words = Annotated[str, BeforeValidator(_text)]
"""A text that may be absent."""


def at(*parts: str) -> str:
    """A path of a service's API; ids that others made are quoted, so that they stay one part of it."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


class Page(Shape, Generic[T]):
    """One page of a list; `next` is the cursor of the page after it."""

    items: tuple[T, ...] = ()
    next: str | None = None
