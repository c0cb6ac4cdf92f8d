"""Save the filter of a list under a name, and forget it again; `lists.answer` shows what was saved."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Response

from back_office import saved_filters
from back_office.saved_filters import LONGEST_NAME, LONGEST_QUERY, SavedFilter
from back_office.web.components.addresses import local
from back_office.web.components.message import Message, Weight, done
from back_office.web.visit import SignedIn

router = APIRouter(prefix="/saved-filters", include_in_schema=False)
NOT_KEPT = frozenset({"part", "cursor"})


@router.post("")
async def save(visit: SignedIn) -> Response:
    """Save it for this user; a name that is in use gets the new filter."""
    form = await visit.form()
    path = _list(form)
    name = " ".join(form.get("name", "").split())[:LONGEST_NAME]
    query = urlencode([pair for pair in parse_qsl(form.get("query", "")) if pair[0] not in NOT_KEPT])
    if not name or not query or len(query) > LONGEST_QUERY:
        await visit.say(Message(Weight.WARNING, visit.t("saved_filters.nothing")))
        return visit.go(f"{path}?{query}" if query else path)
    async with visit.office.database.transaction() as connection:
        saved = SavedFilter(name, query)
        await saved_filters.save(connection, visit.user.id, path, saved, visit.office.wall.now())
    await visit.say(done(visit.t("saved_filters.saved", name=name)))
    return visit.go(f"{path}?{query}")


@router.post("/forget")
async def forget(visit: SignedIn) -> Response:
    """Forget one; the list stays as it is."""
    form = await visit.form()
    path, name = _list(form), form.get("forget", "")
    async with visit.office.database.transaction() as connection:
        await saved_filters.forget(connection, visit.user.id, path, name)
    query = form.get("query", "")
    return visit.go(f"{path}?{query}" if query else path)


def _list(form: dict[str, str]) -> str:
    return local(form.get("path", "/").split("?", 1)[0][:200])
