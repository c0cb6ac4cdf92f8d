"""Simulator of Mailchimp's Marketing API, version 3.0: audiences, contacts, tags, batches with their archives.

It answers as Mailchimp does: HTTP Basic with the API key, problem documents of its error glossary, the limit of ten
simultaneous connections, batches that are worked off between polls, and an archive (``tar.gz``) at an address that
holds for ten minutes and takes no credentials.

``PUT /_keys`` names the keys that are valid, ``PUT /_limits`` how many connections and how slow, and
``PUT /_happens/{list}/{email}`` is what a person or a mailbox does: unsubscribe, bounce, subscribe again.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.types import ASGIApp, Receive, Scope, Send

from klokwerk_platform.simulators.behaviour import Store, simulator_app
from klokwerk_platform.simulators.mailchimp_batches import Batches
from klokwerk_platform.simulators.mailchimp_members import Audience, Forgotten, Member, Refused, not_found

API_KEY = "klokwerkdemo0klokwerkdemo0klokwerk-us21"
LIST_ID, LIST_NAME = "a1b2c3d4e5", "Klaproos nieuwsbrief"
MOST_CONNECTIONS = 10
MOST_MEMBERS = 1000


class Keys(BaseModel):
    """API keys that are valid."""

    keys: list[str]


class Limits(BaseModel):
    """How busy Mailchimp is.

    Attributes:
        connections: more at the same time are refused with 429.
        thinking_seconds: taken for each request.
        polls: times that a batch is asked for before it is finished.
    """

    connections: int = Field(MOST_CONNECTIONS, ge=1)
    thinking_seconds: float = Field(0, ge=0, le=10)
    polls: int = Field(1, ge=0)


class Happening(BaseModel):
    """What becomes of a contact without us."""

    status: str
    reason: str = ""


class State:
    """Everything the simulator knows."""

    def __init__(self) -> None:
        self.members: Store[Member] = Store("mailchimp_members", Member)
        self.forgotten: Store[Forgotten] = Store("mailchimp_forgotten", Forgotten)
        self.audiences = {LIST_ID: Audience(LIST_ID, self.members, self.forgotten)}
        self.keys, self.limits, self.under_way = {API_KEY}, Limits(), 0
        self.batches = Batches(self.perform)

    def audience(self, list_id: str) -> Audience:
        """One audience.

        Raises:
            Refused: there is none.
        """
        if list_id not in self.audiences:
            raise not_found()
        return self.audiences[list_id]

    def perform(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Do one operation on contacts, as a request or as a part of a batch; status and body."""
        try:
            return self._perform(method, path.strip("/").split("/"), body)
        except Refused as refused:
            return refused.status, refused.document()

    def _perform(self, method: str, path: list[str], body: dict[str, Any]) -> tuple[int, Any]:
        match method, path:
            case "GET", ["lists", list_id, "members", member]:
                return 200, self.audience(list_id).get(member).view(list_id)
            case "PUT", ["lists", list_id, "members", member]:
                return 200, self.audience(list_id).put(member, body).view(list_id)
            case "PATCH", ["lists", list_id, "members", member]:
                return 200, self.audience(list_id).patch(member, body).view(list_id)
            case "DELETE", ["lists", list_id, "members", member]:
                self.audience(list_id).archive(member)
                return 204, None
            case "POST", ["lists", list_id, "members", member, "tags"]:
                self.audience(list_id).tag(member, body.get("tags", []))
                return 204, None
            case "POST", ["lists", list_id, "members", member, "actions", "delete-permanent"]:
                self.audience(list_id).delete_permanently(member)
                return 204, None
        raise not_found()


def create_app() -> FastAPI:
    """Mailchimp as an app."""
    state = State()
    app = simulator_app(
        "mailchimp", "Mailchimp (simulated)", {"members": state.members, "forgotten": state.forgotten}
    )
    app.state.mailchimp = state
    app.add_middleware(_Doorkeeper, state=state)
    _add_control(app, state)
    _add_lists(app, state)
    _add_batches(app, state)

    @app.api_route(
        "/3.0/lists/{list_id}/members/{rest:path}", methods=["GET", "PUT", "PATCH", "DELETE", "POST"]
    )
    async def members(list_id: str, rest: str, request: Request) -> Response:
        body = await request.json() if await request.body() else {}
        return _answer(*state.perform(request.method, f"/lists/{list_id}/members/{rest}", body))

    return app


