"""Articles: list, add, change."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from klokwerk.access import Person, SignedIn, allow, audit
from klokwerk.http import Expected, FieldProblem, Once, Page, Problem, check_revision, decode_cursor, etag
from klokwerk.http.pages import page_of
from klokwerk.http.problems import not_found
from klokwerk_contracts.sale_completed import Characteristic
from pydantic import BaseModel

from sales_service.api.context import Limit, Sales, Words, cursor_text, number
from sales_service.domain.articles import Article
from sales_service.domain.characteristics import TYPES
from sales_service.domain.lines import VatClass
from sales_service.entry.article_bodies import ArticleValues, Number
from sales_service.store import articles

router = APIRouter(tags=["articles"])


class NewArticle(ArticleValues):
    """A new article with its number."""

    number: Number


class ArticleView(BaseModel):
    """One article."""

    number: str
    name: str
    vbn_code: str
    packing_code: str
    packing_price: str | None
    pieces_per_unit: int | None
    vat_class: VatClass
    characteristics: tuple[Characteristic, ...]
    country_of_origin: str | None
    image_url: str
    revision: int

    @classmethod
    def of(cls, article: Article) -> ArticleView:
        """The same for people."""
        values = {name: getattr(article, name) for name in cls.model_fields}
        return cls(**{**values, "packing_price": number(article.packing_price)})


class CharacteristicTypeView(BaseModel):
    """A VBN characteristic that has a name: its code, what people call it, what its value counts."""

    code: str
    name: str
    label: str
    unit: str
    example: str


class CharacteristicTypes(BaseModel):
    """All of them; others are kept by their code."""

    items: list[CharacteristicTypeView]


@router.get("/characteristics")
async def characteristics(_: SignedIn) -> CharacteristicTypes:
    """The characteristics that have a name; every other code of the sector is taken as well."""
    return CharacteristicTypes(
        items=[
            CharacteristicTypeView(
                code=one.code, name=one.name, label=one.label, unit=one.unit, example=one.example
            )
            for one in TYPES
        ]
    )


@router.get("/articles")
async def list_articles(
    sales_: Sales, _: SignedIn, q: Words = "", limit: Limit = 50, cursor: str | None = None
) -> Page[ArticleView]:
    """Articles by number; `q` searches number, name and VBN code."""
    after = decode_cursor(cursor, 1)
    async with sales_.database.connect() as connection:
        rows = await articles.page(
            connection, words=q, after=cursor_text(after[0]) if after else "", limit=limit + 1
        )
    page = page_of(rows, limit, lambda row: [row.number])
    return Page(items=[ArticleView.of(row) for row in page.items], next=page.next)


@router.post("/articles", status_code=201, response_model=ArticleView)
async def add_article(body: NewArticle, sales_: Sales, once: Once, person: Person = allow("sales")) -> Any:
    """Add an article."""
    async with sales_.database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        article = body.article(body.number, 1)
        if not await articles.insert(connection, [article], sales_.clock.now()):
            raise Problem(
                409,
                "The article number is taken",
                f"There is an article {body.number} already.",
                errors=[FieldProblem(field="number", message="it is taken", cure="choose another one")],
            )
        await audit(
            connection,
            person,
            sales_.clock.now(),
            "added",
            "article",
            body.number,
            new=body.model_dump(mode="json"),
        )
        return await once.keep(connection, ArticleView.of(article), 201, {"ETag": etag(1)})


@router.get("/articles/{article_number}")
async def get_article(article_number: Number, sales_: Sales, _: SignedIn, response: Response) -> ArticleView:
    """One article."""
    async with sales_.database.connect() as connection:
        found = (await articles.get(connection, [article_number])).get(article_number)
    if found is None:
        raise not_found("article", article_number)
    response.headers["ETag"] = etag(found.revision)
    return ArticleView.of(found)


@router.put("/articles/{article_number}")
async def change_article(
    article_number: Number,
    body: ArticleValues,
    sales_: Sales,
    expected: Expected,
    response: Response,
    person: Person = allow("sales"),
) -> ArticleView:
    """Change an article; sales and invoices that exist keep what they have."""
    async with sales_.database.transaction() as connection:
        known = (await articles.lock(connection, [article_number])).get(article_number)
        if known is None:
            raise not_found("article", article_number)
        check_revision(expected, known.revision)
        article = body.article(article_number, known.revision + 1)
        await articles.update(connection, [article], sales_.clock.now())
        await audit(
            connection,
            person,
            sales_.clock.now(),
            "changed",
            "article",
            article_number,
            old=ArticleView.of(known).model_dump(mode="json"),
            new=body.model_dump(mode="json"),
        )
    response.headers["ETag"] = etag(article.revision)
    return ArticleView.of(article)
