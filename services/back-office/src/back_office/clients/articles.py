"""The sales service: articles, and files of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Any

from back_office.clients.jobs import Job
from back_office.clients.sale_shapes import Characteristic
from back_office.clients.shapes import Page, Shape, Words, at
from back_office.clients.transport import Answer, Caller, Download


class Article(Shape):
    """One article."""

    number: str
    name: Words = ""
    vbn_code: Words = ""
    packing_code: Words = ""
    packing_price: Decimal | None = None
    pieces_per_unit: int | None = None
    vat_class: Words = "reduced"
    characteristics: tuple[Characteristic, ...] = ()
    country_of_origin: Words = ""
    image_url: Words = ""
    revision: int = 1


class ArticleColumn(Shape):
    """One column that a file of articles may have."""

    name: str
    heading: Words = ""


class ArticleClient:
    """Reads, adds and changes articles; imports and exports them."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def find(self, **filters: str | None) -> Page[Article]:
        """Articles by number."""
        return (await self._caller.get(at("articles"), Page[Article], filters)).value

    async def one(self, number: str) -> Answer[Article]:
        """One article with its revision."""
        return await self._caller.get(at("articles", number), Article)

    async def add(self, values: Mapping[str, Any], once: str) -> Article:
        """Add an article."""
        return (await self._caller.send("POST", at("articles"), Article, dict(values), once=once)).value

    async def change(self, number: str, values: Mapping[str, Any], revision: str) -> Article:
        """Change an article on the revision it was read at."""
        path = at("articles", number)
        return (await self._caller.send("PUT", path, Article, dict(values), revision=revision)).value

    def export(self, suffix: str, **filters: str | None) -> AbstractAsyncContextManager[Download]:
        """The articles of a search as ``csv`` or ``xlsx``."""
        return self._caller.download(at(f"articles.{suffix}"), filters)

    async def import_columns(self, language: str) -> tuple[ArticleColumn, ...]:
        """The columns that a file may have."""
        path = at("article-imports", "columns")
        return (await self._caller.get(path, Page[ArticleColumn], {"language": language})).value.items

    async def hand_in(self, content: bytes, once: str, **options: Any) -> Job:
        """Have a file of articles tried."""
        return await self._caller.hand_in(at("article-imports"), Job, content, params=options, once=once)

    async def try_anew(self, job_id: str, columns: Sequence[str], existing: str) -> Job:
        """Try it once more with its columns named."""
        path = at("article-imports", job_id, "try")
        body = {"columns": list(columns), "existing": existing}
        return (await self._caller.send("POST", path, Job, body)).value

    async def run(self, job_id: str, mode: str) -> Job:
        """Store the rows of a file that was tried."""
        path = at("article-imports", job_id, "run")
        return (await self._caller.send("POST", path, Job, {"mode": mode})).value
