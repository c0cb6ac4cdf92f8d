"""What the validator can find: one catalogue of faults with a cure in plain words for each."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from ekt_service.edifact.segments import Segment

MOST_KEPT = 10_000
"""Findings of one file that are kept."""
MOST_COUNTED = 100_000
"""Findings after which nothing more of a file is looked at."""
_LONGEST = 300


class Severity(StrEnum):
    """ERROR: a receiver will refuse or misread it. WARNING: usual receivers take it, but look at it."""

    ERROR = "error"
    WARNING = "warning"


class Fault(StrEnum):
    """Kinds of fault; the value is the stable code of the API."""

    EMPTY_FILE = "empty-file"
    NOT_EDIFACT = "not-edifact"
    BAD_UNA = "bad-una"
    UNTERMINATED = "unterminated"
    UNKNOWN_TAG = "unknown-tag"
    CHARACTER_SET = "character-set"
    LOWER_CASE = "lower-case"
    CONTROL_CHARACTER = "control-character"
    SYNTAX_ID = "syntax-id"
    SENDER_MISSING = "sender-missing"
    RECEIVER_MISSING = "receiver-missing"
    ENVELOPE_MOMENT = "envelope-moment"
    ENVELOPE_REFERENCE = "envelope-reference"
    UNB_MISPLACED = "unb-misplaced"
    UNZ_MISSING = "unz-missing"
    UNZ_COUNT = "unz-count"
    UNZ_REFERENCE = "unz-reference"
    AFTER_UNZ = "after-unz"
    NO_MESSAGE = "no-message"
    OUTSIDE_MESSAGE = "outside-message"
    MESSAGE_TYPE = "message-type"
    MESSAGE_VERSION = "message-version"
    MESSAGE_REFERENCE = "message-reference"
    MESSAGE_REFERENCE_TWICE = "message-reference-twice"
    UNT_MISSING = "unt-missing"
    UNT_COUNT = "unt-count"
    UNT_REFERENCE = "unt-reference"
    BGM_MISSING = "bgm-missing"
    BGM_CODE = "bgm-code"
    DAY_MISSING = "day-missing"
    DAY_FORM = "day-form"
    BUYER_MISSING = "buyer-missing"
    AUCTION_MISSING = "auction-missing"
    AUCTION_FORM = "auction-form"
    GLN_FORM = "gln-form"
    NO_LINE = "no-line"
    REPEATED_SEGMENT = "repeated-segment"
    VBN_CODE = "vbn-code"
    VBN_QUALIFIER = "vbn-qualifier"
    TIME_FORM = "time-form"
    AGJ_MISSING = "agj-missing"
    AGJ_FORM = "agj-form"
    AGJ_TWICE = "agj-twice"
    BARCODE_MISSING = "barcode-missing"
    BARCODE_TWICE = "barcode-twice"
    BARCODE_AUCTION = "barcode-auction"
    BARCODE_CLOCK = "barcode-clock"
    BARCODE_DAY = "barcode-day"
    BARCODE_AGJ = "barcode-agj"
    BARCODE_UNITS = "barcode-units"
    ORDER_LINE_MISSING = "order-line-missing"
    ORDER_LINE_TWICE = "order-line-twice"
    PIECES = "pieces"
    UNITS = "units"
    PRICE_MISSING = "price-missing"
    PRICE_COMMA = "price-comma"
    PRICE_NEGATIVE = "price-negative"
    PRICE_FORM = "price-form"
    NAME_MISSING = "name-missing"
    NAME_LONG = "name-long"
    CHARACTERISTIC_TYPE = "characteristic-type"
    COUNTRY = "country"
    PACKAGING_CODE = "packaging-code"
    GOODS_TOTAL = "goods-total"
    STOPPED = "stopped"


_WARNINGS = frozenset(
    {
        Fault.LOWER_CASE,
        Fault.UNKNOWN_TAG,
        Fault.BARCODE_UNITS,
        Fault.ORDER_LINE_MISSING,
        Fault.CHARACTERISTIC_TYPE,
        Fault.NAME_MISSING,
        Fault.BAD_UNA,
        Fault.CONTROL_CHARACTER,
    }
)

CURES: dict[Fault, str] = {
    Fault.EMPTY_FILE: "Ask the sender for the file again; this one holds nothing.",
    Fault.NOT_EDIFACT: "Choose the EKT file itself: its first letters are UNA or UNB.",
    Fault.BAD_UNA: "Leave UNA out, or write six different characters after it: UNA:+.? '",
    Fault.UNTERMINATED: "End the last segment with an apostrophe ('); the file may have been cut off.",
    Fault.UNKNOWN_TAG: "Remove the segment, or ask the receiver whether their software skips it.",
    Fault.CHARACTER_SET: "Use the characters of the set named in UNB, or name another set there.",
    Fault.LOWER_CASE: "Write capitals, or name UNOC in UNB; most receivers read it all the same.",
    Fault.CONTROL_CHARACTER: "Replace the tab or line break inside the text by a space.",
    Fault.SYNTAX_ID: "Begin UNB with UNOA:2, UNOC:3 or UNOY:4.",
    Fault.SENDER_MISSING: "Put the sender's GLN or code in the second element of UNB (settings: sender).",
    Fault.RECEIVER_MISSING: "Put the receiver's code in the third element of UNB (debtor: receiver code).",
    Fault.ENVELOPE_MOMENT: "Write the moment of making in UNB as YYMMDD:HHMM.",
    Fault.ENVELOPE_REFERENCE: "Give the interchange a reference of 1 to 14 characters in UNB, element 5.",
    Fault.UNB_MISPLACED: "Keep one UNB, as the first segment; put a second interchange in its own file.",
    Fault.UNZ_MISSING: "Close the file with UNZ, the number of messages and the reference of UNB.",
    Fault.UNZ_COUNT: "Write the number of messages (UNH) in the first element of UNZ.",
    Fault.UNZ_REFERENCE: "Repeat the reference of UNB in UNZ.",
    Fault.AFTER_UNZ: "Remove what follows UNZ; it belongs to no interchange.",
    Fault.NO_MESSAGE: "Add at least one message, UNH to UNT.",
    Fault.OUTSIDE_MESSAGE: "Put the segment between UNH and UNT.",
    Fault.MESSAGE_TYPE: "Write CLOCKT as the message type in UNH; other messages are no EKT.",
    Fault.MESSAGE_VERSION: "Write version 003:007 in UNH (003:005 is read too).",
    Fault.MESSAGE_REFERENCE: "Give the message a reference of 1 to 14 characters in UNH.",
    Fault.MESSAGE_REFERENCE_TWICE: "Give every message of the file its own reference in UNH and UNT.",
    Fault.UNT_MISSING: "Close the message with UNT, the number of its segments and the reference of UNH.",
    Fault.UNT_COUNT: "Write the number of segments from UNH to UNT, both included, in UNT.",
    Fault.UNT_REFERENCE: "Repeat the reference of UNH in UNT.",
    Fault.BGM_MISSING: "Add BGM+493 after UNH.",
    Fault.BGM_CODE: "Use 493 (final), 323 (preliminary) or 231 (direct sale) in BGM.",
    Fault.DAY_MISSING: "Add the transaction date: DTM+97:CCYYMMDD:102.",
    Fault.DAY_FORM: "Write the transaction date as CCYYMMDD with format 102: DTM+97:20260130:102.",
    Fault.BUYER_MISSING: "Add NAD+BY with the buyer's number or code (debtor: buyer code).",
    Fault.AUCTION_MISSING: "Add NAD+FLA with the auction code (settings or debtor: auction code).",
    Fault.AUCTION_FORM: "Write the auction code as 1 to 3 digits.",
    Fault.GLN_FORM: "Write a GLN of 13 digits whose last digit is its check digit.",
    Fault.NO_LINE: "Add at least one LIN to the message.",
    Fault.REPEATED_SEGMENT: "Keep one of the two; receivers take either the first or the last.",
    Fault.VBN_CODE: "Give the article its VBN product code, digits only, in LIN element 3.",
    Fault.VBN_QUALIFIER: "Write VBN after the product code: LIN+++16207:VBN.",
    Fault.TIME_FORM: "Write the time as HHMMSS with format 402.",
    Fault.AGJ_MISSING: "Add the logistic transaction number: RFF+AGJ.",
    Fault.AGJ_FORM: "Write AGJ as a number from 1 to 99999.",
    Fault.AGJ_TWICE: "Give each order line of a day its own AGJ; receivers would overwrite the first line.",
    Fault.BARCODE_MISSING: "Add the barcode: RFF+BT.",
    Fault.BARCODE_TWICE: "Give each order line of a day its own barcode.",
    Fault.BARCODE_AUCTION: "Digits 1 to 3 of the barcode must be the auction code of NAD+FLA.",
    Fault.BARCODE_CLOCK: "Digits 4 and 5 of the barcode must be the clock number of RFF+FAC.",
    Fault.BARCODE_DAY: "Digits 6 to 8 of the barcode must be the day of the year of DTM+97.",
    Fault.BARCODE_AGJ: "Digits 9 to 13 of the barcode must be the number of RFF+AGJ.",
    Fault.BARCODE_UNITS: (
        "The barcode ends in the units of the first EKT and stays after a correction; "
        "in a first EKT it must end in QTY+66."
    ),
    Fault.ORDER_LINE_MISSING: "Add RFF+VN, the seller's order-line id; receivers update a line by it.",
    Fault.ORDER_LINE_TWICE: "Give each order line its own RFF+VN.",
    Fault.PIECES: "Give pieces per unit once as a whole number above 0: QTY+52:50.",
    Fault.UNITS: "Give the number of units once as a whole number above 0: QTY+66:2.",
    Fault.PRICE_MISSING: "Add the price per piece: PRI+INV:0.560.",
    Fault.PRICE_COMMA: "Write prices with a decimal point, not a comma.",
    Fault.PRICE_NEGATIVE: "A price is 0 or more; CLOCKT has no credit line: correct the distribution.",
    Fault.PRICE_FORM: "Write the price as digits with a decimal point: 0.560.",
    Fault.NAME_MISSING: "Add the product name: IMD++S99+:::NAME.",
    Fault.NAME_LONG: "Shorten the product name to 35 characters.",
    Fault.CHARACTERISTIC_TYPE: "Use a VBN characteristic type: S, L or K and two digits.",
    Fault.COUNTRY: "Write the country of origin (S62) as two capitals, for example NL.",
    Fault.PACKAGING_CODE: "Write the VBN packaging code in PAC as digits; 999 stands for one-way or own.",
    Fault.STOPPED: "Mend what was found so far and have the file checked again.",
    Fault.GOODS_TOTAL: "Compare with the sale: pieces x units x price must add up to its goods total.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault at one place.

    Args:
        segment: number of the segment in the file, 0 when the fault concerns the whole file.
        tag: its tag with qualifier, such as ``RFF+AGJ``.
        element: 1-based data element, 0 when the fault is the segment itself.
        component: 1-based component within the element.
        found: what stands there.
        expected: what should stand there, where the rest of the file tells it.
        says: what is wrong, for a person.
    """

    fault: Fault
    says: str
    segment: int = 0
    tag: str = ""
    element: int = 0
    component: int = 0
    found: str = ""
    expected: str = ""

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return Severity.WARNING if self.fault in _WARNINGS else Severity.ERROR

    @property
    def cure(self) -> str:
        """What to do about it."""
        return CURES[self.fault]

    @property
    def place(self) -> str:
        """Where it is, in words: ``segment 12, RFF+AGJ, element 1, component 2``."""
        if not self.segment:
            return "the whole file"
        parts = [f"segment {self.segment}", self.tag]
        if self.element:
            parts.append(f"element {self.element}")
        if self.component:
            parts.append(f"component {self.component}")
        return ", ".join(parts)

    def __str__(self) -> str:
        return f"{self.severity.value}: {self.place}: {self.says} {self.cure}"


