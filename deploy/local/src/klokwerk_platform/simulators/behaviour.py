"""The base of every simulator: an HTTP server that stores what it gets and misbehaves as it is told.

A simulator is ``simulator_app(...)`` plus its own routes. Everybody outside talks to it over HTTP:

- ``PUT /_control`` sets the behaviour, ``GET`` reads it, ``DELETE`` makes the server behave again;
- ``GET /_requests`` is the journal of what came in (bounded), ``DELETE`` empties it;
- ``GET /_stored`` is what the server took in, by store name, ``DELETE`` forgets it;
- ``GET /_health`` answers as soon as it serves, ``GET /_settings`` is a page for people.

Paths that start with ``/_`` never misbehave.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

import orjson
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from klokwerk_platform.simulators.settings_page import settings_page

STATE_FOLDER_VARIABLE = "KLOKWERK_SIMULATOR_STATE"
TRANSPORT_KEY = "klokwerk.transport"
_JOURNAL_LENGTH = 2_000

T = TypeVar("T", bound=BaseModel)


class Behaviour(BaseModel):
    """How a simulator answers from now on; the default is to behave well.

    ``status`` alone fails every matching request; ``fail_next`` limits that to the next n requests (500
    unless ``status`` says otherwise). ``times`` ends the whole behaviour after n matching requests.
    """

    model_config = ConfigDict(extra="forbid")

    slow_seconds: float = Field(0, ge=0, le=600, description="Wait so long before each answer.")
    fail_next: int | None = Field(None, ge=0, description="Fail the next n requests, then behave.")
    status: int | None = Field(None, ge=400, le=599, description="The status of a failing answer.")
    body: bool | str = Field(True, description="Failing answers: a JSON body, none, or this text.")
    retry_after: int | None = Field(None, ge=0, description="Retry-After of a failing answer, in seconds.")
    lose_answer_after_accepting: bool | int = Field(
        False, description="Do the work, then break the connection: always, or for the next n requests."
    )
    wrong_credentials: bool = Field(False, description="Answer 401 to everything.")
    only_paths: list[str] = Field(
        default_factory=list, description="Only paths that start with one of these."
    )
    only_methods: list[str] = Field(default_factory=list, description="Only these methods, such as POST.")
    times: int | None = Field(None, ge=1, description="End the whole behaviour after n matching requests.")


class RecordedRequest(BaseModel):
    """One request as it came in, and what became of it."""

    number: int
    at: datetime
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: str
    body_is_base64: bool = False
    status: int | None = Field(None, description="What was answered; null when the answer was lost.")
    behaviour: str = Field("normal", description="normal, slow, failed, wrong credentials, answer lost.")


class Store(Generic[T]):
    """What a simulator took in, by key, in order of arrival; kept in a file when a folder is set.

    The folder comes from ``KLOKWERK_SIMULATOR_STATE`` so that a restarted simulator still knows what it
    accepted: that is what the lookup by idempotency key stands on.
    """

    def __init__(self, name: str, model: type[T]) -> None:
        self.name = name
        self._adapter = TypeAdapter(model)
        self._items: dict[str, T] = {}
        folder = os.environ.get(STATE_FOLDER_VARIABLE)
        self._file = Path(folder) / f"{name}.jsonl" if folder else None
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._load(self._file)

    def _load(self, file: Path) -> None:
        if not file.exists():
            return
        for line in file.read_bytes().splitlines():
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue  # the half line of a process that was killed while writing
            self._items[row["key"]] = self._adapter.validate_python(row["item"])

    def put(self, key: str, item: T) -> None:
        """Keep ``item`` under ``key``; the same key again replaces it and keeps its place."""
        self._items[key] = item
        if self._file is not None:
            line = orjson.dumps({"key": key, "item": self._adapter.dump_python(item, mode="json")})
            with self._file.open("ab") as out:
                out.write(line + b"\n")

    def get(self, key: str) -> T | None:
        return self._items.get(key)

    def drop(self, key: str) -> None:
        """Forget one item, here and in the file."""
        self._items.pop(key, None)
        if self._file is not None:
            rows = (
                {"key": key, "item": self._adapter.dump_python(i, mode="json")}
                for key, i in self._items.items()
            )
            self._file.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __len__(self) -> int:
        return len(self._items)

    def items(self) -> list[tuple[str, T]]:
        return list(self._items.items())

    def values(self) -> list[T]:
        return list(self._items.values())

    def clear(self) -> None:
        self._items.clear()
        if self._file is not None:
            self._file.unlink(missing_ok=True)

    def dump(self) -> list[object]:
        return [
            {"key": key, "item": self._adapter.dump_python(item, mode="json")}
            for key, item in self._items.items()
        ]


@dataclass
class Control:
    """The settable side of one simulator: its behaviour, its journal and its stores."""

    name: str
    stores: Mapping[str, Store[Any]] = field(default_factory=dict)
    behaviour: Behaviour = field(default_factory=Behaviour)
    journal: deque[RecordedRequest] = field(default_factory=lambda: deque(maxlen=_JOURNAL_LENGTH))
    received: int = 0

    def take(self, method: str, path: str) -> Behaviour | None:
        """The behaviour this request meets, or None for the normal one; counts the counters down."""
        current = self.behaviour
        if current.only_paths and not path.startswith(tuple(current.only_paths)):
            return None
        if current.only_methods and method not in {name.upper() for name in current.only_methods}:
            return None
        self._count_down(current)
        return current

    def _count_down(self, current: Behaviour) -> None:
        after = current.model_copy()
        if after.times is not None:
            after.times -= 1
            if after.times == 0:
                self.behaviour = Behaviour()
                return
        if after.fail_next:
            after.fail_next -= 1
            if after.fail_next == 0:
                after.fail_next, after.status = None, None
        elif not isinstance(after.lose_answer_after_accepting, bool):
            after.lose_answer_after_accepting = max(0, after.lose_answer_after_accepting - 1) or False
        self.behaviour = after


def simulator_app(name: str, title: str, stores: Mapping[str, Store[Any]] | None = None) -> FastAPI:
    """A FastAPI app with the control routes and the misbehaviour in place; add your own routes to it.

    ``app.state.control`` is its :class:`Control`.
    """
    app = FastAPI(title=title, description=__doc__ or "")
    control = Control(name, stores or {})
    app.state.control = control
    app.add_middleware(_Misbehaviour, control=control)

    @app.get("/_control", tags=["control"])
    async def read_behaviour() -> Behaviour:
        return control.behaviour

    @app.put("/_control", tags=["control"])
    async def set_behaviour(behaviour: Behaviour) -> Behaviour:
        control.behaviour = behaviour
        return behaviour

    @app.delete("/_control", tags=["control"], status_code=204)
    async def behave() -> None:
        control.behaviour = Behaviour()

    @app.get("/_requests", tags=["control"])
    async def read_requests(path: str = "", method: str = "") -> list[RecordedRequest]:
        return [
            request
            for request in control.journal
            if request.path.startswith(path) and method.upper() in ("", request.method)
        ]

    @app.delete("/_requests", tags=["control"], status_code=204)
    async def forget_requests() -> None:
        control.journal.clear()

    @app.get("/_stored", tags=["control"])
    async def read_stored() -> dict[str, list[object]]:
        return {key: store.dump() for key, store in control.stores.items()}

    @app.delete("/_stored", tags=["control"], status_code=204)
    async def forget_stored() -> None:
        for store in control.stores.values():
            store.clear()

    @app.get("/_health", tags=["control"])
    async def health() -> dict[str, str]:
        return {"simulator": name, "status": "ok"}

    @app.get("/_settings", tags=["control"], response_class=HTMLResponse)
    async def page() -> str:
        return settings_page(title, Behaviour.model_json_schema()["properties"])

    return app


class _Misbehaviour:
    """Journals each request and lets it meet the behaviour that is set."""

    def __init__(self, app: ASGIApp, control: Control) -> None:
        self._app = app
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_"):
            await self._app(scope, receive, send)
            return
        body = await _whole_body(receive)
        record = self._record(scope, body)
        behaviour = self._control.take(scope["method"], scope["path"]) or Behaviour()
        if behaviour.slow_seconds:
            record.behaviour = "slow"
            await asyncio.sleep(behaviour.slow_seconds)
        if behaviour.wrong_credentials:
            record.behaviour, record.status = "wrong credentials", 401
            await _answer(send, 401, _problem(401, "These credentials are not accepted (simulated)."), {})
        elif behaviour.fail_next or behaviour.status:
            status = behaviour.status or 500
            record.behaviour, record.status = "failed", status
            extra = {} if behaviour.retry_after is None else {"retry-after": str(behaviour.retry_after)}
            await _answer(send, status, _failing_body(behaviour.body, status), extra)
        else:
            await self._serve(scope, _replay(body, receive), send, record, behaviour)

    async def _serve(
        self, scope: Scope, receive: Receive, send: Send, record: RecordedRequest, behaviour: Behaviour
    ) -> None:
        lose = bool(behaviour.lose_answer_after_accepting)

        async def watched_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
            if not lose:
                await send(message)

        await self._app(scope, receive, watched_send)
        if lose:
            record.behaviour, record.status = "answer lost", None
            await _break_connection(scope)

    def _record(self, scope: Scope, body: bytes) -> RecordedRequest:
        self._control.received += 1
        try:
            text, is_base64 = body.decode(), False
        except UnicodeDecodeError:
            text, is_base64 = base64.b64encode(body).decode(), True
        record = RecordedRequest(
            number=self._control.received,
            at=datetime.now(UTC),
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            headers={key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]},
            body=text,
            body_is_base64=is_base64,
        )
        self._control.journal.append(record)
        return record


async def _whole_body(receive: Receive) -> bytes:
    parts = bytearray()
    while True:
        message = await receive()
        parts += message.get("body", b"")
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return bytes(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    handed_over = False

    async def replayed() -> Message:
        nonlocal handed_over
        if handed_over:
            return await receive()
        handed_over = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _failing_body(body: bool | str, status: int) -> tuple[str, bytes]:
    if isinstance(body, str):
        return "text/plain; charset=utf-8", body.encode()
    return _problem(status, "The simulator was told to fail.") if body else ("", b"")


def _problem(status: int, detail: str) -> tuple[str, bytes]:
    return "application/problem+json", orjson.dumps(
        {"status": status, "title": "Simulated", "detail": detail}
    )


async def _answer(send: Send, status: int, content: tuple[str, bytes], extra: dict[str, str]) -> None:
    media_type, body = content
    headers = {"content-length": str(len(body)), **extra}
    if media_type:
        headers["content-type"] = media_type
    pairs = [(key.encode(), value.encode()) for key, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


async def _break_connection(scope: Scope) -> None:
    transport = scope.get(TRANSPORT_KEY)
    if transport is None:
        raise ConnectionError("The simulator lost this answer after accepting, as it was told to.")
    transport.abort()
    await asyncio.sleep(0)  # lets the server see the broken connection, so that it does not answer 500
