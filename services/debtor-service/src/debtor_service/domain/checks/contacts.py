"""Contact persons of an organisation: tidied and checked like the card they stand on (FA-39)."""

from __future__ import annotations

from collections.abc import Iterator

from klokwerk_contracts.debtor_changed import ContactPerson, Party

from debtor_service.domain.checks.addresses import clean_email
from debtor_service.domain.checks.codes import is_country
from debtor_service.domain.checks.problem import FieldProblem
from debtor_service.domain.checks.registrations import BadNumber
from debtor_service.domain.phones import possible


def check_contacts(
    contacts: tuple[ContactPerson, ...], party: Party, country: str
) -> tuple[tuple[ContactPerson, ...], list[FieldProblem]]:
    """Tidy the contact persons of a card and find all that is wrong with them.

    Args:
        country: of the card; phone numbers without a prefix are read as numbers of it.
    """
    if not contacts:
        return contacts, []
    if party is Party.PERSON:
        message = "the card is of a person, who has no contact persons"
        return contacts, [
            FieldProblem(
                "contact_persons", message, "Make it the card of an organisation, or leave them out."
            )
        ]
    problems: list[FieldProblem] = []
    ids = [contact.contact_id for contact in contacts]
    problems += [
        FieldProblem("contact_persons", f"{double!r} comes twice", "Give each an id of its own.")
        for double in sorted({i for i in ids if ids.count(i) > 1})
    ]
    tidied = []
    for position, contact in enumerate(contacts):
        one, found = check_contact(contact, country)
        tidied.append(one)
        problems += [FieldProblem(f"contact_persons.{position}.{p.field}", p.message, p.cure) for p in found]
    return tuple(tidied), problems


def check_contact(contact: ContactPerson, country: str) -> tuple[ContactPerson, list[FieldProblem]]:
    """Tidy one contact person and find what is wrong."""
    problems = list(_texts(contact))
    name, department = " ".join(contact.name.split()), " ".join(contact.department.split())
    if not (name or department):
        problems.append(
            FieldProblem("name", "name and department are both empty", "Fill in at least one of them.")
        )
    email = contact.email
    try:
        email = clean_email(email) if email else ""
    except BadNumber as error:
        problems.append(
            FieldProblem("email", f"{email!r} is not right: {error}", "Write it like name@company.example.")
        )
    if contact.phone and not possible(contact.phone, country):
        problems.append(
            FieldProblem(
                "phone",
                f"{contact.phone!r} is no phone number",
                "Write it with the country, like +31 20 1234567.",
            )
        )
    return contact.model_copy(
        update={
            "name": name,
            "department": department,
            "email": email,
            "phone": " ".join(contact.phone.split()),
        }
    ), problems


def _texts(contact: ContactPerson) -> Iterator[FieldProblem]:
    texts = {"name": contact.name, "department": contact.department, "phone": contact.phone}
    if (address := contact.address) is not None:
        texts |= {f"address.lines.{n}": line for n, line in enumerate(address.lines)}
        texts |= {"address.postal_code": address.postal_code, "address.city": address.city}
        texts |= {"address.region": address.region}
        if not is_country(address.country):
            yield FieldProblem(
                "address.country",
                f"{address.country!r} is no country",
                "Write an ISO 3166 code such as NL or BE.",
            )
        if not (any(line.strip() for line in address.lines) and address.city.strip()):
            yield FieldProblem(
                "address",
                "street or city is missing",
                "Fill them in, or leave the address out to use the card's.",
            )
    for field, text in texts.items():
        if not text.isprintable():
            yield FieldProblem(field, "it holds a line break or a control character", "Write it on one line.")
