"""The HTTP API, one module a subject; each router is mounted below ``/v1``."""

from sales_service.api import (
    articles,
    company,
    debtors,
    invoice_list,
    invoices,
    lines,
    overview,
    resend,
    sold,
)

ROUTERS = [
    articles.router,
    sold.router,
    lines.router,
    resend.router,
    invoice_list.router,
    invoices.router,
    company.router,
    debtors.router,
    overview.router,
]
