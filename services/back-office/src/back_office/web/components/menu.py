"""A menu: a button that opens a list of links."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MenuItem:
    """One link of a menu.

    Attributes:
        download: it answers with a file.
        apart: stands apart from what is above it.
        follows: id of the list whose filter the address follows, when that is renewed by a search.
    """

    label: str
    href: str
    download: bool = False
    apart: bool = False
    follows: str = ""
