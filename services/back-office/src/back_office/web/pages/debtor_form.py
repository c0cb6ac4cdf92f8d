"""The main fields of a card as a form, and what was typed as a card again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from klokwerk_contracts.debtor_changed import AddressKind

from back_office.clients.debtors import Card
from back_office.clients.transport import Problem
from back_office.texts.catalogue import Translator
from back_office.web.components.addresses import segment
from back_office.web.components.form import Control, Field, Form, Section, field_name, new_once
from back_office.web.components.table import Option

COUNTRIES = ("NL", "BE", "DE", "SE", "FR", "DK", "FI", "AT", "LU", "PL", "GB", "CH", "NO", "IT", "ES")
LANGUAGES = ("nl", "en", "de", "fr", "sv")
CURRENCIES = ("EUR", "SEK", "GBP", "DKK", "NOK", "CHF", "PLN", "USD")
EMAILS = ("general", "invoice", "ekt")


def of_card(card: Card | None, t: Translator, *, revision: str, read_only: bool) -> Form:
    """The form for a card, or for a new one."""
    shown = card or Card(debtor_id="new", name="")
    action = f"/debtors/{segment(card.debtor_id)}" if card else "/debtors/new"
    return Form(
        action=action,
        submit=t("form.save"),
        revision=revision,
        once="" if card else new_once(),
        cancel="/debtors",
        read_only=read_only,
        sections=(
            _who(shown, t, new=card is None),
            *(_address(shown, index, t) for index in range(max(1, len(shown.addresses)))),
            _contact(shown, t),
            _documents(shown, t),
            _delivery(shown, t),
        ),
    )


def _who(card: Card, t: Translator, *, new: bool) -> Section:
    parties = tuple(Option(party, t(f"debtor.party_{party}")) for party in ("organisation", "person"))
    return Section(
        t("debtor.section_who"),
        (
            Field("name", t("debtor.name"), card.name, required=True, wide=True),
            Field("search_name", t("debtor.search_name"), card.search_name),
            Field("party", t("debtor.party"), card.party, Control.SELECT, parties),
            Field(
                "country", t("debtor.country"), card.country, Control.SELECT, _codes(COUNTRIES, card.country)
            ),
            Field("vat_number", t("debtor.vat_number"), card.vat_number),
            Field("chamber_number", t("debtor.chamber_number"), card.chamber_number),
            Field("kind.debtor", t("debtor.is_debtor"), _tick(new or "debtor" in card.kinds), Control.TICK),
            Field("kind.creditor", t("debtor.is_creditor"), _tick("creditor" in card.kinds), Control.TICK),
        ),
    )


def _address(card: Card, index: int, t: Translator) -> Section:
    known = card.addresses[index] if index < len(card.addresses) else None
    kinds = tuple(Option(kind.value, t(f"debtor.address_{kind.value}")) for kind in AddressKind)
    country = known.country if known else card.country
    base = f"addresses.{index}"
    kind = known.kind.value if known else AddressKind.VISIT.value
    return Section(
        t("debtor.section_address") if len(card.addresses) < 2 else t(f"debtor.address_{kind}"),
        (
            Field(f"{base}.kind", t("debtor.address_kind"), kind, Control.SELECT, kinds),
            Field(f"{base}.lines.0", t("debtor.street"), ", ".join(known.lines) if known else ""),
            Field(f"{base}.postal_code", t("debtor.postal_code"), known.postal_code if known else ""),
            Field(f"{base}.city", t("debtor.city"), known.city if known else ""),
            Field(
                f"{base}.country", t("debtor.country"), country, Control.SELECT, _codes(COUNTRIES, country)
            ),
        ),
    )


def _contact(card: Card, t: Translator) -> Section:
    own = t("debtor.email_other_help")
    return Section(
        t("debtor.section_contact"),
        (
            Field("emails.general", t("debtor.email_general"), card.email(), Control.EMAIL),
            Field(
                "emails.invoice", t("debtor.email_invoice"), card.email("invoice"), Control.EMAIL, help=own
            ),
            Field("emails.ekt", t("debtor.email_ekt"), card.email("ekt"), Control.EMAIL, help=own),
            Field("phones.0", t("debtor.phone"), next(iter(card.phones), ""), Control.TEL),
        ),
    )


def _documents(card: Card, t: Translator) -> Section:
    days = "" if card.payment_term_days is None else str(card.payment_term_days)
    term_help = t("debtor.payment_term_help")
    return Section(
        t("debtor.section_documents"),
        (
            Field(
                "language",
                t("debtor.language"),
                card.language,
                Control.SELECT,
                _codes(LANGUAGES, card.language),
            ),
            Field(
                "currency",
                t("debtor.currency"),
                card.currency,
                Control.SELECT,
                _codes(CURRENCIES, card.currency),
            ),
            Field("payment_term_days", t("debtor.payment_term"), days, Control.NUMBER, help=term_help),
            Field("note_for_documents", t("debtor.note"), card.note_for_documents, Control.AREA),
        ),
    )


def _delivery(card: Card, t: Translator) -> Section:
    delivery = card.invoice_delivery
    electronic = delivery.electronic
    base = "invoice_delivery"
    scheme = electronic.scheme if electronic else ""
    number = electronic.identifier if electronic else ""
    scheme_help = t("debtor.einvoice_scheme_help")
    return Section(
        t("debtor.section_delivery"),
        (
            Field(f"{base}.electronic.scheme", t("debtor.einvoice_scheme"), scheme, help=scheme_help),
            Field(f"{base}.electronic.identifier", t("debtor.einvoice_id"), number),
            Field(
                f"{base}.email_allowed",
                t("debtor.email_allowed"),
                _tick(delivery.email_allowed),
                Control.TICK,
            ),
            Field(
                f"{base}.print_allowed",
                t("debtor.print_allowed"),
                _tick(delivery.print_allowed),
                Control.TICK,
            ),
        ),
    )


def to_card(card: Card | None, typed: Mapping[str, str]) -> dict[str, Any]:
    """The whole card as it is to be saved: what the form does not show stays as it is."""
    body: dict[str, Any] = card.model_dump(mode="json") if card else {}
    for name in (
        "name", "search_name", "party", "country", "vat_number", "chamber_number", "language", "currency",
        "note_for_documents",
    ):  # fmt: skip
        body[name] = typed.get(name, "").strip()
    body["kinds"] = [kind for kind in ("debtor", "creditor") if typed.get(f"kind.{kind}")]
    body["addresses"] = _addresses(body.get("addresses", []), typed)
    body["emails"] = _emails(body.get("emails", []), typed)
    phone = typed.get("phones.0", "").strip()
    body["phones"] = [one for one in (phone, *body.get("phones", [])[1:]) if one]
    term = typed.get("payment_term_days", "").strip()
    body["payment_term_days"] = int(term) if term.isdecimal() else term or None
    body["invoice_delivery"] = _reachable(body.get("invoice_delivery", {}), typed)
    return body


def renamed(problem: Problem, sent: Mapping[str, Any]) -> Problem:
    """The problem with its fields named as in the form: the service counts in the lists that it was sent."""
    errors = tuple(
        error.model_copy(update={"field": _form_field(field_name(error.field), sent)})
        for error in problem.errors
    )
    return problem.model_copy(update={"errors": errors})


def _form_field(name: str, sent: Mapping[str, Any]) -> str:
    parts = name.split(".")
    if parts[0] == "emails" and len(parts) > 1 and parts[1].isdecimal():
        emails = sent.get("emails", [])
        index = int(parts[1])
        return f"emails.{emails[index]['document']}" if index < len(emails) else name
    if parts[0] == "kinds":
        return "kind.debtor"
    if parts[0] == "addresses" and len(parts) > 2 and parts[2] == "lines":
        return f"addresses.{parts[1]}.lines.0"
    return name


def _addresses(known: list[dict[str, Any]], typed: Mapping[str, str]) -> list[dict[str, Any]]:
    addresses: list[dict[str, Any]] = []
    for index in range(max(1, len(known))):
        base = f"addresses.{index}"
        before = known[index] if index < len(known) else {}
        street = typed.get(f"{base}.lines.0", "").strip()
        unchanged = street == ", ".join(before.get("lines", ()))
        address = {
            **before,
            "kind": typed.get(f"{base}.kind", "visit"),
            "lines": before.get("lines", []) if unchanged else [street] if street else [],
            "postal_code": typed.get(f"{base}.postal_code", "").strip(),
            "city": typed.get(f"{base}.city", "").strip(),
            "country": typed.get(f"{base}.country", "").strip() or typed.get("country", ""),
        }
        if address["lines"] or address["postal_code"] or address["city"]:
            addresses.append(address)
    return addresses


def _emails(known: list[dict[str, Any]], typed: Mapping[str, str]) -> list[dict[str, Any]]:
    shown = [
        {"document": document, "address": address}
        for document in EMAILS
        if (address := typed.get(f"emails.{document}", "").strip())
    ]
    return shown + [entry for entry in known if entry.get("document") not in EMAILS]


def _reachable(known: dict[str, Any], typed: Mapping[str, str]) -> dict[str, Any]:
    base = "invoice_delivery"
    scheme = typed.get(f"{base}.electronic.scheme", "").strip()
    number = typed.get(f"{base}.electronic.identifier", "").strip()
    return {
        **known,
        "electronic": {"scheme": scheme, "identifier": number} if scheme or number else None,
        "email_allowed": bool(typed.get(f"{base}.email_allowed")),
        "print_allowed": bool(typed.get(f"{base}.print_allowed")),
    }


def _tick(on: bool) -> str:
    return "on" if on else ""


def _codes(codes: tuple[str, ...], present: str) -> tuple[Option, ...]:
    """Codes to choose from; one that is on the card already is always among them."""
    known = codes if present in codes or not present else (*codes, present)
    return tuple(Option(code, code) for code in known)
