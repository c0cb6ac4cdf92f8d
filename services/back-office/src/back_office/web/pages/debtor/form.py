"""The card as a form: what is asked of everybody, and behind "More options" (FA-20) what few customers need."""

from __future__ import annotations

from klokwerk_contracts.debtor_changed import AddressKind

from back_office.clients.customers import Choice, OwnFieldDefinition
from back_office.clients.debtors import Card
from back_office.texts.catalogue import Translator
from back_office.web.components.addresses import segment
from back_office.web.components.form import Control, Field, Form, Section, new_once
from back_office.web.components.table import Option
from back_office.web.pages.debtor.codes import DOCUMENTS, VAT_REGIMES, countries, currencies, named
from back_office.web.pages.debtor.surroundings import Surroundings

MOST_PHONES, MOST_ACCOUNTS, MOST_EMAILS = 3, 2, 10
OWN_CONTROLS = {
    "number": Control.TEXT,
    "date": Control.DATE,
    "choice": Control.SELECT,
    "yes_no": Control.SELECT,
}


def of_card(card: Card, around: Surroundings, t: Translator, *, revision: str) -> Form:
    """The form of a card that is there."""
    address = f"/debtors/{segment(card.debtor_id)}"
    return Form(
        action=f"{address}/edit",
        submit=t("form.save"),
        revision=revision,
        cancel=address,
        sections=_sections(card, around, t),
    )


def blank(around: Surroundings, t: Translator, *, kind: str = "debtor") -> Form:
    """The form of a new card, with what the organisation starts its cards with (FA-13, FA-17)."""
    settings = around.settings
    card = Card(
        debtor_id="new",
        name="",
        kinds=(kind,),
        country=settings.default_country,
        vat_regime=settings.default_vat_regime,
        language=settings.default_language,
        currency=settings.default_currency,
    )
    return Form(
        action="/debtors/new",
        submit=t("debtor.submit_new"),
        once=new_once(),
        cancel="/debtors",
        sections=_sections(card, around, t),
    )


def _sections(card: Card, around: Surroundings, t: Translator) -> tuple[Section, ...]:
    own = around.fields_of(("debtor", "creditor") if card.debtor_id == "new" else card.kinds)
    further = range(1, len(card.addresses) + 1) if card.addresses else ()
    found = (
        _who(card, t),
        _address(card, 0, t, title=t("debtor.section_address")),
        Section(
            t("debtor.section_contact"),
            (
                Field("emails.general", t("debtor.email_general"), card.email(), Control.EMAIL),
                Field("phones.0", t("debtor.phone"), _at(card.phones, 0), Control.TEL),
            ),
        ),
        Section(t("debtor.section_own"), tuple(_own(field, card, t) for field in own)),
        Section(
            t("debtor.internal_note"),
            (Field("internal_note", t("debtor.internal_note"), card.internal_note, Control.AREA, bare=True),),
            help=t("debtor.internal_note_help"),
        ),
        _names(card, around, t),
        *(_address(card, index, t, more=True) for index in further),
        _emails(card, t),
        _documents(card, around, t),
        _delivery(card, t),
        _accounts(card, t),
    )
    return tuple(section for section in found if section.fields)


def _who(card: Card, t: Translator) -> Section:
    return Section(
        t("debtor.section_who"),
        (
            Field("name", t("debtor.name"), card.name, required=True, wide=True),
            Field("vat_number", t("debtor.vat_number"), card.vat_number),
            Field("chamber_number", t("debtor.chamber_number"), card.chamber_number),
            Field(
                "party",
                t("debtor.party"),
                card.party,
                Control.SELECT,
                named(("organisation", "person"), "debtor.party_", t),
            ),
            Field("country", t("debtor.country"), card.country, Control.SELECT, countries(t, card.country)),
            Field(
                "vat_regime",
                t("debtor.vat_regime"),
                card.vat_regime,
                Control.SELECT,
                named(VAT_REGIMES, "debtor.vat_regime_", t, card.vat_regime),
                wide=True,
            ),
            Field("kind.debtor", t("debtor.is_debtor"), tick("debtor" in card.kinds), Control.TICK),
            Field("kind.creditor", t("debtor.is_creditor"), tick("creditor" in card.kinds), Control.TICK),
        ),
    )


def _address(card: Card, index: int, t: Translator, *, title: str = "", more: bool = False) -> Section:
    known = card.addresses[index] if index < len(card.addresses) else None
    kinds = tuple(kind.value for kind in AddressKind)
    used = {address.kind.value for address in card.addresses}
    unused = next((kind for kind in ("visit", "invoice", "delivery", "postal") if kind not in used), "visit")
    kind = known.kind.value if known else unused
    country = known.country if known else card.country
    base = f"addresses.{index}"
    return Section(
        title or (t(f"debtor.address_{kind}") if known else t("debtor.another_address")),
        (
            Field(
                f"{base}.kind",
                t("debtor.address_kind"),
                kind,
                Control.SELECT,
                named(kinds, "debtor.address_", t),
            ),
            Field(f"{base}.lines.0", t("debtor.street"), ", ".join(known.lines) if known else ""),
            Field(f"{base}.postal_code", t("debtor.postal_code"), known.postal_code if known else ""),
            Field(f"{base}.city", t("debtor.city"), known.city if known else ""),
            Field(f"{base}.region", t("debtor.region"), known.region if known else ""),
            Field(f"{base}.country", t("debtor.country"), country, Control.SELECT, countries(t, country)),
        ),
        more=more,
    )


