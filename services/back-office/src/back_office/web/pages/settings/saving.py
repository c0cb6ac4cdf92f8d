"""What all settings pages do the same: show a form, and show it again with what a service refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fastapi import Response

from back_office.clients.transport import FieldProblem, Problem, Refused, Stale
from back_office.domain.roles import ALLOWED, Action
from back_office.texts.catalogue import Translator
from back_office.web.components.form import Form, field_name
from back_office.web.components.message import Link
from back_office.web.pages.staleness import told_changed
from back_office.web.visit import Visit

OWN_WORDS = ("value_error", "assertion_error")
CONFLICT, UNPROCESSABLE = 409, 422


def _same(name: str) -> str:
    return name


@dataclass(frozen=True, slots=True)
class Shown:
    """A settings page.

    Attributes:
        area: key of its texts, ``settings.<area>``.
        address: of the page.
        path: the pages above it.
        action: what a user must be allowed to do to change it.
        changed_at, changed_by: last change, as far as the service tells.
        forms: how the value of a field is written, by its name; said when a service refuses the form of it.
        rename: name of a field here for the service's name.
    """

    area: str
    address: str
    path: tuple[Link, ...]
    action: Action
    changed_at: datetime | None = None
    changed_by: str = ""
    forms: Mapping[str, str] = field(default_factory=dict)
    rename: Callable[[str], str] = _same


async def shown(
    visit: Visit,
    page: Shown,
    form: Form | None,
    *,
    status: int = 200,
    template: str = "pages/setting.html",
    **context: Any,
) -> Response:
    """The page with its form; who may not change it is told why."""
    return await visit.page(
        template,
        status=status,
        title=context.pop("title", visit.t(f"settings.{page.area}.title")),
        lead=visit.t(f"settings.{page.area}.lead"),
        path=page.path,
        changed_at=page.changed_at,
        changed_by=page.changed_by,
        may_change=visit.may(page.action),
        explanation=explanation(page.action, visit),
        form=form,
        **context,
    )


def explanation(action: Action, visit: Visit) -> str:
    """Why somebody can look but not change; empty for those who may."""
    if visit.may(action):
        return ""
    roles = f" {visit.t('settings.or')} ".join(sorted(role.value for role in ALLOWED[action]))
    return visit.t("settings.read_only", roles=roles)


def refused(form: Form, refusal: Refused, visit: Visit, page: Shown) -> tuple[Form, int]:
    """The form with what was wrong beside its fields, and the status to answer with.

    Args:
        form: already holds what was typed.

    Raises:
        Refused: it says nothing about fields; the whole page then tells what happened.
    """
    if isinstance(refusal, Stale):
        marked = told_changed(form, visit, page.address, by=page.changed_by, at=page.changed_at)
        return marked, CONFLICT
    if not refusal.problem.errors:
        raise refusal
    errors = tuple(_plain(error, page, visit.t) for error in refusal.problem.errors)
    detail = "" if any(error.code for error in errors) else refusal.problem.detail
    problem = Problem(title=refusal.problem.title, detail=detail, errors=errors)
    return form.refused(problem, visit.t("form.not_saved")), UNPROCESSABLE


def _plain(error: FieldProblem, page: Shown, t: Translator) -> FieldProblem:
    """A finding in words for office staff: those of the validation library are for programmers."""
    name = page.rename(field_name(error.field))
    changed = {"field": name}
    if error.code in OWN_WORDS:
        changed |= {"cure": ""}
    elif error.code:
        form = page.forms.get(name, "") if error.code == "string_pattern_mismatch" else ""
        changed |= {"message": form or t.either(f"invalid.{error.code}", t("invalid.other")), "cure": ""}
    return error.model_copy(update=changed)


def above(visit: Visit, *keys: str) -> tuple[Link, ...]:
    """The path to a settings page, from the page of all settings; areas without a page of their own are names."""
    t = visit.t
    return (Link(t("nav.settings"), "/settings"), *(Link(t(key), "") for key in keys))
