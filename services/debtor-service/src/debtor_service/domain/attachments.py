"""Attachments: what a file really is, by its bytes, and under which name it is kept (FA-63, FA-65).

Nothing that the uploader says is believed: neither the media type nor the ending of the name. What a browser would
run, or an office program would run as a macro, is never taken.
"""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import filetype
from klokwerk_contracts.debtor_changed import Attachment, DocumentKind

ALLOWED: dict[str, tuple[str, ...]] = {
    "application/pdf": ("pdf",),
    "image/jpeg": ("jpg", "jpeg"),
    "image/png": ("png",),
    "image/gif": ("gif",),
    "image/webp": ("webp",),
    "image/tiff": ("tif", "tiff"),
    "image/heic": ("heic", "heif"),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ("docx",),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ("xlsx",),
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ("pptx",),
    "application/vnd.oasis.opendocument.text": ("odt",),
    "application/vnd.oasis.opendocument.spreadsheet": ("ods",),
    "application/vnd.oasis.opendocument.presentation": ("odp",),
    "text/plain": ("txt", "csv", "log", "md"),
}
"""Media types that are taken, with the endings that their files may have; the first is added where another stands."""

LONGEST_NAME = 120
_UNKNOWN = "application/octet-stream"
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_MARKUP = re.compile(rb"^\s*(<\?xml|<!doctype|<html|<svg|<script|<[a-z]+[\s>])", re.IGNORECASE)
_FORBIDDEN_IN_NAMES = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u202a-\u202e\u2066-\u2069\u200e\u200f]')
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10))}
)
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."
_OFFICE = {
    "word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_MOST_ENTRIES = 10_000


class Scan(StrEnum):
    """What is known of the bytes: ``not_scanned`` where no scanner is set up."""

    CLEAN = "clean"
    NOT_SCANNED = "not_scanned"


@dataclass(frozen=True, slots=True)
class StoredAttachment:
    """An attachment as stored.

    Attributes:
        debtor_id: the card; none for one of the company itself (FA-65).
        documents: kinds of document that it goes along with (D-19).
    """

    attachment_id: str
    debtor_id: str | None
    name: str
    media_type: str
    size: int
    sha256: str
    documents: tuple[DocumentKind, ...]
    revision: int
    uploaded_at: datetime
    uploaded_by: str
    scan: Scan

    def told(self) -> Attachment:
        """As it stands on the event."""
        return Attachment(
            attachment_id=self.attachment_id,
            name=self.name,
            media_type=self.media_type,
            size=self.size,
            sha256=self.sha256,
            documents=self.documents,
            link=f"/v1/attachments/{self.attachment_id}",
        )


class UnwantedFile(ValueError):
    """A file that is not taken; `cure` says what to do."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message)
        self.cure = cure


def media_type_of(content: bytes) -> str:
    """What the bytes are.

    Raises:
        UnwantedFile: nothing that is taken, e.g. a program, a web page, or a document with macros.
    """
    found = filetype.guess_mime(content) or ""
    if content[:4] == b"PK\x03\x04":
        found = _in_zip(content)
    elif not found or found not in ALLOWED:
        found = found or _text(content)
    if found not in ALLOWED:
        what = f"it is {found}" if found != _UNKNOWN else "nobody can tell what it is"
        raise UnwantedFile(
            f"{what}, whatever its name says",
            "Attach a PDF, a picture, an office document without macros, or plain text.",
        )
    return found


def safe_name(name: str, media_type: str) -> str:
    """The name under which a file is kept: no paths, no control characters, an ending that fits the bytes."""
    plain = unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])
    plain = " ".join(_FORBIDDEN_IN_NAMES.sub("", plain).split()).strip(". ")
    endings = ALLOWED[media_type]
    stem, dot, ending = plain.rpartition(".")
    if not dot or ending.casefold() not in endings:
        stem, ending = plain, endings[0]
    stem = stem.strip(". ")[: LONGEST_NAME - len(ending) - 1].strip(". ") or "attachment"
    if stem.casefold().partition(".")[0] in _DEVICES:
        stem = f"_{stem}"
    return f"{stem}.{ending}"


def _text(content: bytes) -> str:
    """Plain text of any encoding in use here, as long as it is no markup and holds no control characters."""
    if _MARKUP.match(content[:1000].removeprefix(b"\xef\xbb\xbf")):
        return "text/html"
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
        if "\ufffd" in text:
            return _UNKNOWN
    return _UNKNOWN if _UNPRINTABLE.search(text) else "text/plain"


def _in_zip(content: bytes) -> str:
    """Which office document a zip file is, by what is in it; the directory is read, nothing is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [entry.filename for entry in archive.infolist()]
            if len(names) > _MOST_ENTRIES:
                return "application/zip"
            if any(name.casefold().endswith(("vbaproject.bin", ".exe", ".dll")) for name in names):
                raise UnwantedFile("it holds macros or programs", "Save it without macros, or as a PDF.")
            if "[Content_Types].xml" in names:
                return next(
                    (kind for folder, kind in _OFFICE.items() if _has(names, folder)), "application/zip"
                )
            if names and names[0] == "mimetype" and archive.infolist()[0].file_size < 200:
                said = archive.read("mimetype").decode("ascii", errors="replace").strip()
                if (
                    said.startswith(_OPEN_DOCUMENT)
                    and not _has(names, "Basic/")
                    and not _has(names, "Scripts/")
                ):
                    return said
    except UnwantedFile:
        raise
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise UnwantedFile("it is a damaged zip file", "Save the document anew and attach that.") from error
    return "application/zip"


def _has(names: list[str], folder: str) -> bool:
    return any(name.startswith(folder) for name in names)
