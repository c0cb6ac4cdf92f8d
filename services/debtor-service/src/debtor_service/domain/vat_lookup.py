"""What a look-up of a VAT number says, and addresses as member states write them taken apart (FA-08, FA-09)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from klokwerk_contracts.types import Address

UNDISCLOSED = "---"
"""What VIES writes where a member state keeps something to itself."""

VIES_PREFIXES = frozenset({
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FI", "FR", "HR", "HU",
    "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK", "XI",
})  # fmt: skip


class VatStatus(StrEnum):
    """What is known of a number; ``unknown`` whenever nobody could say, never ``invalid`` then (FA-09)."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class VatLookup:
    """The outcome of a look-up.

    Attributes:
        name: of the registered company; empty where the member state does not tell.
        address: as the member state wrote it, one line for each line; empty likewise.
        message: for the person who asked: what it means, and what to do.
        code: the error code of VIES; empty when it answered.
        again: asking again later may help.
    """

    status: VatStatus
    message: str
    name: str = ""
    address: str = ""
    code: str = ""
    again: bool = False


def country_of(vat_number: str) -> str:
    """The country (ISO 3166) of a VAT number with its prefix: Greece writes EL, Northern Ireland XI."""
    return {"EL": "GR", "XI": "GB"}.get(vat_number[:2], vat_number[:2])


def split_address(text: str, country: str) -> Address | None:
    """The parts of an address as a member state writes it.

    What can't be told apart stays in `lines`, so nothing is lost.

    Args:
        text: lines parted by line feeds; some states pad house numbers with zeros and write all in capitals.
        country: ISO 3166.

    Returns:
        None when there is no address.
    """
    lines = [" ".join(line.split()) for line in text.replace("\r", "").split("\n")]
    lines = [line.strip(", ") for line in lines if line.strip(", ") and line != UNDISCLOSED]
    if not lines:
        return None
    if len(lines) == 1:
        lines = [part.strip() for part in _IN_ONE_LINE.split(lines[0]) if part.strip()]
    if lines[-1].casefold() in _OWN_NAMES.get(country, ()):
        lines = lines[:-1] or lines
    found = _PLACES.get(country, _GENERIC).fullmatch(lines[-1])
    if found is None:
        return Address(lines=tuple(line[:200] for line in lines), country=country)
    parts = found.groupdict()
    return Address(
        lines=tuple(_tidy_line(line, country) for line in lines[:-1]),
        postal_code=_tidy_code(parts["code"], country),
        city=_capitalised(parts["city"].strip(", "))[:100],
        region=parts.get("region") or "",
        country=country,
    )


_IN_ONE_LINE = re.compile(r",(?=[^,]*$)")
_FIVE = re.compile(r"(?P<code>\d{5}) (?P<city>.+)")
_FOUR = re.compile(r"(?P<code>\d{4}) (?P<city>.+)")
_THREE_TWO = re.compile(r"(?P<code>\d{3} ?\d{2}) (?P<city>.+)")
_GENERIC = re.compile(r"(?P<code>[0-9][0-9 -]{2,8}[0-9]) (?P<city>\D.*)")
_PLACES = {
    "NL": re.compile(r"(?P<code>\d{4} ?[A-Z]{2}) (?P<city>.+)"),
    "BE": _FOUR,
    "DK": _FOUR,
    "AT": re.compile(r"(?:A-|AT-)?(?P<code>\d{4}) (?P<city>.+)"),
    "LU": re.compile(r"(?:L-)?(?P<code>\d{4}) (?P<city>.+)"),
    "DE": _FIVE,
    "FR": _FIVE,
    "FI": _FIVE,
    "IT": re.compile(r"(?P<code>\d{5}) (?P<city>.+?)(?: (?P<region>[A-Z]{2}))?"),
    "SE": _THREE_TWO,
    "CZ": _THREE_TWO,
    "SK": _THREE_TWO,
    "GR": re.compile(r"(?P<code>\d{3} ?\d{2})(?: -)? (?P<city>.+)"),
    "PL": re.compile(r"(?P<code>\d{2}-\d{3}) (?P<city>.+)"),
    "PT": re.compile(r"(?P<code>\d{4}-\d{3}) (?P<city>.+)"),
    "LV": re.compile(r"(?P<city>.+?),? (?P<code>LV-\d{4})"),
}
"""The line with postal code and city, by country; Ireland has no such line, its addresses stay as they are."""

_OWN_NAMES = {"SK": ("slovensko", "slovakia"), "CZ": ("česká republika",), "BE": ("belgië", "belgique")}
"""Countries that end an address with their own name."""

_PADDED = re.compile(r"(?<= )0+(?=\d)")


def _tidy_line(line: str, country: str) -> str:
    text = _PADDED.sub("", line) if country == "NL" else line
    return _capitalised(text)[:200]


def _tidy_code(code: str, country: str) -> str:
    if country == "NL":
        return f"{code[:4]} {code[-2:]}"
    if country in ("SE", "CZ", "SK", "GR"):
        return f"{code[:3]} {code[-2:]}"
    return code


def _capitalised(text: str) -> str:
    """Text that is written in capitals throughout as people would write it; other text as it is."""
    if not text.isupper():
        return text
    return " ".join(_word(word) for word in text.split(" "))


def _word(word: str) -> str:
    """One word; house numbers with a letter keep it, hyphenated names get a capital after each hyphen."""
    if any(c.isdigit() for c in word) or len(word) == 1:
        return word
    return "-".join(part.capitalize() for part in word.split("-"))
