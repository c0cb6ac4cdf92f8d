"""The columns of customer and supplier lists: what an export writes in each, and how an import reads it.

Each column stands here once. Those without a writer are for lists of others only, such as a house number apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from klokwerk_contracts.debtor_changed import AddressKind, CardAddress, DocumentKind, Kind
from pydantic import TypeAdapter, ValidationError

from debtor_service.domain.card import Card
from debtor_service.domain.customer_numbers import CustomerNumber
from debtor_service.domain.layout import cells
from debtor_service.domain.layout.draft import Draft
from debtor_service.domain.layout.names import KINDS, PARTIES, country_code, language_code

Write = Callable[[Card], str]
Read = Callable[[Draft, str], None]


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes:
        write: its text for a card; none for columns that only imports know.
        read: puts the text of a cell, trimmed and never the same as the card's own, onto a draft.
        empties: an empty cell empties the field; else it leaves it alone.
        kept: the cell is not trimmed.
    """

    name: str
    write: Write | None
    read: Read
    empties: bool = True
    kept: bool = False


def all_columns() -> Iterator[Column]:
    """Every column, in the order of an export and of reading."""
    yield from _who()
    yield from _business()
    yield from _of_other_lists()


def _who() -> Iterator[Column]:
    yield Column("debtor_id", lambda c: c.debtor_id, _attribute("debtor_id"))
    yield Column("kinds", lambda c: ",".join(sorted(k.value for k in c.content.kinds)), _kinds, empties=False)
    yield Column("party", lambda c: c.content.party.value, _party, empties=False)
    yield _text("name", empties=False)
    yield _text("search_name")
    yield Column("country", lambda c: c.content.country, _country, empties=False)
    yield from _address(AddressKind.VISIT, "", country=False)
    yield from _address(AddressKind.DELIVERY, "delivery_")
    yield from _address(AddressKind.POSTAL, "postal_")
    yield from _address(AddressKind.INVOICE, "invoice_")
    yield _text("vat_number")
    yield _text("chamber_number")
    yield _text("vat_regime", empties=False)
    yield _email("email", DocumentKind.GENERAL)
    for document in DocumentKind:
        if document is not DocumentKind.GENERAL:
            yield _email(f"email_{document.value}", document)
    yield Column("phone", lambda c: ", ".join(c.content.phones), _phones)
    yield _text("website")
    yield Column("language", lambda c: c.content.language, _language, empties=False)
    yield Column("currency", lambda c: c.content.currency, _currency, empties=False)


def _business() -> Iterator[Column]:
    yield Column("payment_term_days", _term, _read_term)
    yield Column("discount_percent", _discount, _read_discount)
    yield _text("discount_kind", empties=False)
    yield _text("category")
    yield _text("price_tier")
    yield Column("iban", lambda c: _account(c, "iban"), _iban)
    yield Column("bic", lambda c: _account(c, "bic"), _bic)
    yield Column("einvoice_scheme", lambda c: _electronic(c, "scheme"), _read_electronic("scheme"))
    yield Column("einvoice_id", lambda c: _electronic(c, "identifier"), _read_electronic("identifier"))
    yield _wish("consumer_einvoice", "consumer_chose_einvoice")
    yield _wish("email_allowed", "email_allowed")
    yield _wish("print_allowed", "print_allowed")
    yield _ekt_tick("use_ekts", "use_ekts")
    yield _ekt_tick("accepts_ekts", "accepts_ekts")
    yield Column("ekt_method", lambda c: c.content.ekt.method.value, _ekt("method"), empties=False)
    yield Column("ekt_folder", lambda c: c.content.ekt.folder, _ekt("folder"))
    yield Column("ekt_buyer_code", lambda c: c.content.ekt.buyer_code, _ekt("buyer_code"))
    yield _ekt_tick("ekt_separate_files", "separate_files")
    yield Column("contact_name", lambda c: _contact(c, "name"), _read_contact_name, empties=False)
    yield Column("contact_email", lambda c: _contact(c, "email"), _read_contact("email"))
    yield Column("contact_phone", lambda c: _contact(c, "phone"), _read_contact("phone"))
    yield Column("administration", lambda c: c.administration, _attribute("administration"))
    yield _text("internal_note", kept=True)
    yield _text("note_for_documents", kept=True)
    yield Column("customer_number", lambda c: c.customer_number, _customer_number, empties=False)
    yield Column("debtor_number", lambda c: c.debtor_number, _number(Kind.DEBTOR))
    yield Column("creditor_number", lambda c: c.creditor_number, _number(Kind.CREDITOR))
    yield Column("state", lambda c: c.state.value, _ignored)
    yield Column("revision", lambda c: str(c.revision), _ignored)


