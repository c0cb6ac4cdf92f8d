"""Settings > Own company: what stands on our documents, and the payment term of the company."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Response

from back_office.clients.company import Company, CompanyElectronic
from back_office.clients.transport import Refused
from back_office.domain.roles import Action
from back_office.web.components.form import Control, Field, Form, Section
from back_office.web.components.message import done
from back_office.web.pages.debtor.codes import countries
from back_office.web.pages.settings.saving import Shown, above, refused, shown
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
ADDRESS = "/settings/company"
TEXTS = ("name", "vat_number", "chamber_number", "email", "phone", "iban", "bic")
SERIES = ("invoice_series", "credit_series")
IN_ADDRESS = ("postal_code", "city", "country")


@router.get(ADDRESS)
async def page(visit: SignedIn) -> Response:
    """The page."""
    answer = await visit.clients.company.read()
    return await shown(
        visit, _about(visit), _form(answer.value, answer.revision, visit), **_state(answer.value)
    )


@router.post(ADDRESS)
async def save(visit: SignedIn) -> Response:
    """Save it; documents that were issued keep what they have (LS-12)."""
    typed = await visit.form()
    revision = typed.get("_revision", "")
    current = (await visit.clients.company.read()).value
    try:
        await visit.clients.company.save(_body(current, typed), revision)
    except Refused as refusal:
        form = _form(current, revision, visit).with_values(typed)
        marked, status = refused(form, refusal, visit, _about(visit))
        return await shown(visit, _about(visit), marked, status=status, **_state(current))
    await visit.say(done(visit.t("settings.company.saved"), visit.t("settings.company.saved_text")))
    return visit.go(ADDRESS)


def _state(company: Company | None) -> dict[str, Any]:
    return {} if company else {"note": "settings.company.empty"}


def _body(company: Company | None, typed: Mapping[str, str]) -> dict[str, Any]:
    """The whole company: what the form does not show stays as it is."""
    known = company.model_dump(mode="json") if company else {}
    address = known.get("address", {})
    scheme = typed.get("electronic.scheme", "").strip()
    identifier = typed.get("electronic.identifier", "").strip()
    days = typed.get("payment_term_days", "").strip()
    return known | {
        **{name: typed.get(name, "").strip() for name in TEXTS},
        **{name: typed.get(name, "").strip().upper() for name in SERIES},
        "address": address
        | {name: typed.get(f"address.{name}", "").strip() for name in IN_ADDRESS}
        | {"lines": [line.strip() for line in typed.get("address.lines", "").splitlines() if line.strip()]},
        "electronic": {"scheme": scheme, "identifier": identifier} if scheme or identifier else None,
        "payment_term_days": int(days) if days.isdecimal() else days,
    }


def _rename(name: str) -> str:
    return "address.lines" if name.startswith("address.lines") else name


def _about(visit: Visit) -> Shown:
    t = visit.t
    series = t("settings.company.series_form")
    return Shown(
        area="company",
        address=ADDRESS,
        path=above(visit, "nav.organisation"),
        action=Action.SET_COMPANY,
        forms={
            "email": t("invalid.email"),
            "invoice_series": series,
            "credit_series": series,
            "electronic.scheme": t("debtor.einvoice_scheme_help"),
        },
        rename=_rename,
    )


def _form(company: Company | None, revision: str, visit: Visit) -> Form:
    t = visit.t
    shown_ = company or Company()
    electronic = shown_.electronic or CompanyElectronic()

    def text(name: str, control: Control = Control.TEXT, *, key: str = "", required: bool = False) -> Field:
        words = t.either(f"settings.company.{name}_help", "")
        label = t(key or f"debtor.{name}")
        return Field(name, label, str(getattr(shown_, name)), control, help=words, required=required)

    return Form(
        action=ADDRESS,
        submit=t("form.save"),
        revision=revision,
        read_only=not visit.may(Action.SET_COMPANY),
        sections=(
            Section(
                t("debtor.section_who"),
                (
                    Field("name", t("debtor.name"), shown_.name, required=True, wide=True),
                    text("vat_number"),
                    text("chamber_number"),
                ),
            ),
            Section(
                t("debtor.section_address"),
                (
                    Field(
                        "address.lines",
                        t("debtor.street"),
                        "\n".join(shown_.address.lines),
                        Control.AREA,
                        required=True,
                        rows=2,
                    ),
                    Field(
                        "address.postal_code",
                        t("debtor.postal_code"),
                        shown_.address.postal_code,
                        required=True,
                    ),
                    Field("address.city", t("debtor.city"), shown_.address.city, required=True),
                    Field(
                        "address.country",
                        t("debtor.country"),
                        shown_.address.country,
                        Control.SELECT,
                        countries(t, shown_.address.country),
                    ),
                ),
            ),
            Section(
                t("debtor.section_contact"),
                (
                    text("email", Control.EMAIL, key="settings.company.email"),
                    text("phone", Control.TEL),
                ),
            ),
            Section(
                t("settings.company.section_payment"),
                (
                    text("iban", key="settings.company.iban"),
                    text("bic", key="settings.company.bic"),
                    text("payment_term_days", Control.NUMBER, key="debtor.payment_term", required=True),
                ),
            ),
            Section(
                t("settings.company.section_electronic"),
                (
                    Field(
                        "electronic.scheme",
                        t("debtor.einvoice_scheme"),
                        electronic.scheme,
                        help=t("debtor.einvoice_scheme_help"),
                    ),
                    Field("electronic.identifier", t("debtor.einvoice_id"), electronic.identifier),
                ),
                help=t("settings.company.electronic_help"),
            ),
            Section(
                t("settings.company.section_series"),
                (
                    text("invoice_series", key="settings.company.invoice_series"),
                    text("credit_series", key="settings.company.credit_series"),
                ),
                help=t("settings.company.series_help"),
            ),
        ),
    )
