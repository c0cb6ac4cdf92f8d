"""What the pages with attachments share: those of a card, and those of the company itself."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from starlette.datastructures import UploadFile

from back_office.clients.attachments import StoredFile
from back_office.clients.transport import Refused, ServiceFailure
from back_office.domain.badges import Badge, Tone
from back_office.texts.catalogue import Translator
from back_office.web.components.addresses import segment
from back_office.web.components.message import Message, Weight, done
from back_office.web.components.table import Option
from back_office.web.explain import explained
from back_office.web.pages.debtor.codes import DOCUMENTS, named
from back_office.web.visit import Visit, posted

UPLOADS = r"/debtors/[^/]+/attachments|/settings/company-attachments"
"""Paths that take a file."""

MOST_UPLOAD_BYTES = 12_000_000
"""Largest request with a file; the service's own limit is a little lower, and says so in words."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where attachments are shown: the address of the page, and whether this user may change them."""

    address: str
    editable: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an upload: the name under which the file is kept, or what went wrong."""

    name: str = ""
    trouble: Message | None = None


@dataclass(frozen=True, slots=True)
class FileRow:
    """One attachment as it is shown."""

    file: StoredFile
    href: str
    address: str
    size: str
    kind: str
    scan: Badge
    goes_along: str


def documents(t: Translator) -> tuple[Option, ...]:
    """Kinds of document that a file may go along with."""
    return named(DOCUMENTS, "attachments.document_", t)


def rows(files: tuple[StoredFile, ...], place: Place, visit: Visit) -> tuple[FileRow, ...]:
    """The attachments, ready to be shown."""
    t = visit.t
    return tuple(
        FileRow(
            file=each,
            href=f"{place.address}/{segment(each.attachment_id)}/file",
            address=f"{place.address}/{segment(each.attachment_id)}",
            size=size_in_words(each.size, visit),
            kind=each.name.rpartition(".")[2].upper(),
            scan=_scan(each, t),
            goes_along=", ".join(t.either(f"attachments.document_{name}", name) for name in each.documents),
        )
        for each in files
    )


async def upload(visit: Visit, debtor_id: str) -> Outcome:
    """Attach the posted file to a card, or (with an empty id) to the company."""
    form = await posted(visit.request)
    chosen = form.get("file")
    content = await chosen.read() if isinstance(chosen, UploadFile) else b""
    if not isinstance(chosen, UploadFile) or not content:
        t = visit.t
        return Outcome(
            trouble=Message(Weight.WARNING, t("attachments.no_file"), t("attachments.no_file_cure"))
        )
    kinds = [value for value in form.getlist("documents") if isinstance(value, str)]
    once = str(form.get("_once") or "")
    try:
        kept = await visit.clients.attachments.upload(
            debtor_id, chosen.filename or "attachment", content, kinds, once
        )
    except Refused as refused:
        if refused.problem.errors:
            return Outcome(trouble=Message(Weight.ERROR, refused.problem.title, refused.problem.detail))
        return Outcome(trouble=explained(refused, visit.t))
    except ServiceFailure as failure:
        return Outcome(trouble=explained(failure, visit.t))
    return Outcome(kept.name)


async def change(visit: Visit, attachment_id: str) -> None:
    """Save name and documents of an attachment, and say what became of it."""
    typed, kinds = await visit.form(), await visit.chosen("documents")
    name, revision = typed.get("name", "").strip(), typed.get("_revision", "")
    try:
        kept = await visit.clients.attachments.change(attachment_id, name, kinds, revision)
    except ServiceFailure as failure:
        await visit.say(explained(failure, visit.t))
    else:
        await visit.say(done(visit.t("attachments.saved", name=kept.name)))


async def remove(visit: Visit, attachment_id: str) -> None:
    """Remove an attachment, and say what became of it."""
    typed = await visit.form()
    try:
        await visit.clients.attachments.remove(attachment_id, typed.get("_revision", ""))
    except ServiceFailure as failure:
        await visit.say(explained(failure, visit.t))
    else:
        await visit.say(done(visit.t("attachments.removed", name=typed.get("name", ""))))


def size_in_words(size: int, visit: Visit) -> str:
    """A size as people read it: ``48 kB``, ``1.2 MB``."""
    if size >= 1_000_000:
        return f"{visit.formats.number(round(Decimal(size) / 1_000_000, 1))} MB"
    return f"{visit.formats.number(max(1, round(size / 1000)))} kB"


def _scan(file: StoredFile, t: Translator) -> Badge:
    if file.scan == "clean":
        return Badge(Tone.GOOD, "attachments.scan_clean", t("attachments.scan_clean_why"))
    return Badge(Tone.WARN, "attachments.scan_not_scanned", t("attachments.scan_not_scanned_why"))
