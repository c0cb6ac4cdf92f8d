"""Simulator of a print service: takes a PDF with an address, keeps it, and says what became of the letter.

An ``Idempotency-Key`` names a letter for good; ``GET /letters/by-key/{key}`` tells whether it was accepted.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import uuid
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from fastapi import FastAPI, Header, HTTPException, Response
from pydantic import BaseModel, Field

from klokwerk_platform.simulators.behaviour import Store, simulator_app


class LetterStatus(StrEnum):
    """Life of a letter after it was accepted."""

    PRINTED = "printed"
    RETURNED = "returned"


class Options(BaseModel):
    """How a letter is printed."""

    colour: bool = False
    duplex: bool = True
    window: str = Field("left", pattern="^(left|right)$")


class Letter(BaseModel):
    """What is handed in: the PDF, the address lines as on the envelope, where it goes back to."""

    pdf: str = Field(description="The PDF in base64.")
    recipient: list[str] = Field(min_length=3, description="Name, street, postal code and city, country.")
    return_address: list[str] = Field(min_length=1)
    reference: str = ""
    options: Options = Options()


class StoredLetter(Letter):
    """A letter as it was accepted."""

    id: str
    key: str
    sha256: str
    status: LetterStatus = LetterStatus.PRINTED
    received_at: datetime


class Receipt(BaseModel):
    """What the sender is told about a letter."""

    id: str
    key: str
    sha256: str
    status: LetterStatus


def create_app() -> FastAPI:
    """The print service as an app."""
    letters: Store[StoredLetter] = Store("print_service_letters", StoredLetter)
    app = simulator_app("print_service", "Print service (simulated)", {"letters": letters})

    @app.post("/letters", status_code=202)
    async def submit(
        letter: Letter,
        response: Response,
        idempotency_key: Annotated[str, Header(min_length=1, max_length=200)],
    ) -> Receipt:
        pdf = _pdf(letter.pdf)
        digest = hashlib.sha256(pdf).hexdigest()
        if (known := letters.get(idempotency_key)) is not None:
            if known.sha256 != digest or known.recipient != letter.recipient:
                raise HTTPException(409, f"Key {idempotency_key} was used for another letter.")
            response.status_code = 200
            return _receipt(known)
        stored = StoredLetter(
            **letter.model_dump(),
            id=str(uuid.uuid4()),
            key=idempotency_key,
            sha256=digest,
            received_at=datetime.now(UTC),
        )
        letters.put(idempotency_key, stored)
        return _receipt(stored)

    @app.get("/letters/by-key/{key}")
    async def by_key(key: str) -> Receipt:
        if (known := letters.get(key)) is None:
            raise HTTPException(404, f"No letter was accepted under key {key}.")
        return _receipt(known)

    @app.get("/letters/{letter_id}")
    async def by_id(letter_id: str) -> Receipt:
        for stored in letters.values():
            if stored.id == letter_id:
                return _receipt(stored)
        raise HTTPException(404, f"No letter {letter_id}.")

    return app


def _receipt(stored: StoredLetter) -> Receipt:
    return Receipt(id=stored.id, key=stored.key, sha256=stored.sha256, status=stored.status)


def _pdf(text: str) -> bytes:
    try:
        pdf = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise HTTPException(422, "pdf is not base64.") from error
    if not pdf.startswith(b"%PDF-"):
        raise HTTPException(422, "pdf holds no PDF document.")
    return pdf
