"""The accounting link: which relations wait for the accounting system, and what was exported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

from pydantic import Field

from back_office.clients.shapes import Page, Pin, Said, Shape, Words, at
from back_office.clients.transport import Answer, Caller, Download

YES_NO = ("with_message", "never_synced")


class OwnNumbers(Shape):
    """The numbers of one kind, both ends included."""

    first: int
    last: int


class OwnRanges(Shape):
    """Number ranges of an administration."""

    debtors: OwnNumbers | None = None
    creditors: OwnNumbers | None = None


class Mappings(Shape):
    """Our values to the codes of the accounting system."""

    payment_terms: dict[str, str] = Field(default_factory=dict)
    vat_regimes: dict[str, str] = Field(default_factory=dict)
    currencies: dict[str, str] = Field(default_factory=dict)
    languages: dict[str, str] = Field(default_factory=dict)
    countries: dict[str, str] = Field(default_factory=dict)


class Connection(Shape):
    """Whether calls can be made, without what is secret; `why` says what a person has to do, `check_*` what the
    last test found."""

    has_credentials: bool = False
    needs_consent: bool = False
    paused_until: datetime | None = None
    why: Said = ""
    checked_at: datetime | None = None
    check_ok: bool | None = None
    check_message: Said = ""


class Administration(Shape):
    """A legal entity with its own accounting link."""

    code: str
    name: Words = ""
    mode: Words = "file"
    target: Words = "exact-xml"
    system: Words = ""
    shared_numbers: bool = False
    source_administration: Words = ""
    folder: Words = ""
    ranges: OwnRanges = OwnRanges()
    mappings: Mappings = Mappings()
    connection: Connection = Connection()


class ConnectionTest(Shape):
    """Result of a connection test."""

    ok: bool = False
    message: Said = ""


class ConsentBegun(Shape):
    """The page of the accounting system where a person gives consent."""

    authorize_url: str
    expires_at: datetime | None = None


class Consented(Shape):
    """Whose connection has consent now."""

    administration: str


class LineChange(Shape):
    """One value that differs from what accounting was told last."""

    field: str
    before: Words = ""
    after: Words = ""


class SyncLine(Shape):
    """One relation that waits to be synchronised."""

    id: str
    debtor_id: str = ""
    number: Words = ""
    name: Words = ""
    action: Words = "Insert"
    by_hand: bool = False
    state: Words = "listed"
    message: Said = ""
    message_origin: Words = ""
    preflight: tuple[Said, ...] = ()
    merged_into: Words = ""
    never_synced: bool = False
    changes: tuple[LineChange, ...] = ()
    data: dict[str, Any] = Field(default_factory=dict)
    retry_at: datetime | None = None


class Fetched(Shape):
    """What a fetch did; that of very many is a job, which `job` is the address of."""

    total: int = 0
    job: Words = ""


class LeftLine(Shape):
    """A line that stayed as it was, and why."""

    name: Words = ""
    reason: Said = ""


class Changed(Shape):
    """How many lines were changed, and which were not (`left` in all); a change of very many is a job, which `job`
    is the address of."""

    changed: int = 0
    skipped: tuple[LeftLine, ...] = ()
    left: int = 0
    job: Words = ""


class Counted(Pin):
    """Which lines a filter means, and which of them an export of all takes (EP-42)."""

    exportable: Pin = Pin()


class Returned(Shape):
    """How many relations come up again, how many were refused, and who was named that is not of the export."""

    returned: int = 0
    refused: int = 0
    unknown: tuple[str, ...] = ()


class Export(Shape):
    """One export of the history."""

    id: str
    kind: Words = ""
    mode: Words = ""
    target: Words = ""
    state: Words = ""
    lines: int = 0
    synced: int = 0
    failed: int = 0
    open: int = 0
    written: int = 0
    message: Said = ""
    file_name: Words = ""
    sha256: Words = ""
    created_by_name: Words = ""
    created_at: datetime | None = None
    finished_at: datetime | None = None
    folder: Words = ""
    returned_by: Words = ""
    returned_at: datetime | None = None
    returned_note: Words = ""

    @property
    def moving(self) -> bool:
        """Whether more happens to it by itself."""
        return self.state in ("planned", "running")


class ExportEntry(Shape):
    """What became of one line of an export."""

    line_id: str
    debtor_id: str = ""
    number: Words = ""
    name: Words = ""
    action: Words = ""
    outcome: Words = "open"
    message: Said = ""
    message_origin: Words = ""


class ExportDetail(Export):
    """An export with its lines, the failed ones first; of very many the first thousand."""

    entries: tuple[ExportEntry, ...] = ()


class AccountingClient:
    """Reads and drives the synchronisation."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def administrations(self) -> tuple[Administration, ...]:
        """The administrations there are."""
        return (await self._caller.get("/v1/administrations", Page[Administration])).value.items

    async def administration(self, code: str) -> Answer[Administration]:
        """One administration with its revision."""
        return await self._caller.get(at("administrations", code), Administration)

    async def save_administration(
        self, code: str, settings: dict[str, Any], revision: str
    ) -> Answer[Administration]:
        """Make an administration (no revision), or change its settings."""
        path = at("administrations", code)
        return await self._caller.send("PUT", path, Administration, settings, revision=revision)

    async def test(self, code: str) -> ConnectionTest:
        """Test the way to the accounting system by one harmless call."""
        return (await self._caller.get(at(code, "health"), ConnectionTest)).value

    async def begin_consent(self, code: str, back: str) -> ConsentBegun:
        """Begin a consent; the person goes to the page it names, and comes back to `back`."""
        path = at("administrations", code, "consents")
        return (await self._caller.send("POST", path, ConsentBegun, {"redirect_uri": back})).value

    async def finish_consent(self, code: str, state: str) -> Consented:
        """Finish it with what the consent page sent along."""
        return (
            await self._caller.send("POST", at("consents"), Consented, {"code": code, "state": state})
        ).value

    async def lines(self, administration: str, kind: str, **filters: str | None) -> Page[SyncLine]:
        """Lines that wait."""
        path = at(administration, kind, "lines")
        return (await self._caller.get(path, Page[SyncLine], filters)).value

    async def fetch(self, administration: str, kind: str) -> Fetched:
        """Collect every relation that has to be forwarded (EP-19)."""
        path = at(administration, kind, "fetch")
        return (await self._caller.send("POST", path, Fetched)).value

    async def count(self, administration: str, kind: str, query: Mapping[str, str]) -> Counted:
        """How many lines a filter means, and which."""
        path = at(administration, kind, "lines", "count")
        return (await self._caller.get(path, Counted, query)).value

    async def set_action(
        self,
        administration: str,
        kind: str,
        once: str,
        action: str,
        line_ids: Sequence[str],
        query: Mapping[str, str],
        *,
        told: Pin | None,
    ) -> Changed:
        """Change status (EP-28, EP-29) of lines, or without any of all that the filter means, as `told`."""
        path = at(administration, kind, "lines", "status")
        body = {"action": action} | _which(line_ids, query, told)
        return (await self._caller.send("POST", path, Changed, body, once=once)).value

    async def export(
        self,
        administration: str,
        kind: str,
        once: str,
        line_ids: Sequence[str],
        query: Mapping[str, str],
        *,
        told: Pin | None,
    ) -> Export:
        """Export the selected lines, or without any all that the filter means, as `told` (EP-41, EP-42)."""
        body = _which(line_ids, query, told)
        path = at(administration, kind, "export")
        return (await self._caller.send("POST", path, Export, body, once=once)).value

    async def exports(self, administration: str, **filters: str | None) -> Page[Export]:
        """The export history, newest first (EP-68)."""
        return (await self._caller.get(at(administration, "exports"), Page[Export], filters)).value

    async def one_export(self, administration: str, export_id: str) -> ExportDetail:
        """One export with what became of its lines."""
        return (await self._caller.get(at(administration, "exports", export_id), ExportDetail)).value

    async def import_failed(self, administration: str, export_id: str, note: str = "") -> Returned:
        """Record that the import in the accounting system went wrong (EP-66)."""
        path = at(administration, "exports", export_id, "import-failed")
        return (await self._caller.send("POST", path, Returned, {"note": note} if note else {})).value

    async def import_result(self, administration: str, export_id: str, result: bytes) -> Returned:
        """Hand in the result file of the accounting system; only what it refused comes back (EP-66)."""
        path = at(administration, "exports", export_id, "import-result")
        return await self._caller.hand_in(path, Returned, result)

    def file(self, administration: str, export_id: str) -> AbstractAsyncContextManager[Download]:
        """The exported file."""
        return self._caller.download(at(administration, "exports", export_id, "file"))

    def trial(self, administration: str, kind: str) -> AbstractAsyncContextManager[Download]:
        """A trial export for support; it changes nothing (EP-69, EP-70)."""
        return self._caller.download(at(administration, kind, "trial"), method="POST")


def _which(line_ids: Sequence[str], query: Mapping[str, str], told: Pin | None) -> dict[str, Any]:
    """The lines that are meant: those of the ids, else all of the filter, whose yes and no are words in addresses."""
    if line_ids:
        return {"line_ids": list(line_ids)}
    words = {"true": True, "false": False}
    matching = {name: words.get(value) if name in YES_NO else value for name, value in query.items() if value}
    return {"matching": matching} | ({"pin": told.model_dump()} if told else {})