def name_of(segment: Segment) -> str:
    """Tag with qualifier as people call a segment: ``NAD+BY``, ``IMD+S99``, ``UNB``."""
    if segment.tag == "IMD":
        return f"IMD+{segment.at(2)}"
    if segment.tag in ("NAD", "RFF", "QTY", "PRI", "DTM", "PIA"):
        return f"{segment.tag}+{segment.qualifier}"
    return segment.tag


def finding(
    fault: Fault,
    says: str,
    segment: Segment | None = None,
    element: int = 0,
    component: int = 0,
    expected: str = "",
) -> Finding:
    """A finding at a segment (or at the whole file), with what stands at that place."""
    if segment is None:
        return Finding(fault, says, expected=expected)
    found = segment.at(element, component or 1) if element else ""
    if len(says) > _LONGEST:
        says = says[:_LONGEST] + "..."
    return Finding(fault, says, segment.number, name_of(segment), element, component, found, expected)


class EnoughFound(Exception):
    """There is so much wrong with a file that the rest of it is not worth the time."""


class Findings:
    """Gathers what is found in one file: the first `most` of them whole, of the rest how many there were.

    A file of 5 MB can be wrong in a million places, and nobody reads a million of them.
    """

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: list[Finding] = []
        self.stopped_at: Finding | None = None
        self.count = 0
        self.errors = 0

    def append(self, found: Finding) -> None:
        """Add one.

        Raises:
            EnoughFound: a hundred thousand are there already.
        """
        if self.count >= MOST_COUNTED:
            raise EnoughFound
        self.count += 1
        self.errors += found.severity is Severity.ERROR
        if len(self._kept) < self._most:
            self._kept.append(found)

    def __iadd__(self, more: Iterable[Finding]) -> Self:
        for found in more:
            self.append(found)
        return self

    def in_file_order(self) -> tuple[Finding, ...]:
        """Those kept, by segment and element; what concerns the whole file comes last."""
        last = (self.stopped_at,) if self.stopped_at else ()
        return (*sorted(self._kept, key=lambda found: (found.segment or 10**9, found.element)), *last)
