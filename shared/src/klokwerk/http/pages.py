"""Keyset pages: a cursor holds the sort values of the last row, so a page costs the same however deep."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import orjson
from pydantic import BaseModel

from klokwerk.http.problems import FieldProblem, Problem

T = TypeVar("T")

MOST = 200
"""Most rows on a page."""


class Page(BaseModel, Generic[T]):
    """One page of a list.

    Attributes:
        items: the rows.
        next: send it as ``cursor`` for the following page; none on the last one.
    """

    items: list[T]
    next: str | None = None


def encode_cursor(values: Sequence[Any]) -> str:
    """A cursor out of the sort values of a page's last row."""
    return base64.urlsafe_b64encode(orjson.dumps(list(values), default=str)).decode().rstrip("=")


def decode_cursor(cursor: str | None, length: int) -> list[Any] | None:
    """The sort values in `cursor`; none for the first page.

    Raises:
        Problem: 400 when it was not made by this list.
    """
    if not cursor:
        return None
    try:
        values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        values = None
    if not isinstance(values, list) or len(values) != length:
        raise Problem(
            400,
            "The cursor is not valid",
            "Take it from `next` of the page before, for the same list and filters.",
            errors=[FieldProblem(field="cursor", message="not a cursor of this list", cure="leave it out")],
        )
    return values


def page_of(rows: Sequence[T], limit: int, key: Any) -> Page[T]:
    """A page out of up to ``limit + 1`` rows; `key` gives the sort values of a row."""
    more = len(rows) > limit
    items = list(rows[:limit])
    return Page(items=items, next=encode_cursor(key(items[-1])) if more and items else None)
