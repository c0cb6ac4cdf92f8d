"""Errors as RFC 9457 problem details that name the field and the cure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from klokwerk import telemetry
from klokwerk.database import is_transient, is_unstorable

log = telemetry.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    """What is wrong with one field.

    Attributes:
        field: dotted path, e.g. ``addresses.0.country``; empty for the whole.
        message: what is wrong.
        cure: what to do, where it can be said.
        code: stable name of the finding, for programs.
        link: where it is mended, where there is such a place.
    """

    field: str = ""
    message: str
    cure: str = ""
    code: str = ""
    link: str = ""


class Problem(Exception):
    """Raise it anywhere below a route; it becomes the answer.

    Args:
        status: HTTP status.
        title: short and the same for every case of this kind.
        detail: this case, in words for the person who acts on it.
        errors: what is wrong field by field.
        headers: further response headers.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        *,
        errors: Sequence[FieldProblem] = (),
        kind: str = "about:blank",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail or title)
        self.status, self.title, self.detail, self.kind = status, title, detail, kind
        self.errors, self.headers = tuple(errors), headers


def not_found(what: str, name: object) -> Problem:
    """404 for a thing that is looked up by name."""
    return Problem(404, f"No such {what}", f"There is no {what} {name}.")


def _answer(
    status: int,
    title: str,
    detail: str = "",
    *,
    errors: Sequence[FieldProblem] = (),
    kind: str = "about:blank",
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    body: dict[str, Any] = {"type": kind, "title": title, "status": status}
    if detail:
        body["detail"] = detail
    if errors:
        body["errors"] = [error.model_dump() for error in errors]
    correlation = structlog.contextvars.get_contextvars().get("correlation_id")
    if correlation:
        body["correlation_id"] = correlation
    return JSONResponse(body, status, headers=headers, media_type=MEDIA_TYPE)


_CURES = {
    "missing": "Add it.",
    "extra_forbidden": "Leave it out, or check its spelling.",
    "json_invalid": "Send valid JSON.",
    "enum": "Choose one of the values named.",
    "literal_error": "Choose one of the values named.",
    "string_too_long": "Make it shorter.",
    "string_too_short": "Fill it in.",
    "string_pattern_mismatch": "Write it in the form that the API description gives.",
    "too_long": "Send fewer.",
}


def _cure(code: str) -> str:
    """What to do about a finding of pydantic; every one has a cure."""
    return _CURES.get(code, "Write it as the API description says, see /docs.")


def findings(errors: Iterable[Mapping[str, Any]], prefix: str = "") -> list[FieldProblem]:
    """What pydantic found (``error.errors()``), field by field; `prefix` names what the fields are part of."""
    return [
        FieldProblem(
            field=".".join(
                [
                    *([prefix] if prefix else []),
                    *(str(part) for part in item["loc"] if part not in ("body", "query", "path")),
                ]
            ),
            message=item["msg"],
            cure=_cure(item["type"]),
            code=item["type"],
        )
        for item in errors
    ]


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem document."""

    @app.exception_handler(Problem)
    async def on_problem(_: Request, error: Problem) -> JSONResponse:
        return _answer(
            error.status, error.title, error.detail,
            errors=error.errors, kind=error.kind, headers=error.headers,
        )  # fmt: skip

    @app.exception_handler(RequestValidationError)
    async def on_invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        errors = findings(error.errors()[:100])
        return _answer(422, "The request is not valid", "See errors for each field.", errors=errors)

    @app.exception_handler(HTTPException)
    async def on_http(_: Request, error: HTTPException) -> JSONResponse:
        return _answer(error.status_code, str(error.detail), headers=dict(error.headers or {}))

    @app.exception_handler(DBAPIError)
    async def on_database(_: Request, error: DBAPIError) -> JSONResponse:
        if not is_unstorable(error):
            raise error
        detail = "A text holds a character that no text may have. Type it again without pasting."
        return _answer(422, "The request is not valid", detail)

    @app.exception_handler(Exception)
    async def on_anything(request: Request, error: Exception) -> JSONResponse:
        if is_transient(error) or isinstance(error, PoolTimeout):
            log.warning("database_away", path=request.url.path, error=repr(error))
            return _answer(
                503, "The service can't reach its database", "Try again in a moment.",
                headers={"Retry-After": "5"},
            )  # fmt: skip
        log.error("request_failed", path=request.url.path, exc_info=error)
        return _answer(
            500,
            "Something went wrong here",
            "The error was logged; quote correlation_id when you ask about it.",
        )
