"""A file that somebody chose in a form, and how it is to be read."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import UploadFile

from back_office.texts.catalogue import Translator
from back_office.web.visit import Visit, posted

ENCODINGS = ("", "utf-8", "cp1252", "iso-8859-15", "cp850", "mac-roman", "utf-16")
DELIMITERS = ("", ";", ",", "\t", "|")
_DELIMITER_NAMES = ((";", "semicolon"), (",", "comma"), ("\t", "tab"), ("|", "bar"))


@dataclass(frozen=True, slots=True)
class ChosenFile:
    """A file; empty when none was chosen.

    Attributes:
        encoding, delimiter: empty where the service is to find out.
    """

    content: bytes
    name: str
    encoding: str
    delimiter: str


async def chosen_file(visit: Visit, default_name: str) -> ChosenFile:
    """The file of the form that was posted; its folders are left out of the name."""
    form = await visit.form()
    chosen = (await posted(visit.request)).get("file")
    content = await chosen.read() if isinstance(chosen, UploadFile) else b""
    name = (chosen.filename or "") if isinstance(chosen, UploadFile) else ""
    encoding, delimiter = form.get("encoding", ""), form.get("delimiter", "")
    return ChosenFile(
        content,
        name.replace("\\", "/").rsplit("/", 1)[-1][:200] or default_name,
        encoding if encoding in ENCODINGS else "",
        delimiter if delimiter in DELIMITERS else "",
    )


def delimiter_choices(t: Translator) -> list[tuple[str, str]]:
    """Delimiters with what people call them."""
    return [(value, t(f"sale_import.delimiter_{name}")) for value, name in _DELIMITER_NAMES]
