"""Parties of a UBL document: electronic address, postal address, tax and legal registration, contact."""

from __future__ import annotations

import re

from klokwerk_contracts.invoice_created import InvoiceParty
from klokwerk_contracts.types import Address, ElectronicAddress

from dispatch_service.ubl.elements import Node

REGISTER_SCHEMES = {"NL": "0106", "BE": "0208", "SE": "0007"}
"""ISO 6523 code of the national company register, used in addresses and legal ids."""
VAT_SCHEMES = {"DE": "9930", "NL": "9944", "BE": "9925", "SE": "9955", "FR": "9957", "AT": "9914"}
"""EAS code of a national VAT number, the fallback for an electronic address."""
F_TAX_TEXT = "Godkänd för F-skatt"


def compact(number: str) -> str:
    """A number without blanks, dots, dashes and slashes, in capitals."""
    return re.sub(r"[\s./\-]", "", number).upper()


def vat_id(party: InvoiceParty) -> str:
    """VAT number with its country prefix; empty when the party has none."""
    number = compact(party.vat_number)
    if not number or number[:2].isalpha():
        return number
    return f"{party.address.country}{number}"


def register_number(party: InvoiceParty) -> str:
    """Number in the national company register in the form Peppol wants; empty when unknown."""
    country = party.address.country
    number = compact(party.chamber_number)
    if not number and country == "BE":
        number = vat_id(party).removeprefix("BE")
    if not number and country == "SE" and len(vat_id(party)) == 14:
        number = vat_id(party)[2:12]
    return number.removeprefix("BE") if country == "BE" else number


def electronic_address(party: InvoiceParty) -> ElectronicAddress | None:
    """The party's e-invoice address: its own, else one made from its registrations."""
    if party.electronic is not None:
        return party.electronic
    country = party.address.country
    number = register_number(party)
    if number and country in REGISTER_SCHEMES:
        return ElectronicAddress(scheme=REGISTER_SCHEMES[country], identifier=number)
    if vat_id(party) and country in VAT_SCHEMES:
        return ElectronicAddress(scheme=VAT_SCHEMES[country], identifier=vat_id(party))
    return None


def add_party(parent: Node, party: InvoiceParty, endpoint: ElectronicAddress, *, seller: bool) -> None:
    """Write `cac:Party` below `parent`, in the order of the schema."""
    node = parent.group("Party")
    node.value("EndpointID", endpoint.identifier, schemeID=endpoint.scheme)
    add_address(node.group("PostalAddress"), party.address)
    if vat := vat_id(party):
        _tax_scheme(node, vat, "VAT")
    if seller and party.address.country == "SE":
        _tax_scheme(node, F_TAX_TEXT, "TAX")
    legal = node.group("PartyLegalEntity")
    legal.value("RegistrationName", party.name)
    if number := register_number(party):
        scheme = REGISTER_SCHEMES.get(party.address.country)
        legal.value("CompanyID", number, **({"schemeID": scheme} if scheme else {}))
    if party.attention or party.phone or party.email:
        contact = node.group("Contact")
        contact.value("Name", party.attention or party.name)
        contact.value("Telephone", party.phone)
        contact.value("ElectronicMail", party.email)


def add_address(node: Node, address: Address) -> None:
    """Write the parts of a postal address that there are."""
    lines = [line.strip() for line in address.lines if line.strip()]
    for name, text in zip(("StreetName", "AdditionalStreetName"), lines, strict=False):
        node.value(name, text)
    node.value("CityName", address.city)
    node.value("PostalZone", address.postal_code)
    node.value("CountrySubentity", address.region)
    if lines[2:]:
        node.group("AddressLine").value("Line", ", ".join(lines[2:]))
    node.group("Country").value("IdentificationCode", address.country)


def _tax_scheme(node: Node, company: str, scheme: str) -> None:
    tax = node.group("PartyTaxScheme")
    tax.value("CompanyID", company)
    tax.group("TaxScheme").value("ID", scheme)
