"""Shapes that the answers of all services share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationInfo

T = TypeVar("T")


class Shape(BaseModel):
    """Base of what is read from a service: what it adds later is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def _text(value: Any) -> Any:
    return "" if value is None else value


Words = Annotated[str, BeforeValidator(_text)]
"""A text that may be absent."""

Say = Callable[[str], str]
"""Puts a sentence of a service into the reader's language."""
SAY = "say"
"""Where an answer that is read finds it."""


def _said(value: str, info: ValidationInfo) -> str:
    say: Say | None = (info.context or {}).get(SAY)
    return say(value) if say else value


Said = Annotated[str, BeforeValidator(_text), AfterValidator(_said)]
"""A sentence of the service's own, in the reader's language from here on; never what a person typed."""


def at(*parts: str) -> str:
    """A path of a service's API; ids that others made are quoted, so that they stay one part of it."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


class Pin(Shape):
    """How many rows a set has, and a digest that tells which; what a person confirms of rows they did not see."""

    count: int = 0
    digest: str = ""

    def __str__(self) -> str:
        """As a form carries it; `pin_in` reads it."""
        return f"{self.count}:{self.digest}"


_PIN = re.compile(r"([0-9]{1,9}):([0-9a-f]{32})")


def pin_in(text: object) -> Pin | None:
    """The pin that a form sent; none where it sent none."""
    found = _PIN.fullmatch(text) if isinstance(text, str) else None
    return Pin(count=int(found[1]), digest=found[2]) if found else None


class Page(Shape, Generic[T]):
    """One page of a list; `next` is the cursor of the page after it."""

    items: tuple[T, ...] = ()
    next: str | None = None
