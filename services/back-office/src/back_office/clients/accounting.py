"""The accounting link: which relations wait for the accounting system, and what was exported."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

from pydantic import Field

from back_office.clients.shapes import Page, Shape, Words
from back_office.clients.transport import Caller, Download


class Administration(Shape):
    """A legal entity with its own accounting link."""

    code: str
    name: Words = ""
    mode: Words = "file"


class SyncLine(Shape):
    """One relation that waits to be synchronised."""

    line_id: str
    debtor_id: str = ""
    number: Words = ""
    name: Words = ""
    action: Words = "Insert"
    message: Words = ""
    origin: Words = ""
    data: dict[str, Any] = Field(default_factory=dict)


class Export(Shape):
    """One export of the history."""

    export_id: str
    kind: Words = ""
    mode: Words = ""
    at: datetime | None = None
    by: Words = ""
    lines: int = 0
    outcome: Words = ""
    message: Words = ""
    file_name: Words = ""


class AccountingClient:
    """Reads and drives the synchronisation."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def administrations(self) -> tuple[Administration, ...]:
        """The administrations there are."""
        return (await self._caller.get("/v1/administrations", Page[Administration])).value.items

    async def lines(self, administration: str, kind: str, **filters: str | None) -> Page[SyncLine]:
        """Lines that wait."""
        path = f"/v1/{administration}/{kind}/lines"
        return (await self._caller.get(path, Page[SyncLine], filters)).value

    async def fetch(self, administration: str, kind: str) -> dict[str, Any]:
        """Collect every relation that has to be forwarded (EP-19)."""
        path = f"/v1/{administration}/{kind}/fetch"
        return (await self._caller.send("POST", path, dict[str, Any])).value

    async def set_action(
        self, administration: str, kind: str, line_ids: list[str], action: str
    ) -> dict[str, Any]:
        """Change status (EP-28, EP-29)."""
        path = f"/v1/{administration}/{kind}/lines/status"
        body = {"line_ids": line_ids, "action": action}
        return (await self._caller.send("POST", path, dict[str, Any], body)).value

    async def export(self, administration: str, kind: str, line_ids: list[str], once: str) -> dict[str, Any]:
        """Export the selected lines, or all where none is selected (EP-41, EP-42)."""
        body = {"line_ids": line_ids} if line_ids else {}
        path = f"/v1/{administration}/{kind}/export"
        return (await self._caller.send("POST", path, dict[str, Any], body, once=once)).value

    async def exports(self, administration: str, **filters: str | None) -> Page[Export]:
        """The export history, newest first (EP-68)."""
        return (await self._caller.get(f"/v1/{administration}/exports", Page[Export], filters)).value

    async def import_failed(self, administration: str, export_id: str) -> dict[str, Any]:
        """Record that the import in the accounting system went wrong (EP-66)."""
        path = f"/v1/{administration}/exports/{export_id}/import-failed"
        return (await self._caller.send("POST", path, dict[str, Any])).value

    def file(self, administration: str, export_id: str) -> AbstractAsyncContextManager[Download]:
        """The exported file."""
        return self._caller.download(f"/v1/{administration}/exports/{export_id}/file")
