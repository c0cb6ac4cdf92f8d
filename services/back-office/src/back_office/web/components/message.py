"""The message: a confirmation, a warning, or an error with a reference and whom to call."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Weight(StrEnum):
    """How much a message asks for."""

    DONE = "done"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Link:
    """A page to go to."""

    label: str
    href: str


@dataclass(frozen=True, slots=True)
class Item:
    """One thing in the list of a message, with where it is mended."""

    text: str
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message to the user.

    Attributes:
        title: what happened, in one line.
        text: what it means and what to do.
        items: things that are missing or wrong.
        reference: to quote to support (EF-61).
        support: show whom to call.
    """

    weight: Weight
    title: str
    text: str = ""
    items: tuple[Item, ...] = ()
    reference: str = ""
    support: bool = False

    def kept(self) -> dict[str, Any]:
        """As JSON, to be shown on the next page."""
        return asdict(self)

    @classmethod
    def from_kept(cls, kept: dict[str, Any]) -> Message:
        """The message again from `kept`."""
        items = tuple(
            Item(item["text"], Link(**item["link"]) if item.get("link") else None)
            for item in kept.get("items", ())
        )
        return cls(
            Weight(kept["weight"]),
            kept["title"],
            kept.get("text", ""),
            items,
            kept.get("reference", ""),
            bool(kept.get("support")),
        )


def done(title: str, text: str = "") -> Message:
    """A confirmation."""
    return Message(Weight.DONE, title, text)


def warning(title: str, text: str = "") -> Message:
    """A warning."""
    return Message(Weight.WARNING, title, text)
