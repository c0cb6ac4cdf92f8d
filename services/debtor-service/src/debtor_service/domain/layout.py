"""Cards as rows of a file: the layout that import and export share, so that an export can be imported again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from klokwerk_contracts.debtor_changed import AddressKind, CardAddress, DocumentKind, Kind
from pydantic import TypeAdapter, ValidationError

from debtor_service.domain.card import Card, CardContent
from debtor_service.domain.checks.problem import FieldProblem
from debtor_service.domain.customer_numbers import CustomerNumber
from debtor_service.domain.own_fields import COLUMN_PREFIX
from debtor_service.domain.words import NO, NO_WORDS, YES, YES_WORDS

_BOOLEANS = (
    "consumer_einvoice",
    "email_allowed",
    "print_allowed",
    "use_ekts",
    "accepts_ekts",
    "ekt_separate_files",
)
_FORMULA = ("=", "+", "-", "@")


def _address(card: Card, kind: AddressKind) -> CardAddress:
    found = next((a for a in card.content.addresses if a.kind is kind), None)
    return found or CardAddress(kind=kind, country=card.content.country)


def _email(card: Card, kind: DocumentKind) -> str:
    return next((e.address for e in card.content.emails if e.document is kind), "")


def _yes(value: bool) -> str:
    return YES if value else NO


def _visit(card: Card) -> CardAddress:
    return _address(card, AddressKind.VISIT)


def _delivery(card: Card) -> CardAddress:
    return _address(card, AddressKind.DELIVERY)


COLUMNS: Mapping[str, Callable[[Card], str]] = {
    "debtor_id": lambda c: c.debtor_id,
    "kinds": lambda c: ",".join(sorted(kind.value for kind in c.content.kinds)),
    "party": lambda c: c.content.party.value,
    "name": lambda c: c.content.name,
    "search_name": lambda c: c.content.search_name,
    "street": lambda c: ", ".join(_visit(c).lines),
    "postal_code": lambda c: _visit(c).postal_code,
    "city": lambda c: _visit(c).city,
    "country": lambda c: c.content.country,
    "delivery_street": lambda c: ", ".join(_delivery(c).lines),
    "delivery_postal_code": lambda c: _delivery(c).postal_code,
    "delivery_city": lambda c: _delivery(c).city,
    "vat_number": lambda c: c.content.vat_number,
    "chamber_number": lambda c: c.content.chamber_number,
    "vat_regime": lambda c: c.content.vat_regime.value,
    "email": lambda c: _email(c, DocumentKind.GENERAL),
    "email_invoice": lambda c: _email(c, DocumentKind.INVOICE),
    "email_ekt": lambda c: _email(c, DocumentKind.EKT),
    "phone": lambda c: ", ".join(c.content.phones),
    "language": lambda c: c.content.language,
    "currency": lambda c: c.content.currency,
    "payment_term_days": lambda c: (
        "" if c.content.payment_term_days is None else str(c.content.payment_term_days)
    ),
    "discount_percent": lambda c: (
        "" if c.content.discount_percent is None else format(c.content.discount_percent, "f")
    ),
    "iban": lambda c: c.content.bank_accounts[0].iban if c.content.bank_accounts else "",
    "bic": lambda c: c.content.bank_accounts[0].bic if c.content.bank_accounts else "",
    "einvoice_scheme": lambda c: e.scheme if (e := c.content.invoice_delivery.electronic) else "",
    "einvoice_id": lambda c: e.identifier if (e := c.content.invoice_delivery.electronic) else "",
    "consumer_einvoice": lambda c: _yes(c.content.invoice_delivery.consumer_chose_einvoice),
    "email_allowed": lambda c: _yes(c.content.invoice_delivery.email_allowed),
    "print_allowed": lambda c: _yes(c.content.invoice_delivery.print_allowed),
    "use_ekts": lambda c: _yes(c.content.ekt.use_ekts),
    "accepts_ekts": lambda c: _yes(c.content.ekt.accepts_ekts),
    "ekt_method": lambda c: c.content.ekt.method.value,
    "ekt_folder": lambda c: c.content.ekt.folder,
    "ekt_buyer_code": lambda c: c.content.ekt.buyer_code,
    "ekt_separate_files": lambda c: _yes(c.content.ekt.separate_files),
    "administration": lambda c: c.administration,
    "internal_note": lambda c: c.content.internal_note,
    "discount_kind": lambda c: c.content.discount_kind.value,
    "category": lambda c: c.content.category,
    "price_tier": lambda c: c.content.price_tier,
    "customer_number": lambda c: c.customer_number,
    "debtor_number": lambda c: c.debtor_number,
    "creditor_number": lambda c: c.creditor_number,
    "state": lambda c: c.state.value,
    "revision": lambda c: str(c.revision),
}
"""Name of each column and its text; the last five are the service's own."""

