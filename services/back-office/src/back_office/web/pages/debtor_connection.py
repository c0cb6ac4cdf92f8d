"""Debtor > Configuration: the customer's own server is filled in, tested, and its key accepted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Response

from back_office.clients.connections import ConnectionTest
from back_office.clients.transport import FieldProblem, Problem, Refused, ServiceFailure, Stale
from back_office.web.components.form import field_name
from back_office.web.components.message import Message, Weight, done
from back_office.web.explain import explained
from back_office.web.pages.connection_panel import (
    ADDRESS_FIELDS,
    NEW,
    PORTS,
    SECRET_FIELDS,
    WAYS,
    page_of,
    panel_of,
)
from back_office.web.pages.debtor_configuration import shown
from back_office.web.pages.staleness import told_changed
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
CONFLICT, UNPROCESSABLE = 409, 422


@router.post("/debtors/{debtor_id}/configuration/connection")
async def save(debtor_id: str, visit: SignedIn) -> Response:
    """Keep the connection; secrets that were not typed stay as they are."""
    typed = await visit.form()
    way = visit.query.get("way", "")
    if way not in WAYS:
        return visit.go(page_of(debtor_id))
    try:
        await visit.clients.connections.save(debtor_id, _body(way, typed), typed.get("_revision", NEW))
    except Refused as refused:
        if not isinstance(refused, Stale) and not refused.problem.errors:
            raise
        return await _again(debtor_id, typed, refused, visit)
    await visit.say(done(visit.t("connection.saved"), visit.t("connection.saved_text")))
    return visit.go(f"{page_of(debtor_id)}#connection")


@router.post("/debtors/{debtor_id}/configuration/connection/test")
async def test(debtor_id: str, visit: SignedIn) -> Response:
    """Try it, after accepting the key that a person compared with what the customer told."""
    typed, t = await visit.form(), visit.t
    try:
        found = await visit.clients.connections.test(debtor_id, typed.get("accept", ""))
    except ServiceFailure as failure:
        message = explained(failure, t)
    else:
        message = _told(found, visit)
    await visit.say(message)
    return visit.go(f"{page_of(debtor_id)}#connection")


@router.post("/debtors/{debtor_id}/configuration/connection/remove")
async def remove(debtor_id: str, visit: SignedIn) -> Response:
    """Forget the connection with its secrets."""
    typed = await visit.form()
    await visit.clients.connections.remove(debtor_id, typed.get("_revision", ""))
    await visit.say(done(visit.t("connection.removed")))
    return visit.go(f"{page_of(debtor_id)}#connection")


def _told(found: ConnectionTest, visit: Visit) -> Message:
    t = visit.t
    if found.ok:
        return done(t("connection.test_good"))
    if found.asks:
        return Message(Weight.WARNING, t("connection.test_asks"), t("connection.test_asks_text"))
    last = found.steps[-1] if found.steps else None
    return Message(Weight.ERROR, t("connection.test_bad"), last.message if last else "", support=True)


async def _again(debtor_id: str, typed: Mapping[str, str], refused: Refused, visit: Visit) -> Response:
    """The page with what was typed and what is wrong with it; secrets have to be typed again."""
    card = (await visit.clients.debtors.card(debtor_id)).value
    panel = await panel_of(card, visit)
    if panel is None or panel.form is None:
        raise refused
    secret = {name for names in SECRET_FIELDS.values() for name in names}
    form = panel.form.with_values({name: value for name, value in typed.items() if name not in secret})
    if isinstance(refused, Stale):
        by = panel.connection.changed_by if panel.connection else ""
        at = panel.connection.changed_at if panel.connection else None
        form, status = told_changed(form, visit, page_of(debtor_id), by=by, at=at), CONFLICT
    else:
        form = form.refused(_named(refused.problem), visit.t("form.not_saved"))
        status = UNPROCESSABLE
    return await shown(visit, card, status=status, connection_form=form)


def _named(problem: Problem) -> Problem:
    """The problem with fields named as here: the service names them inside address and secrets."""

    def here(error: FieldProblem) -> FieldProblem:
        name = field_name(error.field).removeprefix("secrets.").removeprefix("address.")
        for way in WAYS:
            name = name.removeprefix(f"{way}.")
        return error.model_copy(update={"field": name})

    return problem.model_copy(update={"errors": tuple(here(error) for error in problem.errors)})


def _body(way: str, typed: Mapping[str, str]) -> dict[str, Any]:
    address: dict[str, Any] = {"way": way}
    address |= {name: typed.get(name, "").strip() for name in ADDRESS_FIELDS[way]}
    if "port" in address:
        port = address["port"]
        address["port"] = int(port) if port.isdecimal() else port or PORTS[way]
    # A secret that was not typed is left out, so it stays as it is.
    secrets = {name: typed[name] for name in SECRET_FIELDS[way] if typed.get(name)}
    if "private_key" in secrets:
        secrets["private_key"] = secrets["private_key"].replace("\r\n", "\n").strip() + "\n"
    return {"address": address, "secrets": secrets}
