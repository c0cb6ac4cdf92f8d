"""Builds the back office: issuer, sessions, pages."""

from __future__ import annotations

from datetime import timedelta

import httpx
from fastapi import FastAPI
from klokwerk import application, telemetry
from klokwerk.clock import SystemClock
from klokwerk.database import Database
from klokwerk.sealing import Sealer

from back_office import api
from back_office.clients import Services
from back_office.clients.transport import ServiceName
from back_office.issuer.keys import SEALED, KeyRing
from back_office.issuer.sign_in import SignIn
from back_office.settings import Settings
from back_office.web import errors
from back_office.web.office import Office
from back_office.web.pages import (
    accounting,
    accounting_bulk,
    accounting_history,
    article_import,
    articles,
    confirmation,
    debtor_configuration,
    debtor_connection,
    debtors,
    deliveries,
    ekt_check,
    ekt_log,
    ekts,
    home,
    invoice,
    invoice_sending,
    invoices,
    jobs,
    resends,
    sale,
    sale_import,
    sale_lines,
    sale_move,
    sales,
    saved_filters,
    sign_in,
)
from back_office.web.pages.attached import MOST_UPLOAD_BYTES, UPLOADS
from back_office.web.pages.debtor import attachments, card, contacts, hints, merge, privacy, timeline
from back_office.web.pages.lists import checking, exports, imports, mapping, rejected
from back_office.web.pages.settings import (
    administrations,
    apps,
    automatic_dispatch,
    company,
    company_attachments,
    customer_lists,
    customers,
    ekt,
    index,
    newsletter,
    number_ranges,
    number_spaces,
    own_fields,
)
from back_office.web.rendering import Renderer
from back_office.web.security import SecurityHeaders
from back_office.web.session import CookieKeys, Sessions
from back_office.web.static_files import StaticFiles

NAME = "back-office"
PACKAGE = "back_office"
MOST_BODY_BYTES = 2_000_000
PAGES = (
    sign_in,
    home,
    debtors,
    merge,
    hints,
    card,
    contacts,
    attachments,
    timeline,
    privacy,
    imports,
    mapping,
    checking,
    rejected,
    exports,
    debtor_configuration,
    debtor_connection,
    sales,
    sale_import,
    resends,
    sale_lines,
    sale_move,
    sale,
    invoice_sending,
    invoices,
    invoice,
    accounting_history,
    article_import,
    articles,
    accounting,
    accounting_bulk,
    deliveries,
    ekt_log,
    ekts,
    ekt_check,
    confirmation,
    jobs,
    saved_filters,
)
SETTINGS_PAGES = (
    index,
    automatic_dispatch,
    ekt,
    company,
    company_attachments,
    customers,
    apps,
    newsletter,
    own_fields,
    customer_lists,
    number_ranges,
    number_spaces,
    administrations,
)
LARGER_BODIES = {
    UPLOADS: MOST_UPLOAD_BYTES,
    "/ekt-check": 10_000_000,  # an EKT file; the page itself says how large one may be
    r"/(sales|articles)/import(/.*)?": 25_000_000,  # a day's sales, thousands of articles
    imports.UPLOADS: imports.MOST_UPLOAD_BYTES,
}
"""Paths that take a file, with the size of the largest request."""
log = telemetry.get_logger(__name__)


def create(settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> FastAPI:
    """The back office as an ASGI app.

    Args:
        settings: from the environment.
        transport: stands in for the network to the services, in tests of single components.
    """
    database = Database(str(settings.database_url), pool=settings.database_pool)
    office = _office(settings, database, transport)
    ring = KeyRing(database, Sealer(settings.secret_key.get_secret_value(), SEALED), office.wall)

    async def on_ready() -> None:
        office.use(await ring.mint(settings.issuer))
        await _first_user(settings, office.sign_in)

    app = application.build(
        application.Parts(
            name=NAME,
            package=PACKAGE,
            settings=settings,
            database=database,
            clock=office.clock,
            open_routers=(
                api.router,
                office.renderer.static.router(),
                *(page.router for page in (*PAGES, *SETTINGS_PAGES)),
            ),
            publishes=False,
            on_ready=on_ready,
            close=(office.services.close,),
            state={"office": office},
            most_body_bytes=MOST_BODY_BYTES,
            larger_bodies=LARGER_BODIES,
        )
    )
    _without_documentation_pages(app)
    errors.install(app)
    app.add_middleware(SecurityHeaders, https=settings.secure_cookies)
    return app


def _without_documentation_pages(app: FastAPI) -> None:
    """The framework's own pages load scripts from elsewhere; they have no place beside somebody's session."""
    pages = {app.docs_url, app.swagger_ui_oauth2_redirect_url}
    app.router.routes[:] = [route for route in app.router.routes if getattr(route, "path", "") not in pages]


def _office(settings: Settings, database: Database, transport: httpx.AsyncBaseTransport | None) -> Office:
    wall = SystemClock(settings.zone)
    secret = settings.secret_key.get_secret_value()
    addresses = {
        ServiceName.DEBTORS: settings.debtor_url,
        ServiceName.SALES: settings.sales_url,
        ServiceName.EKTS: settings.ekt_url,
        ServiceName.DISPATCH: settings.dispatch_url,
        ServiceName.ACCOUNTING: settings.accounting_url,
    }
    return Office(
        settings=settings,
        database=database,
        clock=application.clock_of(settings),
        wall=wall,
        sign_in=SignIn(database, wall, settings.clients),
        sessions=Sessions(
            database,
            wall,
            CookieKeys.of(secret),
            life=timedelta(hours=settings.session_hours),
            secure=settings.secure_cookies,
        ),
        services=Services(
            {name: str(address) for name, address in addresses.items()},
            settings.service_timeout_seconds,
            transport,
        ),
        renderer=Renderer(StaticFiles()),
    )


async def _first_user(settings: Settings, sign_in_: SignIn) -> None:
    password = settings.admin_password.get_secret_value()
    if password and await sign_in_.make_first_user(settings.admin_user, password):
        log.info("first_user_made", user=settings.admin_user)
