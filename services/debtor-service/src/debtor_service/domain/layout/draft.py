"""A card while a line of a file is read onto it: the stored content as plain data, and what is wrong so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from klokwerk_contracts import new_event_id
from klokwerk_contracts.debtor_changed import AddressKind, DocumentKind, Kind

from debtor_service.domain.card import Card
from debtor_service.domain.checks.problem import FieldProblem

V = TypeVar("V")


class Draft:
    """What a line says, on top of what the card says already.

    Attributes:
        document: content of the card to be, as `CardContent` takes it.
        numbers: numbers that the line brings along.
        problems: cells that can't be read.
    """

    def __init__(self, base: Card | None, defaults: Mapping[str, Any]) -> None:
        self.document: dict[str, Any] = base.content.model_dump() if base is not None else dict(defaults)
        self.debtor_id = ""
        self.administration = ""
        self.customer_number = ""
        self.numbers: dict[Kind, str] = {}
        self.problems: list[FieldProblem] = []
        self.addresses: list[dict[str, Any]] = [dict(a) for a in self.document.get("addresses", ())]
        self.emails: list[dict[str, Any]] = [dict(e) for e in self.document.get("emails", ())]
        self.phones: list[str] = list(self.document.get("phones", ()))
        self.accounts: list[dict[str, Any]] = [dict(a) for a in self.document.get("bank_accounts", ())]
        self.contacts: list[dict[str, Any]] = [dict(c) for c in self.document.get("contact_persons", ())]
        self.own_fields: dict[str, str] = dict(self.document.get("own_fields", {}))
        self.wishes: dict[str, Any] = dict(self.document.get("invoice_delivery", {}))
        self.ekt: dict[str, Any] = dict(self.document.get("ekt", {}))
        self.first_name = self.last_name = ""
        self._touched: set[AddressKind] = set()
        self._contact: dict[str, Any] | None = None

    def read(self, column: str, text: str, reading: Callable[[str], V], cure: str) -> V | None:
        """What `reading` makes of a cell; none when it refuses, which is noted with the cure."""
        try:
            return reading(text)
        except ValueError as error:
            self.problems.append(FieldProblem(column, str(error), cure))
            return None

    @property
    def country(self) -> str:
        """The country of the card as it stands now."""
        return str(self.document.get("country") or "NL")

    def address(self, kind: AddressKind) -> dict[str, Any]:
        """The address of one kind, made where there is none."""
        self._touched.add(kind)
        for address in self.addresses:
            if address["kind"] == kind:
                return address
        made = {
            "kind": kind,
            "lines": (),
            "postal_code": "",
            "city": "",
            "region": "",
            "country": self.country,
        }
        self.addresses.append(made)
        return made

    def move_to(self, country: str) -> None:
        """Set the card's country; a visiting address that was in the same country as the card goes along."""
        for address in self.addresses:
            if address["kind"] == AddressKind.VISIT and address["country"] == self.country:
                address["country"] = country
        self.document["country"] = country

    def set_email(self, document: DocumentKind, address: str) -> None:
        """The address for one kind of document; empty takes it off."""
        others = [e for e in self.emails if e["document"] != document]
        at = next((i for i, e in enumerate(self.emails) if e["document"] == document), None)
        if not address:
            self.emails = others
        elif at is None:
            self.emails.append({"address": address, "document": document})
        else:
            self.emails[at] = {"address": address, "document": document}

    def account(self) -> dict[str, Any]:
        """The first bank account, made where there is none."""
        if not self.accounts:
            self.accounts.append({"iban": "", "bic": ""})
        return self.accounts[0]

    def contact(self, name: str | None = None) -> dict[str, Any]:
        """The contact person that the line is about: the one of that name, else the first, else a new one."""
        if self._contact is None:
            wanted = " ".join((name or "").split()).casefold()
            found = next((c for c in self.contacts if wanted and c["name"].casefold() == wanted), None)
            if found is None and not wanted and self.contacts:
                found = self.contacts[0]
            if found is None:
                found = {"contact_id": str(new_event_id()), "name": name or ""}
                self.contacts.append(found)
            self._contact = found
        return self._contact

    def finished(self) -> dict[str, Any]:
        """The content as it is to be checked."""
        self._settle_names()
        kept = [a for a in self.addresses if a["kind"] not in self._touched or _filled(a)]
        electronic = self.wishes.get("electronic")
        if electronic is not None and not (electronic["scheme"] or electronic["identifier"]):
            self.wishes["electronic"] = None
        return self.document | {
            "addresses": tuple(kept),
            "emails": tuple(self.emails),
            "phones": tuple(self.phones),
            "bank_accounts": tuple(a for a in self.accounts if a["iban"] or a["bic"]),
            "contact_persons": tuple(self.contacts),
            "own_fields": {key: value for key, value in self.own_fields.items() if value},
            "invoice_delivery": self.wishes,
            "ekt": self.ekt,
        }

    def _settle_names(self) -> None:
        """A first and a last name are the card's name, or else whom to ask for at the organisation."""
        full = " ".join(part for part in (self.first_name, self.last_name) if part)
        if not full:
            return
        if not self.document.get("name"):
            self.document["name"] = full
        elif self.document["name"] != full:
            self.contact(full)["name"] = full


def _filled(address: dict[str, Any]) -> bool:
    return bool(address["lines"] or address["postal_code"] or address["city"])
