"""The log across debtors: a list with filters, the same as CSV and XLSX, what changed from file to file, hints."""

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from klokwerk.access import SignedIn
from klokwerk.clock import moment_on
from klokwerk.database import Database
from klokwerk.http import Column, Page, Problem, csv_response, decode_cursor, xlsx_response
from klokwerk.http.pages import MOST, page_of
from klokwerk.http.problems import not_found
from klokwerk_contracts.ekt_delivery_changed import EktTrigger
from klokwerk_contracts.outcomes import DeliveryState
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from ekt_service.api.views import EktView
from ekt_service.domain.difference import ChangeKind, Difference
from ekt_service.domain.ekt import Ekt
from ekt_service.domain.hints import Hint, Past, hints
from ekt_service.sending import Sending
from ekt_service.store import debtors, ekt_log, ekts
from ekt_service.store.ekt_log import Filters, LogRow
from ekt_service.store.ekts import FileFacts
from ekt_service.store.previous import Differences, Pair

router = APIRouter(tags=["Log"])

_DIFFERENCES = Differences()
_COMPARED, _LINES_COMPARED, _CHANGES_TOLD = 10, 2_000, 8
Word = Annotated[str | None, Query(max_length=100)]


class LogView(EktView):
    """One EKT of the log with the debtor's name and number, empty where the card is not known here."""

    debtor_name: str
    debtor_number: str

    @classmethod
    def of_row(cls, row: LogRow, files: list[FileFacts]) -> Self:
        """Show a row."""
        view = EktView.of(row.ekt, files)
        return cls(**view.model_dump(), debtor_name=row.debtor_name, debtor_number=row.debtor_number)


class ChangeView(BaseModel):
    """One difference between two files.

    Attributes:
        kind: added, removed, changed, or head for what stands in front of the lines.
        line: number of the line in the newer file; of a removed one in the older; 0 for the head.
        field: what changed, such as ``quantity`` (units x pieces); empty for a whole line.
    """

    kind: ChangeKind
    line: int
    name: str
    field: str
    before: str
    after: str


class DifferenceView(BaseModel):
    """What changed from the file before.

    Attributes:
        previous_id: the EKT it is compared with: the one made before it for that debtor and day; none for the
            first one.
        changes: at most as many as asked for; `total` says how many there are.
    """

    previous_id: UUID | None
    previous_made_at: datetime | None
    lines_before: int
    lines_after: int
    goods_before: Decimal
    goods_after: Decimal
    total: int
    changes: list[ChangeView]

    @classmethod
    def of(cls, pair: Pair, found: Difference, most: int) -> Self:
        """Show a difference."""
        return cls(
            previous_id=pair.previous_id,
            previous_made_at=pair.previous_made_at,
            lines_before=found.lines_before,
            lines_after=found.lines_after,
            goods_before=found.goods_before,
            goods_after=found.goods_after,
            total=len(found.changes),
            changes=[
                ChangeView(
                    kind=each.kind,
                    line=each.line,
                    name=each.name,
                    field=each.field,
                    before=each.before,
                    after=each.after,
                )
                for each in found.changes[:most]
            ],
        )


class HintView(BaseModel):
    """Advice about EKTs that keep not arriving (EF-48, EF-49).

    Attributes:
        sign: failed, missing (the customer said so) or unconfirmed.
        count: EKTs in a row that did not arrive.
        link: page of the back office where something can be done.
    """

    code: str
    sign: str
    count: int
    recipient: str
    text: str
    link: str

    @classmethod
    def of(cls, hint: Hint) -> Self:
        """Show a hint."""
        return cls(
            code=hint.code,
            sign=hint.sign.value,
            count=hint.count,
            recipient=hint.recipient,
            text=hint.text,
            link=hint.link,
        )


def _filters(
    administration: Word = None,
    debtor_id: Word = None,
    order_day: date | None = None,
    from_day: date | None = None,
    until_day: date | None = None,
    state: DeliveryState | None = None,
    method: Word = None,
    trigger: EktTrigger | None = None,
    confirmed: bool | None = None,
    q: Annotated[str, Query(max_length=100)] = "",
) -> Filters:
    return Filters(
        administration, debtor_id, order_day, from_day, until_day, state, method, trigger, confirmed, q
    )


Wanted = Annotated[Filters, Depends(_filters)]


@router.get("/ekts", summary="EKTs, newest first")
async def list_ekts(
    request: Request,
    _: SignedIn,
    wanted: Wanted,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    cursor: str | None = None,
) -> Page[LogView]:
    """A page of the log; `q` looks in names, numbers, recipients, file names, notes and messages."""
    values = decode_cursor(cursor, 2)
    try:
        after = (datetime.fromisoformat(values[0]), UUID(values[1])) if values else None
    except (ValueError, TypeError):
        raise Problem(400, "The cursor is not valid", "Take it from `next` of the page before.") from None
    database: Database = request.app.state.database
    async with database.connect() as connection:
        rows = await ekt_log.page(connection, wanted, after, limit)
        facts = await ekts.file_facts(connection, [row.ekt.id for row in rows])
    views = [LogView.of_row(row, facts.get(row.ekt.id, [])) for row in rows]
    return page_of(views, limit, lambda view: (view.made_at.isoformat(), str(view.id)))


