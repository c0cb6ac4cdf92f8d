"""The whole card: tidied and checked at once, and what is worth a warning."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeVar

from klokwerk_contracts.debtor_changed import BankAccount, CardAddress, EktMethod, EmailAddress
from klokwerk_contracts.types import ElectronicAddress

from debtor_service.domain.addresses import missing_fields, postal_code_example, tidy_postal_code
from debtor_service.domain.card import CardContent
from debtor_service.domain.checks.addresses import clean_bic, clean_email, clean_iban, clean_participant
from debtor_service.domain.checks.codes import is_country, is_currency, is_language
from debtor_service.domain.checks.contacts import check_contacts
from debtor_service.domain.checks.problem import FieldProblem
from debtor_service.domain.checks.registrations import BadNumber, clean_chamber_number, clean_vat
from debtor_service.domain.phones import possible

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LINE_BREAK = re.compile(r"[\r\n\t]")

T = TypeVar("T")


class _Findings(list[FieldProblem]):
    """Collects what is wrong while values are tidied."""

    def tidy(self, field: str, value: T, clean: Callable[[T], T], cure: str) -> T:
        try:
            return clean(value)
        except BadNumber as error:
            self.append(FieldProblem(field, f"{_shown(value)} is not right: {error}", cure))
            return value


def check_card(content: CardContent) -> tuple[CardContent, list[FieldProblem]]:
    """Tidy every value of a card and find all that is wrong with it.

    Returns:
        The content in its normal form (numbers without blanks, e-mail addresses normalised), and what is wrong;
        only a content without problems may be stored.
    """
    found = _Findings()
    found.extend(_texts(content))
    found.extend(_codes(content))
    contacts, problems = check_contacts(content.contact_persons, content.party, content.country)
    found.extend(problems)
    tidied = content.model_copy(
        update={
            "kinds": tuple(sorted(set(content.kinds), reverse=True)),
            "name": " ".join(content.name.split()),
            "vat_number": _vat(content, found),
            "chamber_number": _chamber(content, found),
            "addresses": tuple(_address(address) for address in content.addresses),
            "emails": tuple(_email(i, e, found) for i, e in enumerate(content.emails)),
            "phones": tuple(_phone(i, p, content.country, found) for i, p in enumerate(content.phones)),
            "bank_accounts": tuple(_account(i, a, found) for i, a in enumerate(content.bank_accounts)),
            "contact_persons": contacts,
            "invoice_delivery": content.invoice_delivery.model_copy(
                update={"electronic": _participant(content.invoice_delivery.electronic, found)}
            ),
        }
    )
    found.extend(_ekt(content))
    return tidied, list(found)


def warnings_for(content: CardContent) -> list[FieldProblem]:
    """What does not forbid saving but will hinder later: letters, EKTs and e-invoices that can't arrive."""
    return [*_ekt_warnings(content), *_einvoice_warnings(content), *_address_warnings(content)]


def _texts(content: CardContent) -> Iterator[FieldProblem]:
    if not content.kinds:
        yield FieldProblem("kinds", "it is empty", 'Write "debtor", "creditor" or both.')
    if not content.name.strip():
        yield FieldProblem("name", "it is blank", "Write the name of the person or organisation.")
    one_line = {
        "name": content.name,
        "search_name": content.search_name,
        "website": content.website,
        **{
            f"addresses.{i}.{part}": text
            for i, address in enumerate(content.addresses)
            for part, text in (
                *((f"lines.{n}", line) for n, line in enumerate(address.lines)),
                ("postal_code", address.postal_code),
                ("city", address.city),
                ("region", address.region),
            )
        },
    }
    for field, text in one_line.items():
        if _CONTROL.search(text) or _LINE_BREAK.search(text):
            yield FieldProblem(field, "it holds a line break or a control character", "Write it on one line.")
    for field, text in (
        ("internal_note", content.internal_note),
        ("note_for_documents", content.note_for_documents),
    ):
        if _CONTROL.search(text):
            yield FieldProblem(field, "it holds a control character", "Take the character out.")


def _codes(content: CardContent) -> Iterator[FieldProblem]:
    countries = {"country": content.country} | {
        f"addresses.{i}.country": a.country for i, a in enumerate(content.addresses)
    }
    for field, code in countries.items():
        if not is_country(code):
            yield FieldProblem(field, f"{code!r} is no country", "Write an ISO 3166 code such as NL or BE.")
    if not is_currency(content.currency):
        yield FieldProblem(
            "currency", f"{content.currency!r} is no currency", "Write an ISO 4217 code such as EUR."
        )
    if not is_language(content.language):
        yield FieldProblem(
            "language", f"{content.language!r} is no language", "Write an ISO 639 code such as nl or sv."
        )


def _vat(content: CardContent, found: _Findings) -> str:
    if not content.vat_number.strip():
        return ""
    return found.tidy(
        "vat_number",
        content.vat_number,
        lambda number: clean_vat(number, content.country),
        "Compare it with the customer's papers, or leave it empty.",
    )