def _add_control(app: FastAPI, state: State) -> None:
    @app.put("/_keys", tags=["control"])
    async def set_keys(keys: Keys) -> Keys:
        state.keys = set(keys.keys)
        return keys

    @app.put("/_limits", tags=["control"])
    async def set_limits(limits: Limits) -> Limits:
        state.limits = limits
        state.batches.polls = limits.polls
        return limits

    @app.put("/_happens/{list_id}/{email}", tags=["control"], status_code=204)
    async def happens(list_id: str, email: str, what: Happening) -> None:
        state.audience(list_id).happens(email, what.status, what.reason)


def _add_lists(app: FastAPI, state: State) -> None:
    def shown(audience: Audience) -> dict[str, Any]:
        members = audience.all()
        stats = {
            "member_count": sum(member.status == "subscribed" for member in members),
            "unsubscribe_count": sum(member.status == "unsubscribed" for member in members),
        }
        return {"id": audience.id, "name": LIST_NAME, "stats": stats}

    @app.get("/3.0/ping")
    async def ping() -> dict[str, str]:
        return {"health_status": "Everything's Chimpy!"}

    @app.get("/3.0/lists")
    async def lists() -> dict[str, Any]:
        every = [shown(audience) for audience in state.audiences.values()]
        return {"lists": every, "total_items": len(every)}

    @app.get("/3.0/lists/{list_id}")
    async def one(list_id: str) -> Response:
        try:
            return JSONResponse(shown(state.audience(list_id)))
        except Refused as refused:
            return _answer(refused.status, refused.document())

    @app.get("/3.0/lists/{list_id}/members")
    async def changed(
        list_id: str, since_last_changed: str = "", status: str = "", count: int = 10, offset: int = 0
    ) -> Response:
        try:
            audience = state.audience(list_id)
        except Refused as refused:
            return _answer(refused.status, refused.document())
        since = (
            datetime.fromisoformat(since_last_changed)
            if since_last_changed
            else datetime.min.replace(tzinfo=UTC)
        )
        found = [m for m in audience.all() if m.last_changed >= since and status in ("", m.status)]
        page = found[offset : offset + min(count, MOST_MEMBERS)]
        members = [member.view(list_id) for member in page]
        return JSONResponse({"members": members, "list_id": list_id, "total_items": len(found)})


def _add_batches(app: FastAPI, state: State) -> None:
    @app.post("/3.0/batches")
    async def start(request: Request) -> Response:
        try:
            made = state.batches.start((await request.json()).get("operations") or [])
        except Refused as refused:
            return _answer(refused.status, refused.document())
        return JSONResponse(made.view(str(request.base_url)))

    @app.get("/3.0/batches/{batch_id}")
    async def status(batch_id: str, request: Request) -> Response:
        try:
            return JSONResponse(state.batches.poll(batch_id).view(str(request.base_url)))
        except Refused as refused:
            return _answer(refused.status, refused.document())

    @app.get("/archives/{name}")
    async def archive(name: str, request: Request) -> Response:
        if "authorization" in request.headers:
            return Response(
                '<?xml version="1.0"?><Error><Code>InvalidArgument</Code><Message>Only one auth mechanism allowed'
                "</Message></Error>",
                400,
                media_type="application/xml",
            )
        content = state.batches.archive(name)
        if content is None:
            return Response("<Error><Code>AccessDenied</Code></Error>", 403, media_type="application/xml")
        return Response(content, media_type="application/gzip")


class _Doorkeeper:
    """Lets in who has a valid key, and not more than ten at a time."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app, self._state = app, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/3.0"):
            await self._app(scope, receive, send)
            return
        state = self._state
        if _key_of(Request(scope)) not in state.keys:
            detail = "Your API key may be invalid, or you've attempted to access the wrong datacenter."
            await _answer(401, Refused(401, "API Key Invalid", detail).document())(scope, receive, send)
            return
        if state.under_way >= state.limits.connections:
            detail = f"You have exceeded the limit of {state.limits.connections} simultaneous connections."
            await _answer(429, Refused(429, "Too Many Requests", detail).document())(scope, receive, send)
            return
        state.under_way += 1
        try:
            if state.limits.thinking_seconds:
                await asyncio.sleep(state.limits.thinking_seconds)
            await self._app(scope, receive, send)
        finally:
            state.under_way -= 1


def _key_of(request: Request) -> str:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value
    try:
        return base64.b64decode(value).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _answer(status: int, body: Any) -> Response:
    if body is None:
        return Response(status_code=status)
    media = "application/problem+json; charset=utf-8" if status >= 400 else "application/json; charset=utf-8"
    return JSONResponse(body, status, media_type=media)
