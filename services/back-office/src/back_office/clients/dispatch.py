"""The dispatch service: how invoices reach the customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from back_office.clients.jobs import Job
from back_office.clients.shapes import Page, Pin, Said, Shape, Words, at
from back_office.clients.transport import Answer, Caller, Download

MANY_SECONDS = 30.0
"""How long taking down a hundred thousand invoices to be sent may take."""


class Sending(Shape):
    """One sending of an invoice, or of what goes along with it."""

    id: str = ""
    intent: Words = ""
    purpose: Words = "invoice"
    state: Words = ""
    channel: Words = ""
    recipient: Words = ""
    message: Said = ""
    file_name: Words = ""
    changed_at: datetime | None = None


class HistoryEntry(Shape):
    """One action on an invoice, by a person or by the automation."""

    at: datetime
    by: Words = ""
    action: Said = ""
    detail: Said = ""


class DispatchedInvoice(Shape):
    """An invoice with the state of its dispatch."""

    invoice_id: str
    number: Words = ""
    debtor_id: Words = ""
    customer: Words = ""
    kind: Words = "invoice"
    source: Words = ""
    issue_date: date | None = None
    gross: Decimal | None = None
    currency: Words = "EUR"
    state: Words = ""
    message: Said = ""
    channel: Words = ""
    recipient: Words = ""
    automatic: bool = False
    changed_at: datetime | None = None
    dispatches: tuple[Sending, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    actions: tuple[str, ...] = ()


class AutomaticChoices(Shape):
    """What a billing administrator chose for automatic dispatch (NV-02..NV-04)."""

    sources: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    by_invoice_date: bool = False
    notice_email: Words = ""
    notice_phone: Words = ""
    report_ignored: bool = True
    consumer_einvoicing: bool = False
    belgian_rule: bool = True
    factoring_email: Words = ""


class ActiveChoices(AutomaticChoices):
    """Choices that are in force."""

    active_since: datetime | None = None
    activated_by: Words = ""


class AutomaticSettings(Shape):
    """The settings of automatic dispatch: the draft, and what is in force (none while it is off)."""

    revision: int = 0
    draft: AutomaticChoices = AutomaticChoices()
    changed_at: datetime | None = None
    changed_by: Words = ""
    active: ActiveChoices | None = None
    changed: bool = True
    warnings: tuple[Said, ...] = ()
    next_run: datetime | None = None


class DispatchClient:
    """Reads dispatches, sends by hand, keeps the settings of automatic dispatch."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def find(self, **filters: str | None) -> Page[DispatchedInvoice]:
        """Invoices by ``state`` and ``q``."""
        return (await self._caller.get("/v1/invoices", Page[DispatchedInvoice], filters)).value

    async def invoice(self, invoice_id: str) -> DispatchedInvoice:
        """One invoice with every dispatch."""
        return (await self._caller.get(at("invoices", invoice_id), DispatchedInvoice)).value

    async def send(self, invoice_id: str, channel: str, once: str) -> dict[str, Any]:
        """Send by hand, by one channel or by what the customer can receive (NV-60)."""
        body = {"channel": channel} if channel else {}
        path = at("invoices", invoice_id, "send")
        return (await self._caller.send("POST", path, dict[str, Any], body, once=once)).value

    async def count(self, query: Mapping[str, str]) -> Pin:
        """How many invoices a filter means, and which."""
        return (await self._caller.get("/v1/invoices/count", Pin, query)).value

    async def send_many(self, invoice_ids: Sequence[str], once: str) -> Job:
        """Send all of these by hand, as a job."""
        body = {"invoice_ids": list(invoice_ids)}
        path = "/v1/invoices/send"
        return (await self._caller.send("POST", path, Job, body, once=once, seconds=MANY_SECONDS)).value

    async def send_matching(self, query: Mapping[str, str], told: Pin, once: str) -> Job:
        """Send all that a filter means by hand, as they were told."""
        matching = {name: [value] if name == "state" else value for name, value in query.items() if value}
        body, path = {"matching": matching, "pin": told.model_dump()}, "/v1/invoices/send"
        return (await self._caller.send("POST", path, Job, body, once=once, seconds=MANY_SECONDS)).value

    async def set_automatic(self, invoice_id: str, *, on: bool) -> dict[str, Any]:
        """Take an invoice out of the automatic run, or put it back (NV-64)."""
        path = at("invoices", invoice_id, "automatic")
        return (await self._caller.send("POST", path, dict[str, Any], {"on": on})).value

    def document(self, invoice_id: str, kind: str) -> AbstractAsyncContextManager[Download]:
        """The document as ``pdf`` or ``ubl``."""
        return self._caller.download(at("invoices", invoice_id, "documents", kind))

    async def settings(self) -> Answer[AutomaticSettings]:
        """The settings of automatic dispatch (NV-01)."""
        return await self._caller.get("/v1/settings", AutomaticSettings)

    async def save_settings(self, choices: dict[str, Any], revision: str) -> Answer[AutomaticSettings]:
        """Save the draft; nothing changes for invoices before it is activated (NV-05)."""
        return await self._caller.send("PUT", "/v1/settings", AutomaticSettings, choices, revision=revision)

    async def activate(self) -> AutomaticSettings:
        """Put the draft in force (NV-05)."""
        return (await self._caller.send("POST", "/v1/settings/activate", AutomaticSettings)).value

    async def deactivate(self) -> AutomaticSettings:
        """Switch automatic dispatch off (NV-68)."""
        return (await self._caller.send("POST", "/v1/settings/deactivate", AutomaticSettings)).value
