"""Addresses of pages with their query: filters live in the URL."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode


def with_query(path: str, query: Mapping[str, str], **changes: str | None) -> str:
    """`path` with `query`, some parameters changed or (None, empty) taken out."""
    merged: dict[str, str | None] = {**query, **changes}
    pairs = [(name, value) for name, value in merged.items() if value]
    return f"{path}?{urlencode(pairs)}" if pairs else path


def segment(text: str) -> str:
    """`text` as one part of a path."""
    return quote(text, safe="")


def local(target: str) -> str:
    """`target` if it is a page of this site, else the home page: never lead a visitor elsewhere."""
    safe = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if safe and "\\" not in target else "/"
