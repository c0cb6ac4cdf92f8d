"""Simulator of a Peppol access point: look up a participant, submit a document, ask what became of it.

An ``Idempotency-Key`` names a submission for good: the same key with the same bytes answers with the first
result, the same key with other bytes is a conflict. ``GET /documents/by-key/{key}`` tells whether a key was
accepted, which is how a sender settles an answer that was lost.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from fastapi import FastAPI, Header, HTTPException, Request, Response
from lxml import etree
from pydantic import BaseModel

from klokwerk_platform.simulators.behaviour import Store, simulator_app

DOCUMENT_ROOTS = {"Invoice", "CreditNote"}
CBC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}"


class DocumentStatus(StrEnum):
    """Life of a document after it was accepted."""

    DELIVERED = "delivered"
    REJECTED = "rejected"


class StoredDocument(BaseModel):
    """A document as it was accepted."""

    id: str
    key: str
    sender: str
    receiver: str
    number: str
    document_type: str
    sha256: str
    document: str
    status: DocumentStatus = DocumentStatus.DELIVERED
    received_at: datetime


class Receipt(BaseModel):
    """What the sender is told about a document."""

    id: str
    key: str
    sha256: str
    status: DocumentStatus


class Registration(BaseModel):
    """Answer of the participant look-up."""

    participant: str
    registered: bool


class Unregistered(BaseModel):
    """Marks a participant as unknown to the network, for tests."""

    participant: str


def create_app() -> FastAPI:
    """The access point as an app; everybody is registered but who was put on ``/_unregistered``."""
    documents: Store[StoredDocument] = Store("access_point_documents", StoredDocument)
    unregistered: Store[Unregistered] = Store("access_point_unregistered", Unregistered)
    app = simulator_app(
        "access_point",
        "Access point (simulated)",
        {"documents": documents, "unregistered": unregistered},
    )

    @app.put("/_unregistered/{participant}", tags=["control"], status_code=204)
    async def unregister(participant: str) -> None:
        unregistered.put(participant, Unregistered(participant=participant))

    @app.get("/participants/{participant}")
    async def look_up(participant: str) -> Registration:
        return Registration(participant=participant, registered=participant not in unregistered)

    @app.post("/documents", status_code=202)
    async def submit(
        request: Request,
        response: Response,
        idempotency_key: Annotated[str, Header(min_length=1, max_length=200)],
        peppol_sender: Annotated[str, Header(min_length=6)],
        peppol_receiver: Annotated[str, Header(min_length=6)],
    ) -> Receipt:
        body = await request.body()
        digest = hashlib.sha256(body).hexdigest()
        if (known := documents.get(idempotency_key)) is not None:
            if known.sha256 != digest:
                raise HTTPException(409, f"Key {idempotency_key} was used for other bytes.")
            response.status_code = 200
            return _receipt(known)
        kind, number = _read(body)
        if peppol_receiver in unregistered:
            raise HTTPException(422, f"Receiver {peppol_receiver} is not registered in the network.")
        stored = StoredDocument(
            id=str(uuid.uuid4()),
            key=idempotency_key,
            sender=peppol_sender,
            receiver=peppol_receiver,
            number=number,
            document_type=kind,
            sha256=digest,
            document=body.decode(),
            received_at=datetime.now(UTC),
        )
        documents.put(idempotency_key, stored)
        return _receipt(stored)

    @app.get("/documents/by-key/{key}")
    async def by_key(key: str) -> Receipt:
        if (known := documents.get(key)) is None:
            raise HTTPException(404, f"No document was accepted under key {key}.")
        return _receipt(known)

    @app.get("/documents/{document_id}")
    async def by_id(document_id: str) -> Receipt:
        for stored in documents.values():
            if stored.id == document_id:
                return _receipt(stored)
        raise HTTPException(404, f"No document {document_id}.")

    return app


def _receipt(stored: StoredDocument) -> Receipt:
    return Receipt(id=stored.id, key=stored.key, sha256=stored.sha256, status=stored.status)


def _read(body: bytes) -> tuple[str, str]:
    """Kind and number of a document; refuses what is no UBL invoice with 422, as a real network does."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise HTTPException(422, f"The document is not well-formed XML: {error.msg}") from error
    kind = etree.QName(root).localname
    number = root.findtext(f"{CBC}ID")
    if kind not in DOCUMENT_ROOTS or not number:
        raise HTTPException(422, f"{kind} is no UBL invoice or credit note with a number.")
    return kind, number
