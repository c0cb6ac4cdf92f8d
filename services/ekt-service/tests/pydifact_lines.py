"""The lines of an EKT read with ``pydifact`` and none of our own code."""

from __future__ import annotations

import warnings
from decimal import Decimal
from typing import Any

from pydifact.segmentcollection import Interchange

_PLACES = {
    ("LIN", ""): {"product": (3, 1)},
    ("NAD", "BY"): {"nad_by": (2, 1)},
    ("NAD", "FLA"): {"nad_fla": (2, 1)},
    ("NAD", "SE"): {"nad_se": (2, 1)},
    ("NAD", "DP"): {"nad_dp": (2, 1)},
    ("NAD", "MF"): {"nad_mf": (2, 1)},
    ("DTM", "9"): {"time": (1, 2)},
    ("DTM", "97"): {"day": (1, 2)},
    ("QTY", "52"): {"pieces": (1, 2)},
    ("QTY", "66"): {"units": (1, 2)},
    ("PRI", "INV"): {"price": (1, 2), "customer_price": (1, 5)},
    ("PRI", "PAP"): {"packaging_price": (1, 2)},
    ("PIA", "5"): {"article": (2, 1)},
    ("PAC", ""): {"packaging": (3, 1)},
    ("EQD", "BX"): {"carriers": (3, 1)},
    ("BGM", "493"): {"kind": (1, 1)},
    ("RFF", "ACE"): {"letter": (1, 2)},
    ("RFF", "ADZ"): {"letter_line": (1, 2)},
    ("RFF", "AGJ"): {"agj": (1, 2)},
    ("RFF", "BT"): {"barcode": (1, 2)},
    ("RFF", "CTS"): {"place": (1, 2)},
    ("RFF", "FAC"): {"clock": (1, 2)},
    ("RFF", "FAN"): {"sequence": (1, 2)},
    ("RFF", "IRN"): {"image": (1, 2)},
    ("RFF", "ON"): {"order": (1, 2)},
    ("RFF", "VN"): {"order_line": (1, 2)},
}
_NUMBERS = {
    "pieces": int,
    "units": int,
    "price": Decimal,
    "customer_price": Decimal,
    "packaging_price": Decimal,
}


def lines_of(data: bytes, encoding: str) -> list[dict[str, Any]]:
    """Every line as a dictionary; a value that is absent or empty has no entry."""
    with warnings.catch_warnings():
        # It tells that it has no table for CLOCKT; it reads the segments all the same.
        warnings.simplefilter("ignore")
        interchange = Interchange.from_str(data.decode(encoding))
        messages = list(interchange.get_messages())
    return [_line(message.segments) for message in messages]


def _line(segments: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    marks: list[tuple[str, str]] = []
    for segment in segments:
        elements = [part if isinstance(part, list) else [part] for part in segment.elements]
        if segment.tag == "IMD":
            kind = _at(elements, 2, 1)
            if kind == "S99":
                found["name"] = _at(elements, 3, 4)
            elif _at(elements, 3, 1):
                marks.append((kind, _at(elements, 3, 1)))
            continue
        for name, place in _PLACES.get((segment.tag, _at(elements, 1, 1)), {}).items():
            text = _at(elements, *place)
            if text:
                found[name] = _NUMBERS.get(name, str)(text)
    return {name: value for name, value in found.items() if value != ""} | {"marks": marks}


def _at(elements: list[list[str]], element: int, component: int) -> str:
    part = elements[element - 1] if element <= len(elements) else []
    return str(part[component - 1]) if component <= len(part) else ""