@router.get("/ekts.csv", summary="The filtered log, all of it, as CSV")
async def export_csv(request: Request, _: SignedIn, wanted: Wanted, language: str = "nl") -> Response:
    """Cells that a spreadsheet would take for a formula are made harmless."""
    return csv_response(_all(request, wanted), _EXPORT, file_name="ekt-log.csv", language=language)


@router.get("/ekts.xlsx", summary="The filtered log, all of it, as XLSX")
async def export_xlsx(request: Request, _: SignedIn, wanted: Wanted) -> Response:
    """The same as a workbook."""
    return await xlsx_response(_all(request, wanted), _EXPORT, file_name="ekt-log.xlsx")


@router.get("/ekts/{ekt_id}/difference", summary="What changed from the file made before it")
async def read_difference(
    request: Request, _: SignedIn, ekt_id: UUID, limit: Annotated[int, Query(ge=0, le=10_000)] = 200
) -> DifferenceView:
    """Compared with the EKT made before it for the same debtor and day, as the kept files say."""
    database: Database = request.app.state.database
    async with database.connect() as connection:
        ekt = await ekts.get(connection, ekt_id)
        if ekt is None:
            raise not_found("EKT", ekt_id)
        if not ekt.file_name:
            raise Problem(409, "There is no file to compare", "This EKT was never built.")
        found = await _DIFFERENCES.of(connection, ekt)
    if found is None:
        return DifferenceView(
            previous_id=None,
            previous_made_at=None,
            lines_before=0,
            lines_after=ekt.lines,
            goods_before=Decimal(0),
            goods_after=Decimal(0),
            total=0,
            changes=[],
        )
    return DifferenceView.of(*found, limit)


async def differences_of(connection: AsyncConnection, day: Sequence[Ekt]) -> dict[UUID, DifferenceView]:
    """What changed from EKT to EKT of one debtor and day, the newest few, each told by its first changes."""
    built = [ekt for ekt in day if ekt.file_name]
    newest = [ekt for ekt in built[1:] if ekt.lines <= _LINES_COMPARED][-_COMPARED:]
    found = {ekt.id: await _DIFFERENCES.of(connection, ekt) for ekt in newest}
    return {ekt_id: DifferenceView.of(*each, _CHANGES_TOLD) for ekt_id, each in found.items() if each}


@router.get("/debtors/{debtor_id}/hints", summary="What to do about EKTs that keep not arriving")
async def read_hints(
    request: Request, _: SignedIn, debtor_id: str, administration: str = "main"
) -> list[HintView]:
    """Nothing while they arrive (EF-48, EF-49)."""
    database: Database = request.app.state.database
    async with database.connect() as connection:
        key = (administration, debtor_id)
        owner = (await debtors.owners(connection, [key]))[key]
        past = await ekt_log.past(connection, *owner)
    return hints_of(request, owner[1], past)


def hints_of(request: Request, debtor_id: str, past: list[Past]) -> list[HintView]:
    """Hints as they are at this moment of the company's clock."""
    sending: Sending = request.app.state.sending
    began = moment_on(sending.clock.today(), time(0), sending.clock.zone)
    return [HintView.of(hint) for hint in hints(debtor_id, past, began)]


async def _all(request: Request, wanted: Filters) -> AsyncIterator[LogRow]:
    database: Database = request.app.state.database
    async with database.connect() as connection:
        async for row in ekt_log.everything(connection, wanted):
            yield row


_EXPORT = (
    Column[LogRow]("made_at", lambda row: row.ekt.made_at),
    Column[LogRow]("order_day", lambda row: row.ekt.sale.order_day),
    Column[LogRow]("debtor_id", lambda row: row.ekt.debtor_id),
    Column[LogRow]("debtor_number", lambda row: row.debtor_number),
    Column[LogRow]("debtor_name", lambda row: row.debtor_name),
    Column[LogRow]("trigger", lambda row: row.ekt.trigger.value),
    Column[LogRow]("reason", lambda row: row.ekt.reason.value),
    Column[LogRow]("requested_by", lambda row: row.ekt.requested_by),
    Column[LogRow]("note", lambda row: row.ekt.note),
    Column[LogRow]("state", lambda row: row.ekt.state.value),
    Column[LogRow]("message", lambda row: row.ekt.message),
    Column[LogRow]("method", lambda row: row.ekt.method),
    Column[LogRow]("recipient", lambda row: row.ekt.recipient),
    Column[LogRow]("file_name", lambda row: row.ekt.file_name),
    Column[LogRow]("lines", lambda row: row.ekt.lines),
    Column[LogRow]("sale_revision", lambda row: row.ekt.sale_revision),
    Column[LogRow]("sha256", lambda row: row.ekt.sha256),
    Column[LogRow]("changed_at", lambda row: row.ekt.changed_at),
    Column[LogRow]("confirmed_at", lambda row: row.ekt.confirmed_at),
    Column[LogRow]("confirmed_by", lambda row: row.ekt.confirmed_by),
    Column[LogRow]("ekt_id", lambda row: str(row.ekt.id)),
)
