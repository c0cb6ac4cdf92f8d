"""The HTTP API, one module a subject; each router is mounted below ``/v1``."""

from klokwerk.jobs import job_routes

from sales_service import resend_job
from sales_service.api import (
    article_files,
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
    resend_batches,
    resends,
    sold,
)
from sales_service.entry import article_importing, importing

ROUTERS = [
    article_files.router,
    articles.router,
    sold.router,
    lines.router,
    line_edits.router,
    imports.router,
    job_routes([importing.KIND, article_importing.KIND, resend_job.KIND], "sales", "ops"),
    resend.router,
    resends.router,
    resend_batches.router,
    invoice_list.router,
    invoices.router,
    company.router,
    debtors.router,
    overview.router,
]