REQUIRED = ("name",)
IGNORED = ("state", "revision")
"""Columns of an export that an import does not take."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file.

    Attributes:
        debtor_id: empty for a card that gets an id of its own.
        numbers: numbers that the card had elsewhere.
        content: what the line says about the card.
    """

    debtor_id: str
    administration: str
    numbers: Mapping[Kind, str]
    content: CardContent
    customer_number: str = ""


class BadRow(Exception):
    """A line that can't be read; `problems` say which columns."""

    def __init__(self, problems: list[FieldProblem]) -> None:
        super().__init__("; ".join(f"{p.field}: {p.message}" for p in problems))
        self.problems = problems


def check_header(names: list[str], own: Sequence[str] = ()) -> list[FieldProblem]:
    """What is wrong with the first line of a file; empty when nothing.

    Args:
        own: columns of own fields.
    """
    unknown = [name for name in names if name not in COLUMNS and name not in own]
    missing = [name for name in REQUIRED if name not in names]
    double = sorted({name for name in names if names.count(name) > 1})
    return [
        *(
            FieldProblem(
                name[:60], "no column of this name is known", f"Use these: {', '.join((*COLUMNS, *own))}."
            )
            for name in unknown[:10]
        ),
        *(FieldProblem(name, "the column is missing", "Add it.") for name in missing),
        *(FieldProblem(name, "the column comes twice", "Keep one.") for name in double),
    ]


def read_row(
    cells: Mapping[str, str], base: CardContent | None, defaults: Mapping[str, Any] = MappingProxyType({})
) -> Row:
    """Read one line.

    Args:
        cells: text by column name.
        base: the stored card that the line is about; columns that the file lacks keep its values.
        defaults: what a new card has where the file says nothing (FA-13, FA-17).

    Raises:
        BadRow: with every cell that is wrong.
    """
    text = {name: _plain(cell if name == "internal_note" else cell.strip()) for name, cell in cells.items()}
    problems: list[FieldProblem] = []
    flags = {name: _flag(name, text[name], problems) for name in _BOOLEANS if name in text}
    document = base.model_dump() if base is not None else dict(defaults)
    customer_number = text.get("customer_number", "")
    try:
        _CUSTOMER_NUMBER.validate_python(customer_number)
    except ValidationError:
        problems.append(
            FieldProblem(
                "customer_number",
                f"{customer_number[:60]!r} is no customer number",
                "Use up to 30 letters, digits and . / _ -, or nothing.",
            )
        )
    document |= {name: text[name] for name in _DIRECT if text.get(name)}
    document |= {name: text[name] for name in _MAY_BE_EMPTY if name in text}
    document |= _parts(text, flags, document, problems)
    if problems:
        raise BadRow(problems)
    try:
        content = CardContent.model_validate(document)
    except ValidationError as error:
        raise BadRow([_problem(item) for item in error.errors()]) from None
    return Row(
        debtor_id=text.get("debtor_id", ""),
        administration=text.get("administration", ""),
        numbers={kind: number for kind in Kind if (number := text.get(f"{kind.value}_number", ""))},
        content=content,
        customer_number=customer_number,
    )


_CUSTOMER_NUMBER: TypeAdapter[str] = TypeAdapter(CustomerNumber)
_DIRECT = ("party", "name", "country", "vat_regime", "language", "currency", "discount_kind")
_MAY_BE_EMPTY = ("search_name", "vat_number", "chamber_number", "internal_note", "category", "price_tier")


def _parts(
    text: Mapping[str, str], flags: Mapping[str, bool], base: Mapping[str, Any], problems: list[FieldProblem]
) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    if text.get("kinds"):
        parts["kinds"] = tuple(part.strip() for part in text["kinds"].split(",") if part.strip())
    if "payment_term_days" in text:
        parts["payment_term_days"] = _number(text["payment_term_days"], "payment_term_days", problems)
    if "discount_percent" in text:
        parts["discount_percent"] = text["discount_percent"].replace(",", ".") or None
    if "phone" in text:
        parts["phones"] = tuple(part.strip() for part in text["phone"].split(",") if part.strip())
    parts["addresses"] = _addresses(text, base)
    parts["emails"] = _emails(text, base)
    if "iban" in text:
        others = tuple(base.get("bank_accounts", ()))[1:]
        first = ({"iban": text["iban"], "bic": text.get("bic", "")},) if text["iban"] else ()
        parts["bank_accounts"] = first + others
    own = {
        name.removeprefix(COLUMN_PREFIX): value
        for name, value in text.items()
        if name.startswith(COLUMN_PREFIX)
    }
    if own:
        values = {**base.get("own_fields", {}), **own}
        parts["own_fields"] = {key: value for key, value in values.items() if value}
    parts["invoice_delivery"] = _delivery_wishes(text, flags, base)
    parts["ekt"] = _ekt(text, flags, base)
    return parts


