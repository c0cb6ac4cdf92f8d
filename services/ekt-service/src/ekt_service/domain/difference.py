"""What changed from one EKT file to the next, line by line: a pure comparison of two files as they were read.

A line is known again by what receivers know it by: the order-line id (VN), else the transaction number (AGJ).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from ekt_service.edifact.clockt import Interchange, Message, Transaction
from ekt_service.edifact.writer import price_text


class ChangeKind(StrEnum):
    """What became of a line, or of the head of the messages."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    HEAD = "head"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Args:
        line: number of the line in the newer file; of a removed one in the older; 0 for the head.
        name: the product, as the newer file has it.
        field: what changed; empty for a whole line. ``quantity`` is written as units x pieces (``10 x 80``).
        before, after: as they stand in the files; of a whole line only the side it is on.
    """

    kind: ChangeKind
    line: int
    name: str
    field: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """All that changed, with the totals of both files in euro."""

    changes: tuple[Change, ...]
    lines_before: int
    lines_after: int
    goods_before: Decimal
    goods_after: Decimal


Field = Callable[[Transaction], str]


def _money(price: Decimal | None) -> str:
    return price_text(price) if price is not None else ""


def _quantity(line: Transaction) -> str:
    return f"{line.units} x {line.pieces}"


_FIELDS: dict[str, Field] = {
    "quantity": _quantity,
    "price": lambda line: _money(line.price),
    "name": lambda line: line.name,
    "product": lambda line: line.vbn_code,
    "article": lambda line: line.article,
    "packaging": lambda line: line.packaging,
    "packaging_price": lambda line: _money(line.packaging_price),
    "customer_price": lambda line: _money(line.customer_price),
    "grower": lambda line: line.grower,
    "clock": lambda line: line.clock,
    "letter": lambda line: line.letter,
    "letter_line": lambda line: line.letter_line,
    "place": lambda line: line.place,
    "order": lambda line: line.order,
    "sequence": lambda line: line.sequence,
    "time": lambda line: line.at.isoformat() if line.at else "",
    "image": lambda line: line.image,
    "carriers": lambda line: " ".join(part for part in (line.carriers, line.carrier) if part),
    "agj": lambda line: line.agj,
    "barcode": lambda line: line.barcode,
}
_HEAD: dict[str, Callable[[Message], str]] = {
    "buyer": lambda message: message.buyer,
    "auction": lambda message: message.auction,
    "kind": lambda message: message.kind,
    "seller": lambda message: message.seller,
    "delivery_place": lambda message: message.delivery_place,
    "day": lambda message: message.day.isoformat(),
}
CHANGED_FIELDS = (*_FIELDS, "characteristic")
"""What can change of a line, for whoever words it."""
HEAD_FIELDS = (*_HEAD, "receiver", "sender", "charset", "files")
"""What can change of the head."""


def compare(before: Sequence[Interchange], after: Sequence[Interchange]) -> Difference:
    """What is different in the files of a later sending; several files where each line has its own."""
    old = [line for file in before for line in file.lines]
    new = [line for file in after for line in file.lines]
    return Difference(
        changes=(*_heads(before, after), *_lines(old, new)),
        lines_before=len(old),
        lines_after=len(new),
        goods_before=sum((line.goods for line in old), Decimal(0)),
        goods_after=sum((line.goods for line in new), Decimal(0)),
    )


def _heads(before: Sequence[Interchange], after: Sequence[Interchange]) -> Iterator[Change]:
    first, second = (next(iter(files), None) for files in (before, after))
    if first is None or second is None:
        return
    pairs = {
        "receiver": (first.envelope.receiver, second.envelope.receiver),
        "sender": (first.envelope.sender, second.envelope.sender),
        "charset": (first.envelope.charset.value, second.envelope.charset.value),
    }
    if first.messages and second.messages:
        pairs |= {name: (read(first.messages[0]), read(second.messages[0])) for name, read in _HEAD.items()}
    if (len(before) > 1) != (len(after) > 1):
        pairs["files"] = (str(len(before)), str(len(after)))
    for name, (old, new) in pairs.items():
        if old != new:
            yield Change(ChangeKind.HEAD, 0, "", name, old, new)


def _lines(old: Sequence[Transaction], new: Sequence[Transaction]) -> Iterator[Change]:
    old_by_key = {_key(line): (number, line) for number, line in enumerate(old, 1)}
    found: set[str] = set()
    for number, line in enumerate(new, 1):
        key = _key(line)
        known = old_by_key.get(key)
        if known is None or key in found:
            yield Change(ChangeKind.ADDED, number, line.name, after=_whole(line))
            continue
        found.add(key)
        yield from _changes(number, known[1], line)
    for number, line in enumerate(old, 1):
        if _key(line) not in found:
            yield Change(ChangeKind.REMOVED, number, line.name, before=_whole(line))


def _changes(number: int, old: Transaction, new: Transaction) -> Iterator[Change]:
    for field, read in _FIELDS.items():
        before, after = read(old), read(new)
        if before != after:
            yield Change(ChangeKind.CHANGED, number, new.name, field, before, after)
    marks = [{mark.type: mark.value for mark in line.characteristics} for line in (old, new)]
    for kind in dict.fromkeys((*marks[0], *marks[1])):
        before, after = (side.get(kind, "") for side in marks)
        if before != after:
            yield Change(
                ChangeKind.CHANGED,
                number,
                new.name,
                "characteristic",
                f"{kind} {before}" if before else "",
                f"{kind} {after}" if after else "",
            )


def _key(line: Transaction) -> str:
    return line.order_line or f"agj {line.agj.lstrip('0')}"


def _whole(line: Transaction) -> str:
    return f"{_quantity(line)}, {price_text(line.price)}"
