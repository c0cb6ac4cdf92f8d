"""The HTTP API, one module for each thing it shows."""

from __future__ import annotations

from fastapi import APIRouter
from klokwerk.jobs import job_routes

from dispatch_service import by_hand
from dispatch_service.api import invoice_list, invoices, overview, personal_data, runs, sending, settings
from dispatch_service.api.context import INVOICE_ROLES


def routers() -> list[APIRouter]:
    """Everything that is mounted below ``/v1``."""
    return [
        settings.router,
        invoice_list.router,
        sending.router,
        invoices.router,
        job_routes([by_hand.KIND], *INVOICE_ROLES),
        runs.router,
        overview.router,
        personal_data.router,
    ]
