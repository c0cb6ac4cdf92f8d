"""One ZIP file with everything that the services hold about a person: a JSON file each, and a summary to read."""

from __future__ import annotations

import json
import re
import tempfile
import zipfile
from collections.abc import AsyncIterator, Iterator
from typing import IO, Any

from fastapi import Response
from fastapi.responses import StreamingResponse

from back_office.clients.debtors import Card
from back_office.clients.transport import NotFound, ServiceFailure, ServiceName
from back_office.web.visit import Visit

IN_MEMORY = 5_000_000
"""Larger files go to disk while they are packed."""
MOST_SUMMARISED = 20_000_000
"""Documents beyond this size are packed, but only named in the summary."""
_PART = 256 * 1024


class Incomplete(Exception):
    """A service did not give what it holds, so nothing is given: half an answer would be a wrong one."""

    def __init__(self, service: ServiceName) -> None:
        super().__init__(str(service))
        self.service = service


async def packed(visit: Visit, card: Card, contact_id: str = "") -> Response:
    """The file, as a download.

    Args:
        contact_id: of a contact person, whose data alone are asked for; they are kept by the debtor service only.

    Raises:
        Incomplete: a service is away or refuses.
    """
    services = [ServiceName.DEBTORS] if contact_id else list(ServiceName)
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed when it was sent
    summary = list(_head(visit, card, contact_id))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for service in services:
            content = await _held(visit, service, card, contact_id)
            summary += ["", visit.t(f"service.{service}"), "-" * 40]
            if content is None:
                summary.append(visit.t("privacy.holds_nothing"))
                continue
            archive.writestr(f"{service.value}.json", _readable(content))
            summary += _summary(content, visit)
        archive.writestr(f"{visit.t('privacy.summary_name')}.txt", "\r\n".join(summary) + "\r\n")
    file.seek(0)
    name = re.sub(r"[^A-Za-z0-9._-]", "_", f"personal-data-{card.debtor_id}.zip")
    return StreamingResponse(
        _parts(file),
        media_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


async def _held(visit: Visit, service: ServiceName, card: Card, contact_id: str) -> bytes | None:
    """What a service holds, or none where it knows nobody of this id."""
    administration = str((card.model_extra or {}).get("administration") or "")
    try:
        async with visit.clients.privacy.held(
            service, card.debtor_id, administration, contact_id
        ) as download:
            return b"".join([part async for part in download.content])
    except NotFound:
        return None
    except ServiceFailure as failure:
        raise Incomplete(service) from failure


def _readable(content: bytes) -> bytes:
    """The document with line breaks, for people who open it."""
    if len(content) > MOST_SUMMARISED:
        return content
    try:
        return json.dumps(json.loads(content), indent=2, ensure_ascii=False).encode()
    except ValueError:
        return content


def _head(visit: Visit, card: Card, contact_id: str) -> Iterator[str]:
    t = visit.t
    name = card.name
    if contact_id:
        person = next((c for c in card.contact_persons if c.contact_id == contact_id), None)
        name = person.name if person else contact_id
    yield t("privacy.summary_title", name=name)
    yield t("privacy.summary_made", at=visit.formats.instant(visit.now), by=visit.user.display_name)
    yield t("privacy.summary_files")


def _summary(content: bytes, visit: Visit) -> list[str]:
    """What a document holds, in lines: values as they are, and how many entries each list has."""
    if len(content) > MOST_SUMMARISED:
        return [visit.t("privacy.too_large")]
    try:
        document = json.loads(content)
    except ValueError:
        return [visit.t("privacy.too_large")]
    return [line for name, value in document.items() for line in _lines(name, value, visit)]


def _lines(name: str, value: Any, visit: Visit, depth: int = 0) -> Iterator[str]:
    margin = "  " * depth
    label = name.replace("_", " ")
    if isinstance(value, dict):
        inside = [line for key, each in value.items() for line in _lines(key, each, visit, depth + 1)]
        if inside:
            yield f"{margin}{label}:"
            yield from inside
    elif isinstance(value, list):
        if not value:
            return
        yield f"{margin}{label}: {visit.t.many('privacy.entries', len(value))}"
        if name in ("cards", "contact_person") or all(not isinstance(each, dict | list) for each in value):
            for each in value:
                if isinstance(each, dict):
                    for key, part in each.items():
                        yield from _lines(key, part, visit, depth + 1)
                else:
                    yield f"{margin}  {each}"
    elif value not in (None, "", False):
        yield f"{margin}{label}: {value}"


async def _parts(file: IO[bytes]) -> AsyncIterator[bytes]:
    try:
        while part := file.read(_PART):
            yield part
    finally:
        file.close()
