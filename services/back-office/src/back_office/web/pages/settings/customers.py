"""Settings > Customers: what new cards start with (FA-13, FA-17), languages offered (FA-78), numbering (FA-11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from babel import Locale
from fastapi import APIRouter, Response

from back_office.clients.customers import CustomerSettings
from back_office.clients.transport import Refused
from back_office.domain.roles import Action
from back_office.web.components.form import Control, Field, Form, Section
from back_office.web.components.message import done
from back_office.web.components.table import Option
from back_office.web.pages.debtor.codes import VAT_REGIMES, countries, currencies, named
from back_office.web.pages.debtor.form import tick
from back_office.web.pages.settings.saving import Shown, above, refused, shown
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
ADDRESS = "/settings/customers"
OFFERED = ("nl", "en", "de", "fr", "sv", "fi", "da", "it", "es", "pl")
DEFAULTS = ("default_vat_regime", "default_language", "default_currency", "default_country")


@router.get(ADDRESS)
async def page(visit: SignedIn) -> Response:
    """The page."""
    answer = await visit.clients.customers.settings()
    about = _about(visit, answer.value)
    return await shown(visit, about, _form(answer.value, answer.revision, visit))


@router.post(ADDRESS)
async def save(visit: SignedIn) -> Response:
    """Save it; cards that are there keep what they have."""
    typed = await visit.form()
    revision = typed.get("_revision", "")
    current = (await visit.clients.customers.settings()).value
    try:
        saved = await visit.clients.customers.save_settings(_body(current, typed), revision)
    except Refused as refusal:
        form = _form(current, revision, visit).with_values(typed)
        about = _about(visit, current)
        marked, status = refused(form, refusal, visit, about)
        return await shown(visit, about, marked, status=status)
    t = visit.t
    follows = t("settings.customers.next_is", number=saved.numbering.next_number)
    await visit.say(done(t("settings.customers.saved"), follows if saved.numbering.automatic else ""))
    return visit.go(ADDRESS)


def _about(visit: Visit, current: CustomerSettings) -> Shown:
    return Shown(
        area="customers",
        address=ADDRESS,
        path=above(visit, "nav.organisation"),
        action=Action.SET_CUSTOMERS,
        changed_at=current.changed_at,
        changed_by=current.changed_by,
        forms={"numbering.prefix": visit.t("settings.customers.prefix_form")},
        rename=lambda name: "languages.nl" if name.startswith("languages") else name,
    )


def _body(current: CustomerSettings, typed: Mapping[str, str]) -> dict[str, Any]:
    """All of the settings: the apps, which have a page of their own, stay as they are."""
    offered = [code for code in _codes(current) if typed.get(f"languages.{code}")]
    numbering: dict[str, Any] = {
        "automatic": bool(typed.get("numbering.automatic")),
        "prefix": typed.get("numbering.prefix", "").strip(),
        "year": bool(typed.get("numbering.year")),
        "digits": _number(typed, "numbering.digits"),
    }
    following = _number(typed, "numbering.next_value")
    if following != current.numbering.next_value:
        numbering["next_value"] = following
    return (
        current.model_dump(mode="json")
        | {name: typed.get(name, "") for name in DEFAULTS}
        | {"languages": offered, "numbering": numbering}
    )


def _number(typed: Mapping[str, str], name: str) -> int | str:
    value = typed.get(name, "").strip()
    return int(value) if value.isdecimal() else value


def _codes(current: CustomerSettings) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*OFFERED, *current.languages)))


def _form(current: CustomerSettings, revision: str, visit: Visit) -> Form:
    t, numbering = visit.t, current.numbering
    regimes = named(VAT_REGIMES, "debtor.vat_regime_", t, current.default_vat_regime)
    locale = Locale.parse(t.language)
    languages = tuple(Option(code, _language(code, locale)) for code in _codes(current))

    def choice(name: str, options: tuple[Option, ...], *, wide: bool = False) -> Field:
        label = t(f"settings.customers.{name}")
        return Field(name, label, str(getattr(current, name)), Control.SELECT, options, wide=wide)

    return Form(
        action=ADDRESS,
        submit=t("form.save"),
        revision=revision,
        read_only=not visit.may(Action.SET_CUSTOMERS),
        sections=(
            Section(
                t("settings.customers.section_defaults"),
                (
                    choice("default_vat_regime", regimes, wide=True),
                    choice("default_language", languages),
                    choice("default_currency", currencies(t, current.default_currency)),
                    choice("default_country", countries(t, current.default_country)),
                ),
                help=t("settings.customers.defaults_help"),
            ),
            Section(
                t("settings.customers.section_languages"),
                tuple(
                    Field(
                        f"languages.{code}",
                        _language(code, locale),
                        tick(code in current.languages),
                        Control.TICK,
                    )
                    for code in _codes(current)
                ),
                help=t("settings.customers.languages_help")
                if current.has("languages")
                else t("settings.customers.languages_off"),
            ),
            Section(
                t("settings.customers.section_numbering"),
                (
                    Field(
                        "numbering.automatic",
                        t("settings.customers.automatic"),
                        tick(numbering.automatic),
                        Control.TICK,
                        wide=True,
                    ),
                    Field("numbering.prefix", t("settings.customers.prefix"), numbering.prefix),
                    Field(
                        "numbering.digits",
                        t("settings.customers.digits"),
                        str(numbering.digits),
                        Control.NUMBER,
                    ),
                    Field(
                        "numbering.next_value",
                        t("settings.customers.next_value"),
                        str(numbering.next_value),
                        Control.NUMBER,
                        help=t("settings.customers.next_is", number=numbering.next_number),
                    ),
                    Field("numbering.year", t("settings.customers.year"), tick(numbering.year), Control.TICK),
                ),
                help=t("settings.customers.numbering_help"),
            ),
        ),
    )


def _language(code: str, locale: Locale) -> str:
    name = locale.languages.get(code, code)
    return f"{name[:1].upper()}{name[1:]}"
