"""Fetching a company's data by its VAT number (FA-08)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar

from fastapi import APIRouter, Request
from klokwerk_contracts.types import Address, Country
from pydantic import BaseModel, ConfigDict, StringConstraints

from debtor_service.api.answers import services
from debtor_service.api.bodies import STRICT
from debtor_service.api.cards import Editor
from debtor_service.api.refusals import bad_vat_number
from debtor_service.domain.checks.registrations import BadNumber, clean_vat
from debtor_service.domain.vat_lookup import VatStatus, country_of, split_address
from debtor_service.vies import Vies

router = APIRouter(tags=["VAT look-up"])


class VatQuery(BaseModel):
    """The number to look up; `country` counts where the number has no prefix."""

    model_config: ClassVar[ConfigDict] = STRICT

    vat_number: Annotated[str, StringConstraints(min_length=1, max_length=30)]
    country: Country = "NL"


class VatAnswer(BaseModel):
    """What is known of the number, ready to be put on a card; nothing is stored.

    Attributes:
        status: ``unknown`` whenever nobody could say: the number may well be right (FA-09).
        vat_number: in its tidied form.
        country: ISO 3166, of the number.
        address: taken apart; none where it is not told.
        address_text: as the member state wrote it.
        message: what it means and what to do.
        code: error code of VIES; empty when it answered.
        again: asking again later may help.
    """

    status: VatStatus
    vat_number: str
    country: str
    name: str
    address: Address | None
    address_text: str
    message: str
    code: str
    again: bool
    checked_at: datetime


@router.post("/vat-lookup")
async def look_up(query: VatQuery, request: Request, _: Editor) -> VatAnswer:
    """Ask VIES whether a VAT number is valid, and whose it is. A number that can't be right is refused unasked."""
    _database, triggers, _settings = services(request)
    vies: Vies = request.app.state.vies
    try:
        number = clean_vat(query.vat_number, query.country)
    except BadNumber as error:
        raise bad_vat_number(query.vat_number, error) from None
    found = await vies.look_up(number)
    country = country_of(number)
    return VatAnswer(
        status=found.status,
        vat_number=number,
        country=country,
        name=found.name,
        address=split_address(found.address, country),
        address_text=found.address,
        message=found.message,
        code=found.code,
        again=found.again,
        checked_at=triggers.changes.clock.now(),
    )
