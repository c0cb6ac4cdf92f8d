"""What this service knows of a debtor: whether the card is here, the last order day, the turnover."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import orjson
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from klokwerk.access import Person, SignedIn, allow, audit
from klokwerk.http.problems import not_found
from klokwerk_contracts.types import Identifier, plain
from pydantic import BaseModel

from sales_service.api.context import Context, Sales, cents
from sales_service.store import debtors, invoices, privacy, sales

router = APIRouter(tags=["debtors"])


class KnownDebtor(BaseModel):
    """A debtor as this service knows it; `debtor_id` is the target when the card was merged."""

    debtor_id: str
    revision: int
    name: str
    debtor_number: str
    use_ekts: bool
    last_order_day: date | None


class ArticleTurnoverView(BaseModel):
    """Turnover of one article."""

    article_number: str
    name: str
    quantity: str
    net: str


class TurnoverView(BaseModel):
    """Issued invoices minus credit notes, without VAT (FA-35, FA-36)."""

    net: str
    currency: str = "EUR"
    documents: int
    articles: list[ArticleTurnoverView]


@router.get("/debtors/{debtor_id}")
async def known_debtor(debtor_id: Identifier, sales_: Sales, _: SignedIn) -> KnownDebtor:
    """Whether a card has reached this service, so that something can be sold to it."""
    async with sales_.database.connect() as connection:
        target = (await debtors.resolve(connection, [debtor_id])).get(debtor_id, debtor_id)
        card = await debtors.card(connection, target)
        if card is None:
            raise not_found("debtor", debtor_id)
        return KnownDebtor(
            debtor_id=target,
            revision=card.revision,
            name=card.name,
            debtor_number=card.debtor_number,
            use_ekts=card.ekt.use_ekts,
            last_order_day=await sales.last_day(connection, target),
        )


@router.get("/debtors/{debtor_id}/turnover")
async def turnover(debtor_id: Identifier, sales_: Sales, _: SignedIn) -> TurnoverView:
    """Turnover of a customer, in all and by article."""
    async with sales_.database.connect() as connection:
        target = (await debtors.resolve(connection, [debtor_id])).get(debtor_id, debtor_id)
        found = await invoices.turnover(connection, target)
    return TurnoverView(
        net=cents(found.net),
        documents=found.documents,
        articles=[
            ArticleTurnoverView(
                article_number=row.article_number,
                name=row.name,
                quantity=plain(row.quantity),
                net=cents(row.net),
            )
            for row in found.articles
        ],
    )


@router.get("/debtors/{debtor_id}/personal-data", response_class=StreamingResponse)
async def personal_data(
    debtor_id: Identifier, sales_: Sales, person: Person = allow("ops", "finance")
) -> StreamingResponse:
    """Everything that this service holds about a debtor and the cards merged into it, as one JSON document."""
    async with sales_.database.transaction() as connection:
        target = (await debtors.resolve(connection, [debtor_id])).get(debtor_id, debtor_id)
        if await debtors.card(connection, target) is None:
            raise not_found("debtor", debtor_id)
        ids = [target, *await debtors.merged_into(connection, target)]
        await audit(connection, person, sales_.clock.now(), "personal data exported", "debtor", target)
    return StreamingResponse(
        _document(sales_, target, ids),
        media_type="application/json",
        headers={
            "Content-Disposition": f'attachment; filename="personal-data-sales-service-{target}.json"',
            "Cache-Control": "no-store",
        },
    )


async def _document(sales_: Context, debtor_id: str, ids: list[str]) -> AsyncIterator[bytes]:
    head = {"service": "sales-service", "debtor_id": debtor_id, "made_at": sales_.clock.now()}
    yield orjson.dumps(head)[:-1]
    async with sales_.database.connect() as connection:
        for section in privacy.SECTIONS:
            yield b"," + orjson.dumps(section) + b":["
            first = True
            async for item in privacy.held(connection, section, ids):
                yield item if first else b"," + item
                first = False
            yield b"]"
    yield b"}"
