"""Our own company as it stands on documents, kept by the sales service."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from back_office.clients.shapes import Shape, Words
from back_office.clients.transport import Answer, Caller

PATH = "/v1/seller"


class CompanyAddress(Shape):
    """Where the company is."""

    lines: tuple[str, ...] = ()
    postal_code: Words = ""
    city: Words = ""
    region: Words = ""
    country: Words = "NL"


class CompanyElectronic(Shape):
    """Its e-invoice address."""

    scheme: Words = ""
    identifier: Words = ""


class Company(BaseModel):
    """The company; fields not named here are kept as they came."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: Words = ""
    address: CompanyAddress = CompanyAddress()
    vat_number: Words = ""
    chamber_number: Words = ""
    electronic: CompanyElectronic | None = None
    email: Words = ""
    phone: Words = ""
    iban: Words = ""
    bic: Words = ""
    payment_term_days: int = 14
    invoice_series: Words = "F"
    credit_series: Words = "C"


class _Stored(Shape):
    seller: Company | None = None


class CompanyClient:
    """Reads and changes our own company."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def read(self) -> Answer[Company | None]:
        """The company, or nothing before it was filled in; revision 0 then."""
        answer = await self._caller.get(PATH, _Stored)
        return Answer(answer.value.seller, answer.revision)

    async def save(self, company: dict[str, Any], revision: str) -> None:
        """Fill it in or change it."""
        await self._caller.send("PUT", PATH, _Stored, company, revision=revision)
