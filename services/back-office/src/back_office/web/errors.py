"""Errors as pages for people; whoever talks JSON keeps getting problem details."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from klokwerk import telemetry
from klokwerk.database import is_transient
from starlette.exceptions import HTTPException

from back_office.clients.transport import NotFound, Refused, ServiceFailure
from back_office.web.components.message import Message, Weight
from back_office.web.explain import explained
from back_office.web.office import NotReady
from back_office.web.visit import ForgedRequest, SignInNeeded, Visit

log = telemetry.get_logger(__name__)
Handler = Callable[[Request, Any], Awaitable[Response]]
FOR_PROGRAMS = (
    "/oauth/",
    "/.well-known/",
    "/health/",
    "/metrics",
    "/openapi.json",
    "/docs",
    "/v1/",
    "/static/",
)


def install(app: FastAPI) -> None:
    """Answer every error of a page with a page."""
    json: dict[Any, Any] = dict(app.exception_handlers)

    def both(kind: type[Exception], page: Handler) -> None:
        other = json.get(kind)

        async def handle(request: Request, error: Any) -> Response:
            if other and request.url.path.startswith(FOR_PROGRAMS):
                answer: Response = await other(request, error)
                return answer
            return await page(request, error)

        app.add_exception_handler(kind, handle)

    both(SignInNeeded, _sign_in_needed)
    both(ForgedRequest, _forged)
    both(NotReady, _starting)
    both(ServiceFailure, _service_failed)
    both(RequestValidationError, _no_page)
    both(HTTPException, _http)
    both(Exception, _broken)


async def _sign_in_needed(request: Request, _: SignInNeeded) -> Response:
    if request.headers.get("hx-request"):
        return PlainTextResponse("sign in first", status_code=401)
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    go = request.method == "GET" and target != "/"
    address = f"/sign-in?next={quote(target, safe='')}" if go else "/sign-in"
    return Response(status_code=303, headers={"Location": address})


async def _forged(request: Request, _: ForgedRequest) -> Response:
    visit = await _visit(request)
    message = Message(Weight.ERROR, visit.t("sign_in.forged"), visit.t("sign_in.forged_cure"))
    return await _page(visit, message, 403)


async def _starting(request: Request, _: NotReady) -> Response:
    if request.url.path.startswith(FOR_PROGRAMS):
        return PlainTextResponse("still starting", status_code=503, headers={"Retry-After": "1"})
    visit = Visit(request, request.app.state.office, None)
    message = Message(Weight.WARNING, visit.t("trouble.starting"), visit.t("trouble.starting_cure"))
    return await _page(visit, message, 503)


async def _service_failed(request: Request, failure: ServiceFailure) -> Response:
    visit = await _visit(request)
    log.warning("service_failed", service=failure.service.value, error=failure.text, path=request.url.path)
    status = 502
    if isinstance(failure, NotFound):
        status = 404
    elif isinstance(failure, Refused):
        status = failure.status
    return await _page(visit, explained(failure, visit.t), status)


async def _no_page(request: Request, _: Exception) -> Response:
    visit = await _visit(request)
    message = Message(Weight.WARNING, visit.t("trouble.no_page"), visit.t("trouble.no_page_cure"))
    return await _page(visit, message, 404)


async def _http(request: Request, error: HTTPException) -> Response:
    if error.status_code in (404, 405):
        return await _no_page(request, error)
    return await _broken(request, error)


async def _broken(request: Request, error: Exception) -> Response:
    away = is_transient(error)
    if away:
        log.warning("database_away", path=request.url.path, error=repr(error))
    else:
        log.error("page_failed", path=request.url.path, exc_info=error)
    visit = Visit(request, request.app.state.office, None) if away else await _visit(request)
    message = Message(
        Weight.ERROR,
        visit.t("trouble.broken"),
        visit.t("trouble.broken_cure"),
        reference=visit.correlation,
        support=True,
    )
    return await _page(visit, message, 503 if away else 500)


async def _visit(request: Request) -> Visit:
    """A visit for the error page; without its user where even that can't be found."""
    office = request.app.state.office
    try:
        session = await office.sessions.find(request)
    except Exception as error:
        log.warning("session_not_found", error=repr(error))
        session = None
    return Visit(request, office, session)


async def _page(visit: Visit, message: Message, status: int) -> Response:
    try:
        return await visit.page(
            "pages/trouble.html", status=status, messages=(message,), title=message.title, back="/"
        )
    except Exception as error:
        log.error("error_page_failed", exc_info=error)
        text = f"{message.title}. {message.text} {message.reference}".strip()
        return PlainTextResponse(text, status_code=status)
