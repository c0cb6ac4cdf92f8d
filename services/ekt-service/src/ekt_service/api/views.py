"""What the API shows, as JSON."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Self
from uuid import UUID

from klokwerk.deliveries import Attempt
from klokwerk.parked import Parked
from klokwerk_contracts.ekt_delivery_changed import EktTrigger
from klokwerk_contracts.ekt_resend_requested import ResendReason
from klokwerk_contracts.outcomes import DeliveryState
from pydantic import BaseModel

from ekt_service.domain.ekt import Ekt
from ekt_service.domain.requirements import Requirement, Requirements
from ekt_service.store.ekts import FileFacts
from ekt_service.store.notes import Note


class FileView(BaseModel):
    """One kept file; its bytes are at `link`."""

    number: int
    name: str
    reference: str
    lines: int
    size: int
    sha256: str
    link: str


class EktView(BaseModel):
    """One EKT of the log: what, when, who, why, where to, and what became of it (EF-50)."""

    id: UUID
    administration: str
    debtor_id: str
    order_day: date
    trigger: EktTrigger
    state: DeliveryState
    message: str
    revision: int
    sale_revision: int | None
    needs_revision: int
    request_id: str | None
    requested_by: str
    requested_at: datetime
    made_at: datetime
    reason: ResendReason
    note: str
    method: str
    recipient: str
    file_name: str
    sha256: str
    lines: int
    changed_at: datetime
    confirmed_at: datetime | None
    confirmed_by: str
    confirm_note: str
    bounced_at: datetime | None
    other_recipients: list[str]
    files: list[FileView]
    link: str

    @classmethod
    def of(cls, ekt: Ekt, files: Iterable[FileFacts] = ()) -> Self:
        """Show an EKT with its files."""
        return cls(
            id=ekt.id,
            administration=ekt.sale.administration,
            debtor_id=ekt.debtor_id,
            order_day=ekt.sale.order_day,
            trigger=ekt.trigger,
            state=ekt.state,
            message=ekt.message,
            revision=ekt.revision,
            sale_revision=ekt.sale_revision,
            needs_revision=ekt.needs_revision,
            request_id=ekt.request_id,
            requested_by=ekt.requested_by,
            requested_at=ekt.requested_at,
            made_at=ekt.made_at,
            reason=ekt.reason,
            note=ekt.note,
            method=ekt.method,
            recipient=ekt.recipient,
            file_name=ekt.file_name,
            sha256=ekt.sha256,
            lines=ekt.lines,
            changed_at=ekt.changed_at,
            confirmed_at=ekt.confirmed_at,
            confirmed_by=ekt.confirmed_by,
            confirm_note=ekt.confirm_note,
            bounced_at=ekt.bounced_at,
            other_recipients=list(ekt.other_recipients),
            files=[
                FileView(
                    number=file.number,
                    name=file.name,
                    reference=file.reference,
                    lines=file.lines,
                    size=file.size,
                    sha256=file.sha256,
                    link=f"{ekt.link}/file?number={file.number}",
                )
                for file in files
            ],
            link=ekt.link,
        )


class AttemptView(BaseModel):
    """One call to the other side: a sending, or the question what became of it."""

    purpose: str
    began_at: datetime
    ended_at: datetime | None
    outcome: str | None
    message: str

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """Show an attempt."""
        return cls(
            purpose=attempt.purpose,
            began_at=attempt.began_at,
            ended_at=attempt.ended_at,
            outcome=attempt.outcome,
            message=attempt.message,
        )


class NoteView(BaseModel):
    """Something that became known about an EKT beside its state.

    Attributes:
        kind: ``bounced``, ``delayed``, ``delivered``, ``auto_reply`` or ``confirmed``.
        recipient: the address it is about; empty where nobody says.
        words: the other side's own words.
    """

    at: datetime
    kind: str
    recipient: str
    words: str

    @classmethod
    def of(cls, note: Note) -> Self:
        """Show a note."""
        return cls(at=note.at, kind=note.kind, recipient=note.recipient, words=note.words)


class EktDetail(EktView):
    """One EKT with every attempt at sending it, and what came back."""

    attempts: list[AttemptView] = []
    notes: list[NoteView] = []


class RequirementView(BaseModel):
    """One thing that is missing, and where it is mended."""

    code: str
    text: str
    field: str
    link: str

    @classmethod
    def of(cls, item: Requirement) -> Self:
        """Show a requirement."""
        return cls(code=item.code.value, text=item.text, field=item.field, link=item.link)


class ResendCheck(BaseModel):
    """Whether "Resend EKT" is shown and would work now.

    Attributes:
        visible: the button is there (D-01).
        can_resend: nothing is missing.
        missing: everything that is missing, each with a link to where it is mended (EF-59).
        warnings: worth knowing, never in the way (EF-54, EF-65).
    """

    visible: bool
    can_resend: bool
    missing: list[RequirementView]
    warnings: list[RequirementView]

    @classmethod
    def of(cls, visible: bool, found: Requirements, warnings: Sequence[RequirementView] = ()) -> Self:
        """Show what was found."""
        return cls(
            visible=visible,
            can_resend=visible and found.met,
            missing=[RequirementView.of(item) for item in found.missing],
            warnings=[*(RequirementView.of(item) for item in found.warnings), *warnings],
        )


class WaitingView(BaseModel):
    """Something that waits for data still to come."""

    kind: str
    waits_for: str
    reason: str
    administration: str
    debtor_id: str
    order_day: date | None
    ekt_id: UUID | None
    since: datetime

    @classmethod
    def of(cls, item: Parked) -> Self:
        """Show a parked thing."""
        body = item.body
        return cls(
            kind=item.kind,
            waits_for=item.waits_for,
            reason=item.reason,
            administration=body.get("administration", ""),
            debtor_id=body.get("debtor_id", ""),
            order_day=body.get("order_day"),
            ekt_id=body.get("ekt_id"),
            since=item.parked_at,
        )


class DebtorDay(ResendCheck):
    """A debtor's order day: what may be done, what was sent, and what waits (EF-46, EF-51).

    Attributes:
        owner_id: the debtor after merges.
        sale_revision: newest distribution known here; none when none has come.
        method: the way on the card; ``sftp``, ``ftps`` or ``http`` for the customer's own server.
        other_address_possible: a resend may go to another address than the customer's (EF-56).
    """

    debtor_id: str
    owner_id: str
    order_day: date
    name: str
    use_ekts: bool
    method: str
    recipient: str
    sale_revision: int | None
    lines: int
    other_address_possible: bool
    ekts: list[EktView]