def _own(field: OwnFieldDefinition, card: Card, t: Translator) -> Field:
    options: tuple[Option, ...] = ()
    if field.type == "choice":
        options = (Option("", ""), *(Option(choice, choice) for choice in field.choices))
    elif field.type == "yes_no":
        options = (Option("", ""), Option("yes", t("form.yes")), Option("no", t("form.no")))
    return Field(
        f"own_fields.{field.key}",
        field.label,
        card.own_fields.get(field.key, ""),
        OWN_CONTROLS.get(field.type, Control.TEXT),
        options,
        help=t("debtor.on_documents") if field.on_documents else "",
    )


def _names(card: Card, around: Surroundings, t: Translator) -> Section:
    automatic = around.settings.numbering.automatic and not card.customer_number
    return Section(
        t("debtor.section_names"),
        (
            Field("search_name", t("debtor.search_name"), card.search_name),
            Field(
                "customer_number",
                t("debtor.customer_number"),
                card.customer_number,
                help=t("debtor.customer_number_help") if automatic else "",
            ),
            Field("website", t("debtor.website"), card.website),
            *(
                Field(
                    f"phones.{index}",
                    t("debtor.phone_number", number=index + 1),
                    _at(card.phones, index),
                    Control.TEL,
                )
                for index in range(1, MOST_PHONES)
            ),
        ),
        more=True,
    )


def _emails(card: Card, t: Translator) -> Section:
    general = card.emails_of("general")
    further = range(1, min(MOST_EMAILS, max(2, len(general) + 1)))
    return Section(
        t("debtor.section_emails"),
        (
            *(
                Field(
                    f"emails.general.{index}",
                    t("debtor.email_number", number=index + 1),
                    _at(general, index),
                    Control.EMAIL,
                )
                for index in further
            ),
            *(
                Field(
                    f"emails.{document}", t(f"debtor.email_{document}"), card.email(document), Control.EMAIL
                )
                for document in DOCUMENTS
            ),
        ),
        help=t("debtor.email_other_help"),
        more=True,
    )


def _documents(card: Card, around: Surroundings, t: Translator) -> Section:
    days = "" if card.payment_term_days is None else str(card.payment_term_days)
    own_term = around.company_term
    kinds = named(("general", "financial"), "debtor.discount_", t)
    fields = [
        Field(
            "payment_term_days",
            t("debtor.payment_term"),
            days,
            Control.NUMBER,
            help=t("debtor.payment_term_help_days", days=own_term)
            if own_term
            else t("debtor.payment_term_help"),
        ),
        Field("discount_percent", t("debtor.discount"), card.discount_percent or ""),
        Field("discount_kind", t("debtor.discount_kind"), card.discount_kind, Control.SELECT, kinds),
        Field("currency", t("debtor.currency"), card.currency, Control.SELECT, currencies(t, card.currency)),
    ]
    if around.settings.has("languages"):
        languages = named(around.settings.languages, "settings.language_", t, card.language)
        fields.append(Field("language", t("debtor.language"), card.language, Control.SELECT, languages))
    if around.categories or card.category:
        listed = _listed(around.categories, card.category)
        fields.append(Field("category", t("debtor.category"), card.category, Control.SELECT, listed))
    if around.settings.has("tier_prices"):
        listed = _listed(around.tiers, card.price_tier)
        help_ = t("debtor.price_tier_help")
        fields.append(
            Field("price_tier", t("debtor.price_tier"), card.price_tier, Control.SELECT, listed, help=help_)
        )
    fields.append(Field("note_for_documents", t("debtor.note"), card.note_for_documents, Control.AREA))
    return Section(t("debtor.section_documents"), tuple(fields), more=True)


def _delivery(card: Card, t: Translator) -> Section:
    delivery, base = card.invoice_delivery, "invoice_delivery"
    electronic = delivery.electronic
    return Section(
        t("debtor.section_delivery"),
        (
            Field(
                f"{base}.electronic.scheme",
                t("debtor.einvoice_scheme"),
                electronic.scheme if electronic else "",
                help=t("debtor.einvoice_scheme_help"),
            ),
            Field(
                f"{base}.electronic.identifier",
                t("debtor.einvoice_id"),
                electronic.identifier if electronic else "",
            ),
            *(
                Field(f"{base}.{name}", t(f"debtor.{name}"), tick(getattr(delivery, name)), Control.TICK)
                for name in ("email_allowed", "print_allowed", "consumer_chose_einvoice")
            ),
        ),
        more=True,
    )


def _accounts(card: Card, t: Translator) -> Section:
    known: list[dict[str, str]] = list((card.model_extra or {}).get("bank_accounts", ()))
    fields: list[Field] = []
    for index in range(min(MOST_ACCOUNTS, len(known) + 1)):
        account = known[index] if index < len(known) else {}
        base = f"bank_accounts.{index}"
        fields += [
            Field(f"{base}.iban", t("debtor.iban"), account.get("iban", "")),
            Field(f"{base}.bic", t("debtor.bic"), account.get("bic", "")),
        ]
    return Section(t("debtor.section_accounts"), tuple(fields), more=True)


def _listed(choices: tuple[Choice, ...], present: str) -> tuple[Option, ...]:
    known = [Option(choice.code, choice.label) for choice in choices]
    if present and present not in {option.value for option in known}:
        known.append(Option(present, present))
    return (Option("", ""), *known)


def tick(on: bool) -> str:
    """The value of a tick box."""
    return "on" if on else ""


def _at(values: tuple[str, ...], index: int) -> str:
    return values[index] if index < len(values) else ""