def _of_other_lists() -> Iterator[Column]:
    yield Column("house_number", None, _after_street(" "), empties=False)
    yield Column("house_number_addition", None, _after_street("-"), empties=False)
    yield Column("street_2", None, _second_line, empties=False)
    yield Column("mobile", None, _one_more_phone, empties=False)
    yield Column("first_name", None, _attribute("first_name"), empties=False)
    yield Column("last_name", None, _attribute("last_name"), empties=False)


# --- plain texts ------------------------------------------------------------------------------------------


def _text(name: str, *, empties: bool = True, kept: bool = False) -> Column:
    def read(draft: Draft, text: str) -> None:
        draft.document[name] = text

    return Column(name, lambda c: str(getattr(c.content, name)), read, empties, kept)


def _attribute(name: str) -> Read:
    return lambda draft, text: setattr(draft, name, text)


def _ignored(draft: Draft, text: str) -> None:
    """The service's own; an import does not take it."""


def _kinds(draft: Draft, text: str) -> None:
    words = [part.strip().casefold() for part in text.replace(";", ",").split(",") if part.strip()]
    draft.document["kinds"] = tuple(KINDS.get(word, word) for word in words)


def _party(draft: Draft, text: str) -> None:
    draft.document["party"] = PARTIES.get(text.casefold(), text)


def _country(draft: Draft, text: str) -> None:
    draft.move_to(country_code(text))


def _language(draft: Draft, text: str) -> None:
    draft.document["language"] = language_code(text)


def _currency(draft: Draft, text: str) -> None:
    draft.document["currency"] = {"€": "EUR", "£": "GBP", "$": "USD"}.get(text, text.upper())


_CUSTOMER_NUMBER: TypeAdapter[str] = TypeAdapter(CustomerNumber)


def _customer_number(draft: Draft, text: str) -> None:
    def checked(number: str) -> str:
        try:
            return _CUSTOMER_NUMBER.validate_python(number)
        except ValidationError:
            raise ValueError(f"{number[:60]!r} is no customer number") from None

    cure = "Use up to 30 letters, digits and . / _ -, or nothing."
    draft.customer_number = draft.read("customer_number", text, checked, cure) or ""


def _number(kind: Kind) -> Read:
    def read(draft: Draft, text: str) -> None:
        if text:
            draft.numbers[kind] = text

    return read


# --- addresses --------------------------------------------------------------------------------------------


def _of(card: Card, kind: AddressKind) -> CardAddress | None:
    return next((a for a in card.content.addresses if a.kind is kind), None)


def _address(kind: AddressKind, prefix: str, *, country: bool = True) -> Iterator[Column]:
    def street(draft: Draft, text: str) -> None:
        draft.address(kind)["lines"] = (text,) if text else ()

    def part(name: str) -> Read:
        return lambda draft, text: draft.address(kind).__setitem__(name, text)

    def its_country(draft: Draft, text: str) -> None:
        draft.address(kind)["country"] = country_code(text)

    yield Column(prefix + "street", lambda c: ", ".join(a.lines) if (a := _of(c, kind)) else "", street)
    yield Column(
        prefix + "postal_code", lambda c: a.postal_code if (a := _of(c, kind)) else "", part("postal_code")
    )
    yield Column(prefix + "city", lambda c: a.city if (a := _of(c, kind)) else "", part("city"))
    if country:
        yield Column(
            prefix + "country",
            lambda c: a.country if (a := _of(c, kind)) else "",
            its_country,
            empties=False,
        )