def _addresses(text: Mapping[str, str], base: Mapping[str, Any]) -> tuple[Any, ...]:
    country = text.get("country") or base.get("country") or "NL"
    kept = list(base.get("addresses", ()))
    for kind, prefix in ((AddressKind.VISIT, ""), (AddressKind.DELIVERY, "delivery_")):
        names = [prefix + part for part in ("street", "postal_code", "city")]
        if not any(name in text for name in names):
            continue
        at = next((i for i, a in enumerate(kept) if a["kind"] == kind), None)
        street, postal_code, city = (text.get(name, "") for name in names)
        if not (street or postal_code or city):
            if at is not None:
                kept.pop(at)
            continue
        old = kept[at] if at is not None else {}
        lines = (
            old.get("lines", ()) if ", ".join(old.get("lines", ())) == street else (street,) if street else ()
        )
        new = {"region": "", **old, "kind": kind, "country": old.get("country") or country,
               "lines": lines, "postal_code": postal_code, "city": city}  # fmt: skip
        if at is None:
            kept.append(new)
        else:
            kept[at] = new
    return tuple(kept)


def _emails(text: Mapping[str, str], base: Mapping[str, Any]) -> tuple[Any, ...]:
    kept = list(base.get("emails", ()))
    for column, kind in (
        ("email", DocumentKind.GENERAL),
        ("email_invoice", DocumentKind.INVOICE),
        ("email_ekt", DocumentKind.EKT),
    ):
        if column not in text:
            continue
        at = next((i for i, e in enumerate(kept) if e["document"] == kind), None)
        if not text[column]:
            kept = [e for e in kept if e["document"] != kind]
        elif at is None:
            kept.append({"address": text[column], "document": kind})
        else:
            kept[at] = {"address": text[column], "document": kind}
    return tuple(kept)


def _delivery_wishes(
    text: Mapping[str, str], flags: Mapping[str, bool], base: Mapping[str, Any]
) -> dict[str, Any]:
    wishes = dict(base.get("invoice_delivery", {}))
    if "einvoice_scheme" in text or "einvoice_id" in text:
        scheme, identifier = text.get("einvoice_scheme", ""), text.get("einvoice_id", "")
        wishes["electronic"] = {"scheme": scheme, "identifier": identifier} if scheme or identifier else None
    for column, name in (
        ("consumer_einvoice", "consumer_chose_einvoice"),
        ("email_allowed", "email_allowed"),
        ("print_allowed", "print_allowed"),
    ):
        if column in flags:
            wishes[name] = flags[column]
    return wishes


def _ekt(text: Mapping[str, str], flags: Mapping[str, bool], base: Mapping[str, Any]) -> dict[str, Any]:
    ekt = dict(base.get("ekt", {}))
    for column, name in (
        ("use_ekts", "use_ekts"),
        ("accepts_ekts", "accepts_ekts"),
        ("ekt_separate_files", "separate_files"),
    ):
        if column in flags:
            ekt[name] = flags[column]
    if text.get("ekt_method"):
        ekt["method"] = text["ekt_method"]
    for column, name in (("ekt_folder", "folder"), ("ekt_buyer_code", "buyer_code")):
        if column in text:
            ekt[name] = text[column]
    return ekt


def _plain(cell: str) -> str:
    """The text of a cell; the apostrophe that an export puts before a formula is taken off again."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _flag(name: str, value: str, problems: list[FieldProblem]) -> bool:
    word = value.lower()
    if word and word not in YES_WORDS | NO_WORDS:
        problems.append(FieldProblem(name, f"{value[:40]!r} is neither yes nor no", "Write yes or no."))
    return word in YES_WORDS


def _number(value: str, name: str, problems: list[FieldProblem]) -> int | None:
    if not value:
        return None
    if not (value.isascii() and value.isdigit()):
        problems.append(
            FieldProblem(name, f"{value[:40]!r} is no number of days", "Write digits, or nothing.")
        )
        return None
    return int(value)


def _problem(item: Any) -> FieldProblem:
    shown = str(item.get("input"))[:60]
    return FieldProblem(
        ".".join(str(part) for part in item["loc"]), f"{shown!r}: {item['msg']}", "Mend the cell."
    )
