"""Character sets of an EKT file, and how text of a sale is brought into one of them.

UNOA (syntax version 2) is the sector's default and means upper-case ASCII. UNOC (Latin-1) and UNOY
(UTF-8) keep names as they are, for receivers that read them.
"""

import string
import unicodedata
from collections.abc import Callable
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
    return unicodedata.normalize("NFC", text).translate(_TABLES[charset]).strip()


def _in_unoy(c: str) -> str:
    return " " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp", "Cn") else c


def _in_unoc(c: str) -> str:
    plain = _in_unoy(c)
    return plain if ord(plain) < 256 else _without_accents(plain)


def _in_unoa(c: str) -> str:
    capitals = _without_accents(_in_unoy(c)).translate(_ASCII_OUTSIDE_UNOA).upper()
    return "".join(each if each in UNOA_REPERTOIRE else " " for each in capitals)


class _Table(dict[int, str]):
    """What becomes of each character, worked out when it is first met."""

    def __init__(self, rule: Callable[[str], str]) -> None:
        super().__init__()
        self._rule = rule

    def __missing__(self, code: int) -> str:
        self[code] = self._rule(chr(code))
        return self[code]


_TABLES = {
    CharacterSet.UNOA: _Table(_in_unoa),
    CharacterSet.UNOC: _Table(_in_unoc),
    CharacterSet.UNOY: _Table(_in_unoy),
}


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
