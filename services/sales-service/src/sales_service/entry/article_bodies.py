"""An article as it comes in over HTTP or out of a file."""

from __future__ import annotations

from typing import Annotated

from klokwerk_contracts.sale_completed import Characteristic
from klokwerk_contracts.types import Country
from pydantic import Field, StringConstraints

from sales_service.domain.articles import Article
from sales_service.domain.lines import VatClass
from sales_service.entry.bodies import Count, PackingCode, Price, VbnCode
from sales_service.entry.body import Body

Number = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,34}$")]


class ArticleValues(Body):
    """What is known of an article; new sale lines take it over, lines that exist keep theirs (LS-12)."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    vbn_code: VbnCode = ""
    packing_code: PackingCode = ""
    packing_price: Price | None = None
    pieces_per_unit: Count | None = None
    vat_class: VatClass = VatClass.REDUCED
    characteristics: Annotated[tuple[Characteristic, ...], Field(max_length=30)] = ()
    country_of_origin: Country | None = None
    image_url: Annotated[str, StringConstraints(max_length=500)] = ""

    def article(self, article_number: str, revision: int) -> Article:
        """The article of that number with these values."""
        values = {name: getattr(self, name) for name in ArticleValues.model_fields}
        return Article(number=article_number, revision=revision, **values)
