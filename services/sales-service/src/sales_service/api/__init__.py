"""The HTTP API, one module a subject; each router is mounted below ``/v1``."""

from sales_service.api import articles, company, days, debtors, invoices, overview, resend

ROUTERS = [
    articles.router,
    days.router,
    resend.router,
    invoices.router,
    company.router,
    debtors.router,
    overview.router,
]
