"""What goes in and out over HTTP."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr

from accounting_sync.domain.administration import Administration, Mode, NumberRange, Target
from accounting_sync.domain.lines import Action, Origin
from accounting_sync.domain.mapping import MappingTables
from accounting_sync.domain.relation import Kind, to_json
from accounting_sync.store.connections import ConnectionHealth
from accounting_sync.store.exports import Export, ExportLine, ExportState
from accounting_sync.store.queue import Line, LineState

Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
Table = dict[Annotated[str, Field(max_length=40)], Annotated[str, Field(min_length=1, max_length=40)]]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RangeIn(_Strict):
    """The numbers of one kind, both ends included."""

    first: Annotated[int, Field(ge=1, lt=10**18)]
    last: Annotated[int, Field(ge=1, lt=10**18)]


class RangesIn(_Strict):
    """Number ranges of debtors and creditors."""

    debtors: RangeIn | None = None
    creditors: RangeIn | None = None

    def as_domain(self) -> dict[Kind, NumberRange]:
        """As the rules use them."""
        given = {Kind.DEBTORS: self.debtors, Kind.CREDITORS: self.creditors}
        return {kind: NumberRange(each.first, each.last) for kind, each in given.items() if each is not None}


class MappingsIn(_Strict):
    """Our values to the codes of the accounting system; payment terms by days."""

    payment_terms: Table = {}
    currencies: Table = {"EUR": "EUR"}
    languages: Table = {}
    countries: Table = {}

    def as_domain(self) -> MappingTables:
        """As the rules use them."""
        return MappingTables(**self.model_dump())


class CredentialsIn(_Strict):
    """Access to Exact Online; kept encrypted and never shown again."""

    base_url: HttpUrl = HttpUrl("https://start.exactonline.nl")
    division: Annotated[int, Field(ge=1)]
    client_id: Annotated[str, Field(min_length=1, max_length=200)]
    client_secret: SecretStr
    refresh_token: SecretStr | None = None


class AdministrationIn(_Strict):
    """Settings of one set of books.

    Attributes:
        source_administration: whose cards feed it; the administration itself unless given.
        folder: where files go; none for the service's own folder (EP-56).
        credentials: for a direct target; left out keeps what is stored.
    """

    name: Annotated[str, Field(min_length=1, max_length=100)]
    target: Target
    source_administration: Code | None = None
    folder: Annotated[str, Field(pattern=r"^/", max_length=500)] | None = None
    ranges: RangesIn = RangesIn()
    mappings: MappingsIn = MappingsIn()
    credentials: CredentialsIn | None = None


class ConnectionOut(BaseModel):
    """Whether calls can be made, without what is secret."""

    has_credentials: bool
    needs_consent: bool
    paused_until: datetime | None


class AdministrationOut(BaseModel):
    """Settings as they stand."""

    code: str
    name: str
    target: Target
    mode: Mode
    source_administration: str
    folder: str | None
    ranges: RangesIn
    mappings: MappingsIn
    connection: ConnectionOut
    revision: int

    @classmethod
    def of(cls, administration: Administration, health: ConnectionHealth) -> "AdministrationOut":
        """What is shown of an administration."""
        tables = administration.mappings
        return cls(
            code=administration.code,
            name=administration.name,
            target=administration.target,
            mode=administration.mode,
            source_administration=administration.source,
            folder=administration.folder,
            ranges=RangesIn(
                **{
                    kind.value: RangeIn(first=each.first, last=each.last)
                    for kind, each in administration.ranges.items()
                }
            ),
            mappings=MappingsIn(
                payment_terms=dict(tables.payment_terms),
                currencies=dict(tables.currencies),
                languages=dict(tables.languages),
                countries=dict(tables.countries),
            ),
            connection=ConnectionOut(
                has_credentials=health.has_credentials,
                needs_consent=health.needs_consent,
                paused_until=health.paused_until,
            ),
            revision=administration.revision,
        )


class ConsentIn(_Strict):
    """The code that Exact Online's consent page gave, and the address it was given to."""

    code: Annotated[str, Field(min_length=1, max_length=4000)]
    redirect_uri: Annotated[str, Field(min_length=1, max_length=500)]