def _after_street(joint: str) -> Read:
    def read(draft: Draft, text: str) -> None:
        address = draft.address(AddressKind.VISIT)
        *first, last = address["lines"] or ("",)
        glue = joint if last and not (joint == "-" and text.startswith(("-", " "))) else ""
        if not (last == text or last.endswith(f" {text}")):
            address["lines"] = (*first, f"{last}{glue}{text}")

    return read


def _second_line(draft: Draft, text: str) -> None:
    address = draft.address(AddressKind.VISIT)
    if text not in address["lines"]:
        address["lines"] = (*address["lines"], text)


# --- reaching them ----------------------------------------------------------------------------------------


def _email(name: str, document: DocumentKind) -> Column:
    def write(card: Card) -> str:
        return next((e.address for e in card.content.emails if e.document is document), "")

    return Column(name, write, lambda draft, text: draft.set_email(document, text))


def _phones(draft: Draft, text: str) -> None:
    draft.phones = [part.strip() for part in text.replace(";", ",").split(",") if part.strip()]


def _one_more_phone(draft: Draft, text: str) -> None:
    number = " ".join(text.split())
    if number not in draft.phones:
        draft.phones.append(number)


def _contact(card: Card, name: str) -> str:
    return str(getattr(card.content.contact_persons[0], name)) if card.content.contact_persons else ""


def _read_contact_name(draft: Draft, text: str) -> None:
    draft.contact(text)["name"] = text


def _read_contact(name: str) -> Read:
    def read(draft: Draft, text: str) -> None:
        if text or draft.contacts:
            draft.contact()[name] = text

    return read


# --- money ------------------------------------------------------------------------------------------------


def _term(card: Card) -> str:
    days = card.content.payment_term_days
    return "" if days is None else str(days)


def _read_term(draft: Draft, text: str) -> None:
    days = draft.read("payment_term_days", text, cells.as_days, "Write digits, or nothing.")
    draft.document["payment_term_days"] = days


def _discount(card: Card) -> str:
    percent = card.content.discount_percent
    return "" if percent is None else format(percent, "f")


def _read_discount(draft: Draft, text: str) -> None:
    draft.document["discount_percent"] = cells.as_percent(text)


def _account(card: Card, name: str) -> str:
    return str(getattr(card.content.bank_accounts[0], name)) if card.content.bank_accounts else ""


def _iban(draft: Draft, text: str) -> None:
    if text:
        draft.account().update(iban=text, bic="")
    else:
        draft.accounts = draft.accounts[1:]


def _bic(draft: Draft, text: str) -> None:
    if text or draft.accounts:
        draft.account()["bic"] = text


# --- documents --------------------------------------------------------------------------------------------


def _electronic(card: Card, name: str) -> str:
    address = card.content.invoice_delivery.electronic
    return "" if address is None else str(getattr(address, name))


def _read_electronic(name: str) -> Read:
    def read(draft: Draft, text: str) -> None:
        address = dict(draft.wishes.get("electronic") or {"scheme": "", "identifier": ""})
        draft.wishes["electronic"] = address | {name: text}

    return read


def _wish(name: str, field: str) -> Column:
    def read(draft: Draft, text: str) -> None:
        draft.wishes[field] = bool(draft.read(name, text, cells.as_flag, "Write yes or no."))

    return Column(name, lambda c: cells.yes_no(getattr(c.content.invoice_delivery, field)), read)


def _ekt(field: str) -> Read:
    return lambda draft, text: draft.ekt.__setitem__(field, text)


def _ekt_tick(name: str, field: str) -> Column:
    def read(draft: Draft, text: str) -> None:
        draft.ekt[field] = bool(draft.read(name, text, cells.as_flag, "Write yes or no."))

    return Column(name, lambda c: cells.yes_no(getattr(c.content.ekt, field)), read)
