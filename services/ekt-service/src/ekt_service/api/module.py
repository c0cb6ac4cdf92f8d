"""Settings of the EKT module: active, sender, templates."""

from datetime import datetime

from fastapi import APIRouter, Request, Response
from klokwerk.access import Person, SignedIn, allow, audit
from klokwerk.database import Database
from klokwerk.http import Expected, Problem, check_revision, etag
from klokwerk.http.problems import FieldProblem

from ekt_service.api.templates import refuse_faulty
from ekt_service.domain.module import EktModule
from ekt_service.domain.requirements import Abilities
from ekt_service.sending import Sending
from ekt_service.store import module

router = APIRouter(prefix="/settings", tags=["Settings"])


class ModuleView(EktModule):
    """The settings with what is known of their last change and what this installation can do.

    Attributes:
        email_possible: a mail server is configured.
        folder_possible: a folder for EKT files is configured.
    """

    revision: int
    changed_at: datetime | None
    changed_by: str
    email_possible: bool
    folder_possible: bool


@router.get("", summary="The settings of the EKT module")
async def read_settings(request: Request, response: Response, _: SignedIn) -> ModuleView:
    """Settings as they stand; change them with the ETag of this answer."""
    database: Database = request.app.state.database
    sending: Sending = request.app.state.sending
    async with database.connect() as connection:
        stored = await module.get(connection)
    response.headers["ETag"] = etag(stored.revision)
    return _view(stored, sending.abilities)


@router.put("", summary="Change the settings; templates are tried before they are kept")
async def put_settings(
    request: Request,
    response: Response,
    *,
    person: Person = allow("ops", "billing-admin"),
    body: EktModule,
    expected: Expected,
) -> ModuleView:
    """Keep the settings as a whole."""
    refuse_faulty(body)
    database: Database = request.app.state.database
    sending: Sending = request.app.state.sending
    now = sending.clock.now()
    if body.confirmation_link and request.app.state.links is None:
        raise _no_links()
    async with database.transaction() as connection:
        before = await module.get(connection, lock=True)
        check_revision(expected, before.revision, changed_by=before.changed_by)
        await module.put(connection, body, person.name, now)
        old, new = before.settings.model_dump(mode="json"), body.model_dump(mode="json")
        changed = [name for name in new if old[name] != new[name]]
        await audit(
            connection,
            person,
            now,
            "changed",
            "ekt-settings",
            "module",
            old={name: old[name] for name in changed},
            new={name: new[name] for name in changed},
        )
        stored = await module.get(connection)
    response.headers["ETag"] = etag(stored.revision)
    return _view(stored, sending.abilities)


def _no_links() -> Problem:
    return Problem(
        422,
        "The settings can't be kept",
        "See errors for each field.",
        errors=[
            FieldProblem(
                field="confirmation_link",
                message="It is not known at which address customers reach the back office.",
                cure="Have the administrator set KLOKWERK_PUBLIC_URL, or leave the link out.",
            )
        ],
    )


def _view(stored: module.StoredModule, abilities: Abilities) -> ModuleView:
    return ModuleView(
        **stored.settings.model_dump(),
        revision=stored.revision,
        changed_at=stored.changed_at,
        changed_by=stored.changed_by,
        email_possible=abilities.email,
        folder_possible=abilities.folder,
    )
