"""What each segment of an EKT stands for, and which of its values mean what: the table behind an explanation.

Codes here are stable: the API gives them and whoever shows them words them in the reader's language. The
English words beside them are for the command line and for callers without words of their own.
"""

from dataclasses import dataclass
from enum import StrEnum

from ekt_service.edifact.segments import Segment


class Kind(StrEnum):
    """How a value is read: as it stands, or as a day, time, moment, number, price or code with a name."""

    TEXT = "text"
    DAY = "day"
    TIME = "time"
    MOMENT = "moment"
    NUMBER = "number"
    PRICE = "price"
    CODE = "code"
    COUNTRY = "country"


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a segment that means something.

    Args:
        code: what stands there, for whoever words it.
        label: the same in English.
        element, component: 1-based.
    """

    code: str
    label: str
    element: int
    component: int = 1
    kind: Kind = Kind.TEXT


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a segment stands for; `title` in English, its qualifiers are left out of `spots`.

    Args:
        fixed: places that only say which segment it is.
    """

    code: str
    title: str
    spots: tuple[Spot, ...] = ()
    fixed: frozenset[tuple[int, int]] = frozenset()


def _reference(code: str, title: str, label: str, kind: Kind = Kind.TEXT) -> Meaning:
    return Meaning(code, title, (Spot("value", label, 1, 2, kind),), frozenset({(1, 1)}))


def _party(code: str, title: str, label: str) -> Meaning:
    spots = (Spot("party", label, 2), Spot("list", "code list", 2, 2), Spot("agency", "issued by", 2, 3))
    return Meaning(code, title, spots, frozenset({(1, 1)}))


