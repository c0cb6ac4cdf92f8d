"""Settings: every page there is, with what it is for and whether this user may change it."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Response

from back_office.domain.roles import Action
from back_office.web.visit import SignedIn

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """One settings page."""

    area: str
    href: str
    action: Action


GROUPS = (
    (
        "nav.sales",
        (
            Entry("automatic", "/settings/automatic-dispatch", Action.SET_AUTOMATIC_DISPATCH),
            Entry("ekt", "/settings/ekt", Action.SET_EKT),
        ),
    ),
    (
        "nav.organisation",
        (
            Entry("company", "/settings/company", Action.SET_COMPANY),
            Entry("company_files", "/settings/company-attachments", Action.SET_CUSTOMERS),
            Entry("customers", "/settings/customers", Action.SET_CUSTOMERS),
            Entry("apps", "/settings/apps", Action.SET_CUSTOMERS),
            Entry("newsletter", "/settings/newsletter", Action.SET_NEWSLETTER),
            Entry("own_fields", "/settings/own-fields", Action.SET_CUSTOMERS),
            Entry("categories", "/settings/customer-lists/categories", Action.SET_CUSTOMERS),
            Entry("price_tiers", "/settings/customer-lists/price-tiers", Action.SET_CUSTOMERS),
            Entry("ranges", "/settings/number-ranges", Action.SET_NUMBER_RANGES),
        ),
    ),
    (
        "nav.finance",
        (Entry("administrations", "/settings/administrations", Action.SET_ADMINISTRATIONS),),
    ),
)


@router.get("/settings")
async def index(visit: SignedIn) -> Response:
    """The page of all settings."""
    return await visit.page("pages/settings.html", groups=GROUPS)
