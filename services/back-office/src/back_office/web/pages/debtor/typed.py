"""What was typed into the form of a card, as the whole card that is to be saved.

What the form did not show (an option of an app that is not activated, a fourth telephone number) stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from back_office.clients.debtors import Card
from back_office.clients.transport import Problem
from back_office.web.components.form import field_name
from back_office.web.pages.debtor.codes import DOCUMENTS
from back_office.web.pages.debtor.form import MOST_ACCOUNTS, MOST_EMAILS, MOST_PHONES

TEXTS = (
    "name", "search_name", "party", "country", "vat_number", "chamber_number", "vat_regime", "website",
    "customer_number", "language", "currency", "discount_kind", "category", "price_tier", "note_for_documents",
)  # fmt: skip
EMAILS = ("general", *DOCUMENTS)
OWN = "own_fields."
TICKS = ("email_allowed", "print_allowed", "consumer_chose_einvoice")
MOST_ADDRESSES = 20


def to_card(card: Card | None, typed: Mapping[str, str]) -> dict[str, Any]:
    """The whole card as it is to be saved."""
    body: dict[str, Any] = card.model_dump(mode="json") if card else {}
    body |= {name: typed[name].strip() for name in TEXTS if name in typed}
    if not body.get("customer_number"):
        body.pop("customer_number", None)
    if "internal_note" in typed:
        body["internal_note"] = typed["internal_note"].replace("\r\n", "\n").strip("\n")
    body["kinds"] = [kind for kind in ("debtor", "creditor") if typed.get(f"kind.{kind}")]
    body["addresses"] = _addresses(body.get("addresses", []), typed)
    body["emails"] = _emails(body.get("emails", []), typed)
    body["phones"] = _phones(body.get("phones", []), typed)
    body["bank_accounts"] = _accounts(body.get("bank_accounts", []), typed)
    term = typed.get("payment_term_days", "").strip()
    body["payment_term_days"] = int(term) if term.isdecimal() else term or None
    body["discount_percent"] = typed.get("discount_percent", "").strip().replace(",", ".") or None
    body["invoice_delivery"] = _reachable(body.get("invoice_delivery", {}), typed)
    own = {name.removeprefix(OWN): value.strip() for name, value in typed.items() if name.startswith(OWN)}
    body["own_fields"] = {**body.get("own_fields", {}), **own}
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
        documents = [each["document"] for each in sent.get("emails", [])]
        index = int(parts[1])
        if index >= len(documents):
            return name
        before = documents[:index].count(documents[index])
        return email_field(documents[index], before if documents[index] == "general" else 0)
    if parts[0] == "kinds":
        return "kind.debtor"
    if parts[0] == "addresses" and len(parts) > 2 and parts[2] == "lines":
        return f"addresses.{parts[1]}.lines.0"
    return name


def _addresses(known: list[dict[str, Any]], typed: Mapping[str, str]) -> list[dict[str, Any]]:
    addresses: list[dict[str, Any]] = []
    for index in range(MOST_ADDRESSES):
        base = f"addresses.{index}"
        before = known[index] if index < len(known) else {}
        if f"{base}.city" not in typed:
            addresses += [before] if before else []
            continue
        street = typed.get(f"{base}.lines.0", "").strip()
        unchanged = street == ", ".join(before.get("lines", ()))
        address = {
            "kind": typed.get(f"{base}.kind", "visit"),
            "lines": before.get("lines", []) if unchanged else [street] if street else [],
            "postal_code": typed.get(f"{base}.postal_code", "").strip(),
            "city": typed.get(f"{base}.city", "").strip(),
            "region": typed.get(f"{base}.region", before.get("region", "")).strip(),
            "country": typed.get(f"{base}.country", "").strip() or typed.get("country", ""),
        }
        if address["lines"] or address["postal_code"] or address["city"]:
            addresses.append(address)
    return addresses


def _emails(known: list[dict[str, Any]], typed: Mapping[str, str]) -> list[dict[str, Any]]:
    """Address by address; of a kind of document the form shows the first, of the general ones several."""
    addresses: list[dict[str, Any]] = []
    for document in EMAILS:
        before = [entry["address"] for entry in known if entry.get("document") == document]
        for index in range(max(MOST_EMAILS, len(before))):
            address = typed.get(email_field(document, index), _at(before, index)).strip()
            if address:
                addresses.append({"document": document, "address": address})
    return addresses + [entry for entry in known if entry.get("document") not in EMAILS]


def email_field(document: str, index: int) -> str:
    """Name of the form's field of one address for a kind of document."""
    return f"emails.{document}.{index}" if index else f"emails.{document}"


def _at(values: list[str], index: int) -> str:
    return values[index] if index < len(values) else ""


def _phones(known: list[str], typed: Mapping[str, str]) -> list[str]:
    phones = [
        typed.get(f"phones.{index}", known[index] if index < len(known) else "").strip()
        for index in range(MOST_PHONES)
    ]
    return [phone for phone in (*phones, *known[MOST_PHONES:]) if phone]


def _accounts(known: list[dict[str, Any]], typed: Mapping[str, str]) -> list[dict[str, Any]]:
    accounts = []
    for index in range(MOST_ACCOUNTS):
        before = known[index] if index < len(known) else {}
        iban = typed.get(f"bank_accounts.{index}.iban", before.get("iban", "")).strip()
        bic = typed.get(f"bank_accounts.{index}.bic", before.get("bic", "")).strip()
        if iban or bic:
            accounts.append({"iban": iban, "bic": bic})
    return accounts + known[MOST_ACCOUNTS:]


def _reachable(known: dict[str, Any], typed: Mapping[str, str]) -> dict[str, Any]:
    base = "invoice_delivery"
    if f"{base}.electronic.scheme" not in typed:
        return known
    scheme = typed[f"{base}.electronic.scheme"].strip()
    number = typed.get(f"{base}.electronic.identifier", "").strip()
    return {
        **known,
        "electronic": {"scheme": scheme, "identifier": number} if scheme or number else None,
        **{name: bool(typed.get(f"{base}.{name}")) for name in TICKS},
    }
