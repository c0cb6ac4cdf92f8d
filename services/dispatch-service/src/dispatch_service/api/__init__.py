"""The HTTP API, one module for each thing it shows."""

from __future__ import annotations

from fastapi import APIRouter

from dispatch_service.api import invoice_list, invoices, overview, personal_data, runs, settings


def routers() -> list[APIRouter]:
    """Everything that is mounted below ``/v1``."""
    return [
        settings.router,
        invoice_list.router,
        invoices.router,
        runs.router,
        overview.router,
        personal_data.router,
    ]
