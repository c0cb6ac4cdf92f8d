"""The HTTP API, one module a subject; each router is mounted below ``/v1``."""

from klokwerk.jobs import job_routes

from sales_service.api import (
    articles,
    company,
    debtors,
    imports,
    invoice_list,
    invoices,
    line_edits,
    lines,
    overview,
    resend,
    resends,
    sold,
)
from sales_service.entry.importing import KIND

ROUTERS = [
    articles.router,
    sold.router,
    lines.router,
    line_edits.router,
    imports.router,
    job_routes([KIND], "sales"),
    resend.router,
    resends.router,
    invoice_list.router,
    invoices.router,
    company.router,
    debtors.router,
    overview.router,
]
