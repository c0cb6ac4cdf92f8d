"""Whether the newsletter is activated: one of the apps of the customer settings (FA-84, FA-86)."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.domain.customer_settings import App
from debtor_service.store import customer_settings


async def newsletter_active(connection: AsyncConnection) -> bool:
    """Whether the office activated the app."""
    return App.NEWSLETTER in (await customer_settings.read(connection)).settings.apps
