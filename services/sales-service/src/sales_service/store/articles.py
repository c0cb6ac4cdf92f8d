"""Articles: what can be sold, with the values that a new sale line takes over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from klokwerk_contracts.sale_completed import Characteristic
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.domain.articles import Article
from sales_service.domain.lines import VatClass
from sales_service.domain.search import fold, pattern

_COLUMNS = (
    "number, name, vbn_code, packing_code, packing_price, pieces_per_unit, vat_class, characteristics, "
    "country_of_origin, image_url, revision"
)
_INSERT = sa.text(
    f"insert into articles ({_COLUMNS}, search, changed_at) "  # noqa: S608
    f"select {_COLUMNS}, search, changed_at from jsonb_populate_recordset(null::articles, cast(:rows as jsonb)) "
    "order by number on conflict (number) do nothing returning number"
)
_UPDATE = sa.text(
    "update articles a set name = r.name, vbn_code = r.vbn_code, packing_code = r.packing_code, "
    "packing_price = r.packing_price, pieces_per_unit = r.pieces_per_unit, vat_class = r.vat_class, "
    "characteristics = r.characteristics, country_of_origin = r.country_of_origin, image_url = r.image_url, "
    "revision = r.revision, search = r.search, changed_at = r.changed_at "
    "from jsonb_populate_recordset(null::articles, cast(:rows as jsonb)) r where a.number = r.number"
)
_GET = sa.text(
    f"select {_COLUMNS} from articles where number = any(cast(:numbers as text[]))"  # noqa: S608
)
_GET_LOCKED = sa.text(
    f"select {_COLUMNS} from articles where number = any(cast(:numbers as text[])) "  # noqa: S608
    "order by number for update"
)
_LIST = sa.text(
    f"select {_COLUMNS} from articles where number > :after "  # noqa: S608
    "and (cast(:words as text) is null or search like :words) order by number limit :limit"
)


def _row(article: Article, now: datetime) -> dict[str, Any]:
    values = asdict(article)
    values["characteristics"] = [entry.model_dump() for entry in article.characteristics]
    return {**values, "search": fold(article.number, article.name, article.vbn_code), "changed_at": now}


def _article(row: Any) -> Article:
    values = dict(row)
    values["characteristics"] = tuple(Characteristic(**entry) for entry in row["characteristics"])
    values["vat_class"] = VatClass(row["vat_class"])
    return Article(**values)


async def insert(connection: AsyncConnection, articles: Sequence[Article], now: datetime) -> list[str]:
    """Add articles; returns the numbers that were free."""
    rows = orjson.dumps([_row(article, now) for article in articles], default=str).decode()
    return list((await connection.execute(_INSERT, {"rows": rows})).scalars())


async def update(connection: AsyncConnection, articles: Sequence[Article], now: datetime) -> None:
    """Overwrite the articles of those numbers."""
    rows = orjson.dumps([_row(article, now) for article in articles], default=str).decode()
    await connection.execute(_UPDATE, {"rows": rows})


async def get(connection: AsyncConnection, numbers: Sequence[str]) -> dict[str, Article]:
    """Those of `numbers` that exist."""
    return await _by_number(connection, _GET, numbers)


async def lock(connection: AsyncConnection, numbers: Sequence[str]) -> dict[str, Article]:
    """Those of `numbers` that exist, locked for a change."""
    return await _by_number(connection, _GET_LOCKED, numbers)


async def _by_number(
    connection: AsyncConnection, statement: sa.TextClause, numbers: Sequence[str]
) -> dict[str, Article]:
    rows = (await connection.execute(statement, {"numbers": sorted(set(numbers))})).mappings()
    return {row["number"]: _article(row) for row in rows}


async def page(connection: AsyncConnection, *, words: str, after: str, limit: int) -> list[Article]:
    """Articles by number, those whose number, name or VBN code holds `words`."""
    values = {"words": pattern(words) if words.strip() else None, "after": after, "limit": limit}
    return [_article(row) for row in (await connection.execute(_LIST, values)).mappings()]
