"""Exports of cards: straight as a download, or as a job whose file is kept (FA-49..FA-51)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from klokwerk import jobs, pinned
from klokwerk.access import SignedIn, audit
from klokwerk.clock import Clock
from klokwerk.http import Once, csv_response, xlsx_response
from klokwerk.jobs import JobView, NewJob
from klokwerk.pinned import Pin
from klokwerk_contracts.debtor_changed import CardState, Kind
from klokwerk_contracts.types import Identifier
from pydantic import BaseModel, ConfigDict, Field

from debtor_service.api.answers import services
from debtor_service.domain.search import words_of
from debtor_service.exporting import KIND, columns_of, plain_filter, rows_of
from debtor_service.store import cards
from debtor_service.store.cards import CardFilter

router = APIRouter(tags=["exports"])

MOST_IDS = 10_000


class ExportBody(BaseModel):
    """Which cards to write to a file that is kept.

    Attributes:
        ids: the ticked ones; none for all that the filter finds.
        pin: what the person was told of all those: others are refused with 409.
        language: of whoever opens the file; decides on the delimiter.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    format: Literal["csv", "xlsx"] = "csv"
    language: Annotated[str, Field(pattern="^[a-z]{2}$")] = "nl"
    q: Annotated[str, Field(max_length=200)] = ""
    kind: Kind | None = None
    state: tuple[CardState, ...] = ()
    use_ekts: bool | None = None
    administration: Identifier | None = None
    ids: Annotated[tuple[Identifier, ...], Field(max_length=MOST_IDS)] = ()
    pin: Pin | None = None

    def wanted(self) -> CardFilter:
        """The filter."""
        return CardFilter(
            tuple(words_of(self.q)), self.kind, self.state, self.use_ekts, self.administration, self.ids
        )


@router.post("/exports", status_code=202)
async def start(body: ExportBody, request: Request, person: SignedIn, once: Once) -> JSONResponse:
    """Write the cards of a filter or selection to a file; it is kept with the job, under ``/v1/jobs/{id}``."""
    database, _triggers, _settings = services(request)
    clock: Clock = request.app.state.clock
    async with database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        if body.pin is not None and not body.ids:
            pinned.check(body.pin, await cards.counted(connection, body.wanted()))
        name = {Kind.DEBTOR: "customers", Kind.CREDITOR: "suppliers", None: "relations"}[body.kind]
        asked: dict[str, Any] = {
            "filter": plain_filter(body.wanted()),
            "format": body.format,
            "language": body.language,
            "name": f"{name}-{clock.today().isoformat()}",
        }
        job = await jobs.start(
            connection, clock, NewJob(KIND, f"{asked['name']}.{body.format}", asked), person
        )
        await audit(
            connection, person, clock.now(), "cards exported", "export", str(job.id),
            new={"q": body.q, "kind": body.kind, "ids": len(body.ids), "format": body.format},
        )  # fmt: skip
        headers = {"Location": f"/v1/jobs/{job.id}"}
        return await once.keep(connection, JobView.of(job), status=202, headers=headers)


@router.get("/debtors.csv")
async def export_csv(
    request: Request,
    _: SignedIn,
    q: str = "",
    kind: Kind | None = None,
    state: Annotated[list[CardState] | None, Query()] = None,
    use_ekts: bool | None = None,
    administration: Identifier | None = None,
    id: Annotated[list[Identifier] | None, Query(max_length=MOST_IDS)] = None,  # noqa: A002
    language: Annotated[str, Query(pattern="^[a-z]{2}$")] = "nl",
) -> Response:
    """The cards of a filter or a selection, all pages, in the layout that the import takes."""
    wanted = _wanted(q, kind, state, use_ekts, administration, id)
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        columns = await columns_of(connection)
    return csv_response(rows_of(database, wanted), columns, file_name="debtors.csv", language=language)


@router.get("/debtors.xlsx")
async def export_xlsx(
    request: Request,
    _: SignedIn,
    q: str = "",
    kind: Kind | None = None,
    state: Annotated[list[CardState] | None, Query()] = None,
    use_ekts: bool | None = None,
    administration: Identifier | None = None,
    id: Annotated[list[Identifier] | None, Query(max_length=MOST_IDS)] = None,  # noqa: A002
) -> Response:
    """As the CSV export, as a workbook."""
    wanted = _wanted(q, kind, state, use_ekts, administration, id)
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        columns = await columns_of(connection)
    return await xlsx_response(rows_of(database, wanted), columns, file_name="debtors.xlsx")


def _wanted(
    q: str,
    kind: Kind | None,
    state: list[CardState] | None,
    use_ekts: bool | None,
    administration: str | None,
    ids: list[str] | None,
) -> CardFilter:
    return CardFilter(
        tuple(words_of(q)), kind, tuple(state or ()), use_ekts, administration, tuple(ids or ())
    )