class FetchedOut(BaseModel):
    """What a fetch did: new lines, lines brought up to date, lines gone, lines in the list now."""

    listed: int
    updated: int
    dropped: int
    total: int


class LineOut(BaseModel):
    """One line; `data` is exactly what will be sent (EP-31), `preflight` what stands against it now."""

    id: uuid.UUID
    debtor_id: str
    number: str | None
    name: str
    action: Action
    by_hand: bool
    state: LineState
    message: str
    message_origin: Origin | None
    preflight: list[str]
    merged_into: str | None
    never_synced: bool
    changed_fields: list[str]
    data: dict[str, Any]
    revision: int
    retry_at: datetime | None
    fetched_at: datetime

    @classmethod
    def of(cls, line: Line, preflight: tuple[str, ...]) -> "LineOut":
        """What is shown of a line."""
        data = to_json(line.data)
        before = line.synced_data or {}
        changed = [name for name in sorted({*data, *before}) if data.get(name) != before.get(name)]
        return cls(
            id=line.id,
            debtor_id=line.debtor_id,
            number=line.number,
            name=line.name,
            action=line.action,
            by_hand=line.by_hand,
            state=line.state,
            message=line.message,
            message_origin=line.message_origin,
            preflight=list(preflight),
            merged_into=line.merged_into,
            never_synced=line.synced_at is None,
            changed_fields=changed if line.synced_data is not None else [],
            data=data,
            revision=line.revision,
            retry_at=line.retry_at,
            fetched_at=line.fetched_at,
        )


class StatusIn(_Strict):
    """Change the status of lines by hand."""

    line_ids: Annotated[list[uuid.UUID], Field(min_length=1, max_length=10_000)]
    action: Action


class StatusOut(BaseModel):
    """How many lines were changed."""

    changed: int


class ExportIn(_Strict):
    """Which lines to export; none, or an empty list, for all (EP-42)."""

    line_ids: Annotated[list[uuid.UUID], Field(max_length=100_000)] | None = None


class ExportOut(BaseModel):
    """One entry of the export history."""

    id: uuid.UUID
    administration: str
    kind: Kind
    mode: Mode
    target: Target
    state: ExportState
    lines: int
    synced: int
    failed: int
    open: int
    message: str
    folder: str | None
    file_name: str | None
    sha256: str | None
    size: int | None
    created_by: str
    created_by_name: str
    created_at: datetime
    finished_at: datetime | None
    returned_by: str | None
    returned_at: datetime | None
    returned_note: str | None
    links: dict[str, str]

    @classmethod
    def of(cls, export: Export) -> "ExportOut":
        """What is shown of an export."""
        here = f"/v1/{export.administration}/exports/{export.id}"
        links = {"self": here, **({"file": f"{here}/file"} if export.sha256 else {})}
        shown = {name: getattr(export, name) for name in cls.model_fields if name != "links"}
        return cls(**shown, links=links)


class ExportLineOut(BaseModel):
    """What became of one line of an export."""

    line_id: uuid.UUID
    debtor_id: str
    number: str | None
    name: str
    action: str
    outcome: Literal["open", "synced", "failed", "left_out", "returned"]
    message: str
    message_origin: Origin | None

    @classmethod
    def of(cls, line: ExportLine) -> "ExportLineOut":
        """What is shown of it."""
        return cls(**{name: getattr(line, name) for name in cls.model_fields})


class ExportDetail(ExportOut):
    """An export with its lines, the failed ones first, at most 1000."""

    entries: list[ExportLineOut]


class ImportFailedIn(_Strict):
    """Why the import went wrong, in the user's words."""

    note: Annotated[str, Field(max_length=2000)] = ""


class ReturnedOut(BaseModel):
    """How many relations come up again at the next fetch."""

    returned: int


class HealthOut(BaseModel):
    """Result of a connection test."""

    ok: bool
    message: str
    checked_at: datetime
    connection: ConnectionOut


class Count(BaseModel):
    """One figure for the home page."""

    name: str
    label: str
    value: int
    state: Literal["ok", "warn", "error"]


class Recent(BaseModel):
    """One thing that happened."""

    at: datetime
    text: str
    state: Literal["ok", "warn", "error"]
    link: str


class SummaryOut(BaseModel):
    """What the home page shows of this service."""

    counts: list[Count]
    recent: list[Recent]
