"""Sale lines as they come in over HTTP, and how they become lines of a distribution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from typing import Annotated, Any

from klokwerk.http import FieldProblem
from klokwerk.http.problems import findings
from klokwerk_contracts.sale_completed import Bought, Characteristic
from klokwerk_contracts.types import Country, Currency, DecimalString, Identifier, Text
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
    WrapValidator,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from sales_service.domain.articles import Article
from sales_service.domain.characteristics import same, with_values
from sales_service.domain.lines import CURRENCY, Line, VatClass
from sales_service.entry.body import Body

MOST_LINES = 10_000
"""Lines in one request."""
MOST_AMOUNT = Decimal(1_000_000_000)

Code = Annotated[str, StringConstraints(max_length=35)]
VbnCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{0,7}$")]
PackingCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{0,4}$")]
CharacteristicCode = Annotated[str, StringConstraints(pattern=r"^[SLK][0-9]{2}$")]
CharacteristicValue = Annotated[str, StringConstraints(max_length=10)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Price = Annotated[DecimalString, Field(ge=0, le=1_000_000)]


class Amount(Body):
    """A price with its currency."""

    amount: Price
    currency: Currency = CURRENCY


def _amount(value: Any) -> Any:
    return {"amount": value} if isinstance(value, str | int | Decimal) else value


AnyAmount = Annotated[Amount, BeforeValidator(_amount)]
"""``{"amount": "0.56", "currency": "EUR"}`` or shortly ``"0.56"``."""


class ArticleBody(Body):
    """An article that is given on the line itself."""

    vbn_code: VbnCode = ""
    name: Text = ""
    number: Code = ""
    characteristics: Annotated[tuple[Characteristic, ...], Field(max_length=30)] = ()
    country_of_origin: Country | None = None
    image_url: Annotated[str, StringConstraints(max_length=500)] = ""


class PackingBody(Body):
    """Packing code and the price or deposit of one unit."""

    code: PackingCode = ""
    price: AnyAmount | None = None


class GrowerBody(Body):
    """Who grew it."""

    number: Code = ""
    name: Text = ""


def _packing(value: Any) -> Any:
    return {"code": value} if isinstance(value, str) else value


def _grower(value: Any) -> Any:
    return {"number": value} if isinstance(value, str) else value


class LineBody(Body):
    """One sale line. What is left out stays as it is, or comes from the article; it may be unknown yet.

    Attributes:
        debtor_id: who buys it, when the request names no debtor for all lines.
        line_id: to correct a line, or one of your own for a new line; given by us otherwise.
        article_number: an article of ours that fills in name, VBN code, packing and pieces.
        article: the article itself, where there is no number or to overrule it.
        characteristics: value by VBN type, e.g. ``{"S20": "070"}``; types not named stay, an empty value goes.
        units: packing units sold.
        allocated: packing units of those that are allocated.
    """

    debtor_id: Identifier | None = None
    line_id: Identifier | None = None
    article_number: Code | None = None
    article: ArticleBody | None = None
    characteristics: Annotated[dict[CharacteristicCode, CharacteristicValue], Field(max_length=30)] | None = (
        None
    )
    packing: Annotated[PackingBody, BeforeValidator(_packing)] | None = None
    pieces_per_unit: Count | None = None
    units: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    allocated: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    price: AnyAmount | None = None
    customer_price: AnyAmount | None = None
    grower: Annotated[GrowerBody, BeforeValidator(_grower)] | None = None
    bought: Bought | None = None
    clock_number: Annotated[int, Field(ge=1, le=98)] | None = None
    supply_letter: Code | None = None
    supply_letter_line: Code | None = None
    sequence: Code | None = None
    logistic_number: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,5}$")] | None = None
    barcode: Code | None = None
    plate: Code | None = None
    order_reference: Code | None = None
    load_carriers: Annotated[int, Field(ge=0, le=9999)] | None = None
    transaction_at: AwareDatetime | None = None
    vat_class: VatClass | None = None

    @model_validator(mode="after")
    def _one_currency(self) -> LineBody:
        given = [self.price, self.customer_price, self.packing.price if self.packing else None]
        if len({entry.currency for entry in given if entry is not None}) > 1:
            raise ValueError("the prices of one line are in one currency")
        return self


class BadLine(BaseModel):
    """A line that could not be read, with why; its neighbours may still be taken."""

    problems: list[FieldProblem]


def _or_why(value: Any, _: Any) -> LineBody | BadLine:
    try:
        return LineBody.model_validate(value)
    except ValidationError as error:
        return BadLine(problems=findings(error.errors()[:20]))


LineOrWhy = Annotated[LineBody | SkipJsonSchema[BadLine], WrapValidator(_or_why)]
"""A line that is read on its own, so that one bad line does not decide about all."""

_PLAIN = (
    "pieces_per_unit",
    "units",
    "allocated",
    "bought",
    "clock_number",
    "supply_letter",
    "supply_letter_line",
    "sequence",
    "logistic_number",
    "barcode",
    "plate",
    "order_reference",
    "load_carriers",
    "vat_class",
)
_MAY_BE_EMPTIED = {"pieces_per_unit", "clock_number", "load_carriers"}


def of_article(article: Article) -> dict[str, Any]:
    """What a line takes over from an article of ours."""
    return {
        "article_number": article.number,
        "name": article.name,
        "vbn_code": article.vbn_code,
        "characteristics": article.characteristics,
        "country_of_origin": article.country_of_origin,
        "image_url": article.image_url,
        "packing_code": article.packing_code,
        "packing_price": article.packing_price,
        "pieces_per_unit": article.pieces_per_unit,
        "vat_class": article.vat_class,
    }


def merged(line: Line, body: LineBody, articles: Mapping[str, Article]) -> Line:
    """`line` with everything that `body` names; a line that was allocated in full stays so.

    Raises:
        ValueError: the amount of the line is beyond reason.
    """
    values = _from_article(body, articles) | _from_line(line, body)
    if "units" in values and "allocated" not in values and line.units and line.allocated == line.units:
        values["allocated"] = values["units"]
    if body.characteristics is not None:
        known = values.get("characteristics", line.characteristics)
        values["characteristics"] = with_values(known, body.characteristics)
    if same(values.get("characteristics", ()), line.characteristics):
        values["characteristics"] = line.characteristics  # another order is no change
    changed = replace(line, **values)
    if changed.amount > MOST_AMOUNT:
        raise ValueError("units x pieces x price is over a thousand million: check them")
    return changed


def _from_article(body: LineBody, articles: Mapping[str, Article]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if body.article_number is not None and body.article_number in articles:
        values |= of_article(articles[body.article_number])
    if body.article is not None:
        for name in body.article.model_fields_set:
            values["article_number" if name == "number" else name] = getattr(body.article, name)
    return values


def _from_line(line: Line, body: LineBody) -> dict[str, Any]:
    sent = body.model_fields_set
    values = {
        name: getattr(body, name)
        for name in _PLAIN
        if name in sent and (getattr(body, name) is not None or name in _MAY_BE_EMPTIED)
    }
    if body.packing is not None:
        if "code" in body.packing.model_fields_set:
            values["packing_code"] = body.packing.code
        if "price" in body.packing.model_fields_set:
            values["packing_price"] = body.packing.price.amount if body.packing.price else None
    if "price" in sent:
        values["price"] = body.price.amount if body.price else None
        values["currency"] = body.price.currency if body.price else line.currency
    if "customer_price" in sent:
        values["customer_price"] = body.customer_price.amount if body.customer_price else None
    if body.grower is not None:
        values |= {"grower_number": body.grower.number, "grower_name": body.grower.name}
    if body.transaction_at is not None:
        values["transaction_at"] = body.transaction_at.astimezone(UTC)
    return values
