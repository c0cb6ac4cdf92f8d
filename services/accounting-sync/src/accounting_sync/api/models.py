"""Lines and exports, as they go in and out over HTTP."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from klokwerk.pinned import Pin
from pydantic import BaseModel, ConfigDict, Field

from accounting_sync.domain.changes import Change, changes_between
from accounting_sync.domain.lines import Action, Origin
from accounting_sync.domain.relation import Kind, to_json
from accounting_sync.domain.targets import Mode, Target
from accounting_sync.store.export_lines import ExportLine
from accounting_sync.store.exports import Export, ExportState
from accounting_sync.store.lines import Line, LineFilter, LineState

Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]


class Strict(BaseModel):
    """What comes in: a field that nobody knows is refused."""

    model_config = ConfigDict(extra="forbid")


class FetchedOut(BaseModel):
    """What a fetch did: new lines, lines brought up to date, lines gone, lines in the list now.

    A fetch of very many is a job; then `job` is where it is followed, and the figures are none yet.
    """

    listed: int = 0
    updated: int = 0
    dropped: int = 0
    total: int = 0
    job: str | None = None


class ChangeOut(BaseModel):
    """One value that differs from what accounting was told last; none where there is no value."""

    field: str
    before: str | None
    after: str | None

    @classmethod
    def of(cls, change: Change) -> "ChangeOut":
        """What is shown of a change."""
        return cls(field=change.field, before=change.before, after=change.after)


class LineOut(BaseModel):
    """One line.

    Attributes:
        data: exactly what will be sent (EP-31).
        emptied: fields that accounting was told before and that are emptied there with it.
        changes: what differs from what it was told, value by value; nothing for a relation it does not know.
        preflight: what stands against sending it now.
    """

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
    changes: list[ChangeOut]
    data: dict[str, Any]
    emptied: list[str]
    revision: int
    retry_at: datetime | None
    fetched_at: datetime

    @classmethod
    def of(cls, line: Line, preflight: tuple[str, ...]) -> "LineOut":
        """What is shown of a line."""
        data = to_json(line.data)
        changes = changes_between(line.synced_data, data) if line.synced_data is not None else ()
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
            changes=[ChangeOut.of(each) for each in changes],
            data=data,
            emptied=list(line.cleared),
            revision=line.revision,
            retry_at=line.retry_at,
            fetched_at=line.fetched_at,
        )


class FilterQuery(BaseModel):
    """What a list is narrowed to, in its address and for what is done with all that it means."""

    q: Annotated[str | None, Field(max_length=200)] = None
    action: Action | None = None
    with_message: bool | None = None
    never_synced: bool | None = None

    def as_domain(self) -> LineFilter:
        """As the queries use it."""
        return LineFilter(self.q, self.action, self.with_message, self.never_synced)


class FilterIn(FilterQuery, Strict):
    """The same in a request's body."""


class StatusIn(Strict):
    """Change the status by hand: of the lines named, or of all that `matching` means; `pin` is what the person was
    told of those: others are refused with 409, so that they can be asked anew."""

    line_ids: Annotated[list[uuid.UUID], Field(min_length=1, max_length=10_000)] | None = None
    matching: FilterIn | None = None
    pin: Pin | None = None
    action: Action


class LineAnswer(BaseModel):
    """Why one line was left as it is."""

    line_id: uuid.UUID
    name: str
    reason: str


class StatusOut(BaseModel):
    """How many lines were changed, and which were not and why, of very many the first hundred; `left` counts them
    all. A change of very many is a job, and `job` is where it is followed."""

    changed: int = 0
    skipped: list[LineAnswer] = Field(default_factory=list)
    left: int = 0
    job: str | None = None


class ExportIn(Strict):
    """Which lines to export: those named, or all that `matching` means; neither, or an empty list, for all
    (EP-42). `pin` is what the person was told of all of them, as in `StatusIn`."""

    line_ids: Annotated[list[uuid.UUID], Field(max_length=100_000)] | None = None
    matching: FilterIn | None = None
    pin: Pin | None = None


class CountOut(BaseModel):
    """Which lines there are, and which of them go where none is selected (EP-42): number and digest of each."""

    count: int
    digest: str
    exportable: Pin


class ExportOut(BaseModel):
    """One entry of the export history; `mark` changes whenever it moves on, `written` counts what its file holds."""

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
    kept_without_persons: bool
    written: int
    mark: str
    links: dict[str, str]

    @property
    def over(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self.state not in (ExportState.PLANNED, ExportState.RUNNING)

    @classmethod
    def of(cls, export: Export) -> "ExportOut":
        """What is shown of an export."""
        here = f"/v1/{export.administration}/exports/{export.id}"
        links = {"self": here, **({"file": f"{here}/file"} if export.sha256 else {})}
        shown = {name: getattr(export, name) for name in cls.model_fields if name not in ("links", "mark")}
        mark = f"{export.state}.{export.open}.{export.synced}.{export.failed}.{export.written}"
        return cls(**shown, mark=mark, links=links)


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


class ImportFailedIn(Strict):
    """Why the import went wrong, in the user's words."""

    note: Annotated[str, Field(max_length=2000)] = ""


class ReturnedOut(BaseModel):
    """What became of an import that went wrong.

    Attributes:
        returned: how many relations come up again at the next fetch.
        refused: how many relations of the export the accounting system refused; one that a later export has
            forwarded since does not come up again.
        unknown: relations that a result file names beside those and that are none of this export.
    """

    returned: int
    refused: int = 0
    unknown: list[str] = Field(default_factory=list)


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
