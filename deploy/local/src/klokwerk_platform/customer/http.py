"""The customer's web address for EKTs: checks signatures as the documentation tells receivers to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from datetime import UTC, datetime

from fastapi import FastAPI, HTTPException, Request, Response
from pydantic import BaseModel, Field

from klokwerk_platform.customer.trouble import Trouble, Troubles
from klokwerk_platform.simulators.behaviour import Store, simulator_app

_MOST_AGE = 300


class TakenFile(BaseModel):
    """A file as it was taken."""

    name: str
    sha256: str
    content: str = Field(description="In base64.")
    taken_at: datetime

    @property
    def bytes(self) -> bytes:
        """The file."""
        return base64.b64decode(self.content)


def create_receiver(secret: str, troubles: Troubles | None = None) -> FastAPI:
    """The receiver: ``POST /ekt`` takes files, ``GET /ekt/{key}`` says whether one was taken.

    ``/_trouble`` orders trouble for the folders of the same customer, where there are any.
    """
    taken: Store[TakenFile] = Store("customer-ekts", TakenFile)
    app = simulator_app("customer", "Customer's web address for EKTs", {"ekts": taken})

    @app.post("/ekt")
    async def take(request: Request) -> Response:
        body = await request.body()
        key = _checked(request, secret, body)
        if request.headers.get("klokwerk-purpose") == "test":
            return Response("The signature is right.", media_type="text/plain")
        digest = hashlib.sha256(body).hexdigest()
        if digest != request.headers.get("klokwerk-sha256"):
            raise HTTPException(422, "The file is not the one that its fingerprint is of.")
        before = taken.get(key)
        if before is not None:
            same = before.sha256 == digest
            raise HTTPException(409, "It is here already." if same else "Another file has this key.")
        name = request.headers.get("klokwerk-file-name", "")
        content = base64.b64encode(body).decode()
        taken.put(key, TakenFile(name=name, sha256=digest, content=content, taken_at=datetime.now(UTC)))
        return Response(f"Taken as {key}.", 201, media_type="text/plain")

    @app.get("/ekt/{key}")
    async def status(key: str, request: Request) -> Response:
        _checked(request, secret, b"")
        found = taken.get(key)
        if found is None:
            raise HTTPException(404, "It is not here.")
        return Response(status_code=204, headers={"klokwerk-sha256": found.sha256})

    if troubles is not None:
        _add_trouble(app, troubles)
    return app


def _add_trouble(app: FastAPI, troubles: Troubles) -> None:
    @app.get("/_trouble", tags=["control"])
    async def read_trouble() -> Trouble:
        return troubles.now

    @app.put("/_trouble", tags=["control"])
    async def set_trouble(trouble: Trouble) -> Trouble:
        troubles.now = trouble
        return trouble

    @app.delete("/_trouble", tags=["control"], status_code=204)
    async def behave() -> None:
        troubles.now = Trouble()


def _checked(request: Request, secret: str, body: bytes) -> str:
    """The key of a request whose signature is right and fresh."""
    key = request.headers.get("idempotency-key", "")
    parts = dict(
        part.partition("=")[::2] for part in request.headers.get("klokwerk-signature", "").split(",")
    )
    signed = f"{parts.get('t', '')}.{key}.".encode() + body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    if not key or not hmac.compare_digest(expected, parts.get("v1", "")):
        raise HTTPException(401, "The signature is not right.")
    if abs(time.time() - int(parts["t"])) > _MOST_AGE:
        raise HTTPException(401, "The signature is too old.")
    return key
