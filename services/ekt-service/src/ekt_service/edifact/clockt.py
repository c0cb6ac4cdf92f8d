"""The values of an EKT: interchange, message, and one clock transaction (a sold order line)."""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum

from ekt_service.edifact.characters import CharacterSet
from ekt_service.edifact.segments import Segment

VERSION_WRITTEN = "003:007"
VERSIONS_READ = ("003:005", "003:007")
NAME_LENGTH = 20
NAME_LENGTH_MOST = 35
LAST_AGJ = 99_999


class EktKind(StrEnum):
    """Code in BGM: what the receiver should take the message for."""

    FINAL = "493"
    PRELIMINARY = "323"
    DIRECT_SALE = "231"


class OptionalSegment(StrEnum):
    """Segments a receiver may want left out; each is written only where there is a value for it."""

    TIME = "DTM+9"
    SELLER = "NAD+SE"
    DELIVERY_PLACE = "NAD+DP"
    GROWER = "NAD+MF"
    LETTER = "RFF+ACE"
    LETTER_LINE = "RFF+ADZ"
    PLACE = "RFF+CTS"
    CLOCK = "RFF+FAC"
    SEQUENCE = "RFF+FAN"
    IMAGE = "RFF+IRN"
    ORDER = "RFF+ON"
    ARTICLE = "PIA+5"
    CHARACTERISTICS = "IMD"
    CUSTOMER_PRICE = "PRI+INV/5"
    PACKAGING_PRICE = "PRI+PAP"
    CARRIER = "EQD"


ALL_OPTIONAL = frozenset(OptionalSegment)


@dataclass(frozen=True, slots=True)
class Characteristic:
    """One VBN characteristic: type (``S20`` stem length) and value (``070``)."""

    type: str
    value: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """One order line of an EKT.

    Args:
        vbn_code: VBN product code, digits.
        agj: logistic transaction number, 1 to 5 digits, once per day.
        barcode: RFF+BT, opaque unless it has 20 digits.
        order_line: RFF+VN, the receiver's update key.
        pieces: pieces per packing unit, above 0.
        units: packing units, above 0.
        price: per piece, euro.
        name: product name for people.
        others: segments read that have no field of their own.
    """

    vbn_code: str
    agj: str
    barcode: str
    order_line: str
    pieces: int
    units: int
    price: Decimal
    name: str
    at: time | None = None
    grower: str = ""
    letter: str = ""
    letter_line: str = ""
    place: str = ""
    clock: str = ""
    sequence: str = ""
    image: str = ""
    order: str = ""
    customer_price: Decimal | None = None
    article: str = ""
    characteristics: tuple[Characteristic, ...] = ()
    packaging: str = ""
    packaging_price: Decimal | None = None
    carrier: str = ""
    carriers: str = ""
    others: tuple[Segment, ...] = ()

    @property
    def goods(self) -> Decimal:
        """Pieces x units x price in euro."""
        return self.price * (self.pieces * self.units)


@dataclass(frozen=True, slots=True)
class Message:
    """One UNH..UNT: its head and its transactions (one each in what is written here)."""

    reference: str
    day: date
    buyer: str
    auction: str
    lines: tuple[Transaction, ...]
    kind: str = EktKind.FINAL
    version: str = VERSION_WRITTEN
    agency: str = "EF"
    seller: str = ""
    delivery_place: str = ""
    others: tuple[Segment, ...] = ()


@dataclass(frozen=True, slots=True)
class Envelope:
    """UNB: who sends to whom, when (wall clock of the sender's zone), under which reference."""

    sender: str
    receiver: str
    prepared: datetime
    reference: str
    sender_qualifier: str = "14"
    receiver_qualifier: str = "ZZ"
    application: str = ""
    test: bool = False
    charset: CharacterSet = CharacterSet.UNOA


@dataclass(frozen=True, slots=True)
class Interchange:
    """A whole EKT file."""

    envelope: Envelope
    messages: tuple[Message, ...] = field(default_factory=tuple)

    @property
    def lines(self) -> tuple[Transaction, ...]:
        """Every transaction of every message, in file order."""
        return tuple(line for message in self.messages for line in message.lines)

    @property
    def goods(self) -> Decimal:
        """Sum of pieces x units x price in euro."""
        return sum((line.goods for line in self.lines), Decimal(0))


def is_gln(text: str) -> bool:
    """Whether a text is a Global Location Number: 13 digits of which the last is the check digit."""
    if len(text) != 13 or not (text.isascii() and text.isdigit()):
        return False
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(text[:12]))
    return (10 - weighted % 10) % 10 == int(text[12])


def barcode(auction: str, clock: str, day: date, agj: int, units: int) -> str:
    """The 20-digit barcode RFF+BT: auction(3) clock(2) day of the year(3) AGJ(5) units(7).

    Raises:
        ValueError: when a part does not fit its digits, naming the part.
    """
    clock_number = clock or "99"
    for label, value, digits in (
        ("auction code", auction, 3),
        ("clock number", clock_number, 2),
        ("AGJ", str(agj), 5),
        ("number of units", str(units), 7),
    ):
        if not value.isdecimal() or len(value) > digits:
            raise ValueError(f"The {label} {value!r} does not fit the {digits} digits a barcode has for it.")
    return f"{int(auction):03d}{int(clock_number):02d}{day.timetuple().tm_yday:03d}{agj:05d}{units:07d}"
