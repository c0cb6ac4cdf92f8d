"""While a card is being typed: whose VAT number it is (FA-08), and whether the card is there already."""

from __future__ import annotations

import json

from fastapi import APIRouter, Response

from back_office.clients.debtors import VatLookup
from back_office.clients.transport import Refused, ServiceFailure
from back_office.web.explain import explained
from back_office.web.pages.debtor.typed import MOST_ADDRESSES
from back_office.web.visit import SignedIn

router = APIRouter(include_in_schema=False)


@router.post("/debtors/hints/vat-number")
async def vat_number(visit: SignedIn) -> Response:
    """What VIES says of the number; the browser fills it into the fields that are empty."""
    typed = await visit.form()
    number = typed.get("vat_number", "").strip()
    found, trouble = None, ""
    if not number:
        trouble = visit.t("vat.nothing_typed")
    else:
        try:
            found = await visit.clients.debtors.vat_lookup(number, typed.get("country", "") or "NL")
        except Refused as refused:
            trouble = refused.said
        except ServiceFailure as failure:
            trouble = explained(failure, visit.t).title
    fields = _fields(found) if found else {}
    fill = json.dumps(fields) if fields else ""
    return visit.part("pages/debtor_vat.html", found=found, trouble=trouble, fill=fill)


@router.post("/debtors/hints/duplicates")
async def duplicates(visit: SignedIn) -> Response:
    """Cards that may be this one: a hint with links, never a block."""
    typed = await visit.form()
    body = {
        "name": typed.get("name", "")[:200],
        "country": typed.get("country", "")[:2] or "NL",
        "vat_number": typed.get("vat_number", "")[:50],
        "chamber_number": typed.get("chamber_number", "")[:50],
        "emails": [value[:254] for name, value in typed.items() if name.startswith("emails.") and value],
        "postal_codes": [
            typed[name][:20]
            for index in range(MOST_ADDRESSES)
            if typed.get(name := f"addresses.{index}.postal_code")
        ],
        "except_id": visit.query.get("of") or None,
    }
    try:
        found = await visit.clients.debtors.duplicates(body)
    except ServiceFailure:
        found = ()  # a hint that can't be given is no reason to disturb who is typing
    return visit.part("pages/debtor_duplicates.html", found=found)


def _fields(found: VatLookup) -> dict[str, str]:
    """What is known, by the names of the form's fields."""
    if found.status != "valid":
        return {}
    address = found.address
    fields = {"vat_number": found.vat_number, "name": found.name, "country": found.country}
    if address is not None:
        fields |= {
            "addresses.0.lines.0": ", ".join(address.lines),
            "addresses.0.postal_code": address.postal_code,
            "addresses.0.city": address.city,
            "addresses.0.country": address.country,
        }
    return {name: value for name, value in fields.items() if value}
