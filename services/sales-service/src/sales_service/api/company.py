"""Our own company: what stands on its documents."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from klokwerk.access import Person, SignedIn, allow, audit
from klokwerk.http import Expected, Problem, check_revision, etag
from klokwerk_contracts.types import Country, ElectronicAddress, Text
from pydantic import BaseModel, Field, StringConstraints

from sales_service.api.context import Sales, fault_problems
from sales_service.domain.invoices import Seller
from sales_service.domain.seller import seller_faults
from sales_service.entry.body import Body
from sales_service.store import seller

router = APIRouter(tags=["seller"])


class SellerAddress(Body):
    """Where the company is."""

    lines: Annotated[tuple[Text, ...], Field(min_length=1, max_length=5)]
    postal_code: Annotated[str, StringConstraints(min_length=1, max_length=20)]
    city: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    region: Annotated[str, StringConstraints(max_length=100)] = ""
    country: Country


class SellerBody(Body):
    """The company's details; numbers are checked.

    Attributes:
        payment_term_days: for customers without a term of their own.
        invoice_series, credit_series: prefix of the numbers; each counts from 1 each year.
    """

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    address: SellerAddress
    vat_number: Annotated[str, StringConstraints(max_length=20)] = ""
    chamber_number: Annotated[str, StringConstraints(max_length=50)] = ""
    electronic: ElectronicAddress | None = None
    email: Annotated[str, StringConstraints(max_length=254, pattern=r"^$|^[^@\s]+@[^@\s]+$")] = ""
    phone: Annotated[str, StringConstraints(max_length=50)] = ""
    iban: Annotated[str, StringConstraints(max_length=50)] = ""
    bic: Annotated[str, StringConstraints(max_length=11)] = ""
    payment_term_days: Annotated[int, Field(ge=0, le=365)] = 14
    invoice_series: Annotated[str, StringConstraints(pattern=r"^[A-Z]{0,5}$")] = "F"
    credit_series: Annotated[str, StringConstraints(pattern=r"^[A-Z]{0,5}$")] = "C"


class SellerView(BaseModel):
    """The company's details as stored; none before they were filled in."""

    revision: int
    seller: Seller | None


@router.get("/seller")
async def get_seller(sales_: Sales, _: SignedIn, response: Response) -> SellerView:
    """Our own company. Before it is filled in the revision is 0: send that as If-Match."""
    async with sales_.database.connect() as connection:
        revision, found = await seller.read(connection, sales_.invoicing.administration)
    response.headers["ETag"] = etag(revision)
    return SellerView(revision=revision, seller=found)


@router.put("/seller")
async def put_seller(
    body: SellerBody,
    sales_: Sales,
    expected: Expected,
    response: Response,
    person: Person = allow("finance", "billing-admin"),
) -> SellerView:
    """Fill in or change our own company; documents that are issued keep what they have (LS-12)."""
    faults = seller_faults(
        country=body.address.country,
        vat_number=body.vat_number,
        chamber_number=body.chamber_number,
        iban_number=body.iban,
        electronic_scheme=body.electronic.scheme if body.electronic else "",
        electronic_identifier=body.electronic.identifier if body.electronic else "",
    )
    if faults:
        raise Problem(
            422, "Some numbers are not valid", "See errors for each field.", errors=fault_problems(faults)
        )
    wanted = Seller.model_validate(body.model_dump())
    async with sales_.database.transaction() as connection:
        administration = sales_.invoicing.administration
        revision, known = await seller.read(connection, administration, locked=True)
        check_revision(expected, revision)
        now = sales_.clock.now()
        if not await seller.write(connection, administration, revision + 1, wanted, now):
            check_revision(expected, revision + 1)
        await audit(
            connection,
            person,
            now,
            "changed",
            "seller",
            administration,
            old=known.model_dump(mode="json") if known else None,
            new=wanted.model_dump(mode="json"),
        )
    response.headers["ETag"] = etag(revision + 1)
    return SellerView(revision=revision + 1, seller=wanted)