_IMD = (Spot("type", "type", 2), Spot("value", "value", 3))
_NAMED: dict[str, Meaning] = {
    "UNB": Meaning(
        "unb",
        "Beginning of the file: who sends it to whom",
        (
            Spot("charset", "character set", 1, 1, Kind.CODE),
            Spot("syntax", "syntax version", 1, 2),
            Spot("sender", "sender", 2),
            Spot("sender_kind", "kind of sender code", 2, 2, Kind.CODE),
            Spot("receiver", "receiver", 3),
            Spot("receiver_kind", "kind of receiver code", 3, 2, Kind.CODE),
            Spot("prepared", "made at", 4, 1, Kind.MOMENT),
            Spot("reference", "reference of the file", 5),
            Spot("application", "made by", 7),
            Spot("test", "test mark", 11, 1, Kind.CODE),
        ),
        frozenset({(4, 2)}),
    ),
    "UNH": Meaning(
        "unh",
        "Beginning of a message",
        (
            Spot("reference", "reference of the message", 1),
            Spot("type", "kind of message", 2, 1, Kind.CODE),
            Spot("version", "version", 2, 2),
            Spot("release", "release", 2, 3),
            Spot("agency", "kept by", 2, 4),
        ),
    ),
    "BGM": Meaning("bgm", "What the message is for", (Spot("kind", "kind of EKT", 1, 1, Kind.CODE),)),
    "DTM+97": Meaning(
        "dtm-97",
        "Day of the transaction",
        (Spot("day", "day", 1, 2, Kind.DAY),),
        frozenset({(1, 1), (1, 3)}),
    ),
    "DTM+9": Meaning(
        "dtm-9",
        "Time of the transaction",
        (Spot("time", "time", 1, 2, Kind.TIME),),
        frozenset({(1, 1), (1, 3)}),
    ),
    "NAD+BY": _party("nad-by", "Buyer", "the buyer's number or code"),
    "NAD+FLA": _party("nad-fla", "Auction code: by this the receiver knows the supplier", "auction code"),
    "NAD+SE": _party("nad-se", "Seller", "GLN of the seller"),
    "NAD+DP": _party("nad-dp", "Delivery place", "GLN of the delivery place"),
    "NAD+MF": _party("nad-mf", "Grower", "grower number"),
    "LIN": Meaning(
        "lin",
        "A sold line begins: the product",
        (Spot("product", "product code", 3), Spot("list", "code list", 3, 2, Kind.CODE)),
    ),
    "RFF+AAD": _reference("rff-aad", "Reference AAD", "value"),
    "RFF+ACE": _reference("rff-ace", "Supply letter", "number of the letter"),
    "RFF+ADZ": _reference("rff-adz", "Line on the supply letter", "line"),
    "RFF+AGJ": _reference("rff-agj", "Logistic transaction number, once a day", "number"),
    "RFF+BT": _reference("rff-bt", "Barcode", "barcode"),
    "RFF+CTS": _reference("rff-cts", "The buyer's place", "place"),
    "RFF+FAC": _reference("rff-fac", "Clock", "clock number", Kind.CODE),
    "RFF+FAN": _reference("rff-fan", "Sequence of the transaction", "sequence"),
    "RFF+IRN": _reference("rff-irn", "Picture", "address of the picture"),
    "RFF+ON": _reference("rff-on", "The buyer's order reference", "reference"),
    "RFF+VN": _reference("rff-vn", "The seller's order line: the key for updates", "order line"),
    "QTY+52": _reference("qty-52", "Pieces in one packing unit", "pieces", Kind.NUMBER),
    "QTY+66": _reference("qty-66", "Packing units sold", "units", Kind.NUMBER),
    "PRI+INV": Meaning(
        "pri-inv",
        "Price",
        (
            Spot("price", "euro for one piece", 1, 2, Kind.PRICE),
            Spot("customer_price", "the customer's own selling price", 1, 5, Kind.PRICE),
        ),
        frozenset({(1, 1)}),
    ),
    "PRI+PAP": _reference("pri-pap", "Price of the packaging", "euro for one unit", Kind.PRICE),
    "PIA+5": Meaning(
        "pia-5",
        "Article number of the supplier",
        (Spot("article", "article number", 2), Spot("list", "code list", 2, 2, Kind.CODE)),
        frozenset({(1, 1)}),
    ),
    "IMD+S99": Meaning("imd-s99", "Name of the product", (Spot("name", "name", 3, 4),), frozenset({(2, 1)})),
    "PAC": Meaning("pac", "Packaging", (Spot("packaging", "VBN packaging code", 3, 1, Kind.CODE),)),
    "EQD": Meaning(
        "eqd", "Load carriers", (Spot("carrier", "kind", 1, 1, Kind.CODE), Spot("carriers", "number", 3))
    ),
    "UNT": Meaning(
        "unt",
        "End of the message",
        (
            Spot("segments", "segments counted", 1, 1, Kind.NUMBER),
            Spot("reference", "reference of the message", 2),
        ),
    ),
    "UNZ": Meaning(
        "unz",
        "End of the file",
        (
            Spot("messages", "messages counted", 1, 1, Kind.NUMBER),
            Spot("reference", "reference of the file", 2),
        ),
    ),
}
CHARACTERISTICS = {
    "S01": "Pot size",
    "S02": "Plant height",
    "S03": "Plants per pot",
    "S05": "Ripeness",
    "S20": "Stem length",
    "S21": "Stem weight",
    "S22": "Buds or flowers per stem",
    "S62": "Country of origin",
    "S98": "Quality group",
    "L11": "Stems per bunch",
}
"""Types of characteristics that have a name of their own; the others are told by their code."""
GENERAL = {
    "DTM": "Date or time",
    "NAD": "Party",
    "RFF": "Reference",
    "QTY": "Quantity",
    "PRI": "Price",
    "PIA": "Further product code",
    "IMD": "Characteristic",
    "MOA": "Amount",
    "TAX": "Tax",
    "CUX": "Currency",
    "FTX": "Free text",
    "CNT": "Control total",
    "UNS": "Sections are separated",
    "LOC": "Place",
    "TDT": "Transport",
    "ALI": "Further information",
    "CTA": "Contact person",
    "COM": "Way to reach somebody",
    "PAT": "Payment terms",
    "GIN": "Identity numbers",
    "MEA": "Measurements",
    "UNA": "The separators of the file",
}
"""Segments of other EDIFACT messages, and those of ours with a qualifier that is not known."""
OTHER = Meaning("other", "Segment without a meaning here")


def meaning_of(segment: Segment, name: str) -> Meaning:
    """What a segment stands for, by its name (`findings.name_of`)."""
    known = _NAMED.get(name)
    if known is not None:
        return known
    if segment.tag == "IMD":
        kind = segment.at(2)
        if kind in CHARACTERISTICS:
            spot = Kind.COUNTRY if kind == "S62" else Kind.TEXT
            spots = (Spot("value", "value", 3, 1, spot),)
            return Meaning(f"imd-{kind.lower()}", CHARACTERISTICS[kind], spots, frozenset({(2, 1)}))
        code = "imd-k" if kind.startswith("K") else "imd"
        title = "Remark on quality" if code == "imd-k" else GENERAL["IMD"]
        return Meaning(code, title, _IMD)
    if segment.tag in GENERAL:
        return Meaning(segment.tag.lower(), GENERAL[segment.tag])
    return OTHER


def all_meanings() -> dict[str, str]:
    """Every code a segment can get, with its English title."""
    found = {meaning.code: meaning.title for meaning in _NAMED.values()}
    found |= {f"imd-{kind.lower()}": title for kind, title in CHARACTERISTICS.items()}
    found |= {tag.lower(): title for tag, title in GENERAL.items()}
    return found | {"imd-k": "Remark on quality", OTHER.code: OTHER.title}


def all_values() -> set[str]:
    """Every code a value can get, those of a barcode's parts not counted."""
    return {spot.code for meaning in _NAMED.values() for spot in meaning.spots} | {"type", "value"}
