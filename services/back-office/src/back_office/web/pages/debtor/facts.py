"""The card as it is read: what is filled in, in the groups and words of its form."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from babel.numbers import format_decimal

from back_office.clients.debtors import Card
from back_office.texts.catalogue import Translator
from back_office.web.pages.debtor.codes import DOCUMENTS
from back_office.web.pages.debtor.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Fact:
    """A label and what stands behind it.

    Attributes:
        lines: shown one below the other.
        href: where the first line leads, for mail, telephone and web addresses.
    """

    label: str
    lines: tuple[str, ...]
    href: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts that belong together."""

    title: str
    facts: tuple[Fact, ...]


def of_card(card: Card, around: Surroundings, t: Translator) -> tuple[Facts, ...]:
    """The groups of the card that have something to show."""
    groups = (
        Facts(t("debtor.section_who"), _present(_who(card, t))),
        Facts(t("debtor.section_addresses"), tuple(_addresses(card, t))),
        Facts(t("debtor.section_contact"), _present(_contact(card, t))),
        Facts(t("debtor.section_documents"), _present(_documents(card, around, t))),
        Facts(t("debtor.section_delivery"), _present(_delivery(card, t))),
        Facts(t("debtor.section_own"), _own(card, around, t)),
    )
    return tuple(group for group in groups if group.facts)


def _present(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    return tuple(fact for fact in facts if any(fact.lines))


def _who(card: Card, t: Translator) -> Iterable[Fact]:
    yield Fact(t("debtor.party"), (t.either(f"debtor.party_{card.party}", card.party),))
    yield Fact(t("debtor.search_name"), (card.search_name,))
    yield Fact(t("debtor.vat_number"), (card.vat_number,))
    yield Fact(t("debtor.chamber_number"), (card.chamber_number,))
    yield Fact(t("debtor.vat_regime"), (t.either(f"debtor.vat_regime_{card.vat_regime}", card.vat_regime),))


def _addresses(card: Card, t: Translator) -> Iterable[Fact]:
    for address in card.addresses:
        plain = (*address.lines, f"{address.postal_code} {address.city}".strip(), address.country)
        yield Fact(t(f"debtor.address_{address.kind}"), address.formatted or plain)


def _contact(card: Card, t: Translator) -> Iterable[Fact]:
    for document in ("general", *DOCUMENTS):
        for number, address in enumerate(card.emails_of(document), 1):
            general = number > 1 and document == "general"
            label = t("debtor.email_number", number=number) if general else t(f"debtor.email_{document}")
            yield Fact(label, (address,), f"mailto:{address}")
    for number, phone in enumerate(card.phones, 1):
        label = t("debtor.phone") if number == 1 else t("debtor.phone_number", number=number)
        yield Fact(label, (phone,), "tel:" + "".join(c for c in phone if c.isdigit() or c == "+"))
    yield Fact(
        t("debtor.website"), (card.website,), card.website if card.website.startswith("https://") else ""
    )


def _documents(card: Card, around: Surroundings, t: Translator) -> Iterable[Fact]:
    yield Fact(t("debtor.payment_term"), (_term(card, around, t),))
    if card.discount_percent:
        kind = t.either(f"debtor.discount_{card.discount_kind}", card.discount_kind)
        yield Fact(t("debtor.discount"), (f"{_written(card.discount_percent, t)} %", kind))
    yield Fact(t("debtor.currency"), (card.currency,))
    if around.settings.has("languages"):
        yield Fact(t("debtor.language"), (t.either(f"settings.language_{card.language}", card.language),))
    labels = {choice.code: choice.label for choice in (*around.categories, *around.tiers)}
    yield Fact(t("debtor.category"), (labels.get(card.category, card.category),))
    if around.settings.has("tier_prices"):
        yield Fact(t("debtor.price_tier"), (labels.get(card.price_tier, card.price_tier),))
    yield Fact(t("debtor.note"), tuple(card.note_for_documents.splitlines()))


def _written(number: str, t: Translator) -> str:
    """A number as the reader's language writes it."""
    try:
        return format_decimal(Decimal(number), locale=t.language, decimal_quantization=False)
    except InvalidOperation:
        return number


def _term(card: Card, around: Surroundings, t: Translator) -> str:
    if card.payment_term_days is not None:
        return t("debtor.days", days=card.payment_term_days)
    return t("debtor.days_of_company", days=around.company_term) if around.company_term else ""


def _delivery(card: Card, t: Translator) -> Iterable[Fact]:
    delivery = card.invoice_delivery
    if delivery.electronic:
        electronic = delivery.electronic
        yield Fact(t("debtor.einvoice_id"), (f"{electronic.scheme}:{electronic.identifier}",))
    ways = [
        name
        for name in ("email_allowed", "print_allowed", "consumer_chose_einvoice")
        if getattr(delivery, name)
    ]
    yield Fact(t("debtor.ways"), tuple(t(f"debtor.{name}") for name in ways))
    accounts = (card.model_extra or {}).get("bank_accounts", ())
    yield Fact(t("debtor.iban"), tuple(f"{a.get('iban', '')} {a.get('bic', '')}".strip() for a in accounts))


def _own(card: Card, around: Surroundings, t: Translator) -> tuple[Fact, ...]:
    """Every own field of the card's kinds, also the empty ones: they are on each card (FA-30)."""
    words = {"yes": t("form.yes"), "no": t("form.no")}
    found = []
    for field in around.fields_of(card.kinds):
        value = card.own_fields.get(field.key, "")
        shown = words.get(value, value) if field.type == "yes_no" else value
        found.append(Fact(field.label, (shown or t("debtor.nothing"),)))
    return tuple(found)
