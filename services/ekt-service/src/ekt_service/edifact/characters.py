"""Character sets of an EKT file, and how text of a sale is brought into one of them.

UNOA (syntax version 2) is the sector's default and means upper-case ASCII. UNOC (Latin-1) and UNOY
(UTF-8) keep names as they are, for receivers that read them.
"""

import re
import string
import unicodedata
from enum import StrEnum
from functools import lru_cache

UNOA_REPERTOIRE = frozenset(string.ascii_uppercase + string.digits + " .,-()/=!\"%&*;<>'+:?")

_LETTERS_WITHOUT_DECOMPOSITION = str.maketrans(
    {
        "ß": "ss",
        "ẞ": "SS",
        "æ": "ae",
        "Æ": "AE",
        "œ": "oe",
        "Œ": "OE",
        "ø": "o",
        "Ø": "O",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "Đ": "D",
        "ð": "d",
        "Ð": "D",
        "þ": "th",
        "Þ": "TH",
        "ı": "i",
        "‘": "'",
        "’": "'",
        "“": '"',
        "”": '"',
        "–": "-",
        "—": "-",
        "×": "X",
        "€": "EUR",
        "&": "&",
    }
)
_ASCII_OUTSIDE_UNOA = str.maketrans(
    {"_": "-", "[": "(", "]": ")", "{": "(", "}": ")", "\\": "/", "|": "/", "`": "'", "~": "-"}
)
_OUTSIDE_UNOA = re.compile(f"[^{re.escape(''.join(sorted(UNOA_REPERTOIRE)))}]")
_RELEASED = str.maketrans({"?": "??", "+": "?+", ":": "?:", "'": "?'"})


class CharacterSet(StrEnum):
    """Syntax identifier of UNB element S001, 0001."""

    UNOA = "UNOA"
    UNOC = "UNOC"
    UNOY = "UNOY"

    @property
    def syntax_version(self) -> int:
        """UNB element 0002 that goes with the set."""
        return {"UNOA": 2, "UNOC": 3, "UNOY": 4}[self.value]

    @property
    def encoding(self) -> str:
        """Name of the Python codec for the bytes of the file."""
        return {"UNOA": "ascii", "UNOC": "iso-8859-1", "UNOY": "utf-8"}[self.value]


def conform(text: str, charset: CharacterSet) -> str:
    """The nearest text that the character set can hold.

    Control characters become spaces; under UNOA letters lose their accents and become capitals, and
    what has no counterpart becomes a space. The result is stable: conforming it again changes nothing.
    """
    if text.isascii() and text.isprintable():
        return text.strip() if charset is not CharacterSet.UNOA else _in_unoa(text)
    plain = "".join(
        " " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp", "Cn") else c
        for c in unicodedata.normalize("NFC", text)
    )
    if charset is CharacterSet.UNOY:
        return plain.strip()
    if charset is CharacterSet.UNOC:
        return "".join(c if ord(c) < 256 else _without_accents(c) for c in plain).strip()
    return _in_unoa(_without_accents(plain))


def _in_unoa(ascii_text: str) -> str:
    return _OUTSIDE_UNOA.sub(" ", ascii_text.translate(_ASCII_OUTSIDE_UNOA).upper()).strip()


def _without_accents(text: str) -> str:
    if text.isascii():
        return text
    spread = unicodedata.normalize("NFKD", text.translate(_LETTERS_WITHOUT_DECOMPOSITION))
    kept = "".join(c for c in spread if not unicodedata.combining(c))
    return "".join(c if c.isascii() and c.isprintable() else " " for c in kept)


def released(text: str) -> str:
    """Text with the service characters ``? + : '`` marked by the release character ``?``."""
    return text.translate(_RELEASED)


@lru_cache(maxsize=32_768)
def written(text: str, charset: CharacterSet, longest: int = 0) -> str:
    """What stands in the file for a value: conformed, cut to its longest length (0: not cut), released."""
    value = conform(text, charset)
    if longest:
        value = value[:longest].rstrip()
    return released(value)


def written_address(text: str) -> str:
    """What stands in the file for a web address: its capitals matter, so it is only kept to ASCII."""
    ascii_only = "".join(c if 32 < ord(c) < 127 else "".join(f"%{b:02X}" for b in c.encode()) for c in text)
    return released(ascii_only)