def _chamber(content: CardContent, found: _Findings) -> str:
    if not content.chamber_number.strip():
        return ""
    return found.tidy(
        "chamber_number",
        content.chamber_number,
        lambda number: clean_chamber_number(number, content.country),
        "Compare it with the register's extract, or leave it empty.",
    )


def _address(address: CardAddress) -> CardAddress:
    return address.model_copy(update={"postal_code": tidy_postal_code(address.postal_code, address.country)})


def _email(index: int, email: EmailAddress, found: _Findings) -> EmailAddress:
    address = found.tidy(
        f"emails.{index}.address", email.address, clean_email, "Write it like name@company.example."
    )
    return email.model_copy(update={"address": address})


def _phone(index: int, phone: str, country: str, found: _Findings) -> str:
    if not possible(phone, country):
        found.append(
            FieldProblem(
                f"phones.{index}",
                f"{_shown(phone)} is no phone number",
                "Write it with the country, like +31 20 1234567.",
            )
        )
    return " ".join(phone.split())


def _account(index: int, account: BankAccount, found: _Findings) -> BankAccount:
    iban = found.tidy(
        f"bank_accounts.{index}.iban",
        account.iban,
        clean_iban,
        "Compare it with the customer's bank statement.",
    )
    bic = account.bic and found.tidy(
        f"bank_accounts.{index}.bic", account.bic, clean_bic, "Write 8 or 11 characters, or leave it empty."
    )
    return BankAccount(iban=iban, bic=bic)


def _participant(address: ElectronicAddress | None, found: _Findings) -> ElectronicAddress | None:
    if address is None:
        return None
    try:
        return clean_participant(address)
    except BadNumber as error:
        shown = f"{address.scheme}:{address.identifier}"
        found.append(
            FieldProblem(
                "invoice_delivery.electronic.identifier",
                f"{_shown(shown)} is not right: {error}",
                "Ask the customer for the address on which they take e-invoices.",
            )
        )
        return address


def _ekt(content: CardContent) -> Iterator[FieldProblem]:
    ekt = content.ekt
    if ekt.folder.startswith("."):
        yield FieldProblem(
            "ekt.folder", f"{_shown(ekt.folder)} starts with a dot", "Write a plain folder name."
        )
    by_folder = ekt.method is EktMethod.FOLDER and ekt.transfer is None
    if ekt.use_ekts and by_folder and not ekt.folder:
        yield FieldProblem("ekt.folder", "it is empty", "Name the folder that the customer's EKTs go to.")
    if any(c in ekt.file_name_pattern for c in "/\\") or _CONTROL.search(ekt.file_name_pattern):
        yield FieldProblem(
            "ekt.file_name_pattern",
            f"{_shown(ekt.file_name_pattern)} holds a path",
            "Write a file name only, like EKT{yymmdd}-{reference}.edi.",
        )


def _ekt_warnings(content: CardContent) -> Iterator[FieldProblem]:
    if not content.ekt.use_ekts:
        return
    addresses = {email.document for email in content.emails}
    by_mail = content.ekt.method is EktMethod.EMAIL and content.ekt.transfer is None
    if by_mail and not addresses & {"ekt", "general"}:
        yield FieldProblem(
            "emails", "EKTs are on, but there is no e-mail address to send them to", "Add an e-mail address."
        )
    if not content.ekt.accepts_ekts:
        yield FieldProblem(
            "ekt.accepts_ekts",
            "EKTs are on, but nobody confirmed that the customer's software takes them",
            "Ask the customer, then tick it.",
        )


def _einvoice_warnings(content: CardContent) -> Iterator[FieldProblem]:
    if content.invoice_delivery.electronic is not None and not any(_complete(a) for a in content.addresses):
        yield FieldProblem(
            "addresses",
            "there is an e-invoice address, but no complete postal address, so no e-invoice can be sent",
            "Fill in street, postal code and city.",
        )


def _address_warnings(content: CardContent) -> Iterator[FieldProblem]:
    for index, address in enumerate(content.addresses):
        for missing in missing_fields(address):
            yield FieldProblem(
                f"addresses.{index}.{missing.field}",
                f"an address in {address.country} needs a {missing.name}",
                "Fill it in, so that letters and e-invoices can arrive.",
            )
        if example := postal_code_example(address):
            yield FieldProblem(
                f"addresses.{index}.postal_code",
                f"{_shown(address.postal_code)} does not look like a postal code of {address.country}",
                f"Compare it with the customer's papers; it is written like {example}.",
            )


def _complete(address: CardAddress) -> bool:
    return bool(
        any(line.strip() for line in address.lines) and address.postal_code.strip() and address.city.strip()
    )


def _shown(value: object) -> str:
    text = str(value)
    return repr(text if len(text) <= 60 else text[:57] + "...")
