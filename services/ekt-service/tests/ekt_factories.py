"""Small factories for EKT values."""

from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from ekt_service.edifact.clockt import Characteristic, Envelope, Interchange, Message, Transaction, barcode

DAY = date(2026, 1, 30)


def a_line(number: int = 1, **changes: Any) -> Transaction:
    units = changes.get("units", 8)
    line = Transaction(
        vbn_code="16207",
        agj=str(number),
        barcode=barcode("41", "99", DAY, number, units),
        order_line=str(700000 + number),
        pieces=10,
        units=8,
        price=Decimal("0.56"),
        name="R GR Avalanche+",
        at=time(6, 18, 5),
        grower="8622",
        place="157",
        clock="99",
        order="PO:12'7",
        article="ROS-AV+70",
        characteristics=(Characteristic("S20", "070"), Characteristic("S62", "NL")),
        packaging="997",
        packaging_price=Decimal("7"),
        carrier="BX",
        carriers="1",
    )
    return replace(line, **changes)


def a_message(*lines: Transaction, reference: str = "10000700001", **changes: Any) -> Message:
    message = Message(
        reference=reference, day=DAY, buyer="K1001", auction="41", lines=lines or (a_line(),), agency="EF"
    )
    return replace(message, **changes)


def an_interchange(*messages: Message, **envelope: Any) -> Interchange:
    head = Envelope(
        sender="8714231141907",
        receiver="K1001",
        prepared=datetime(2026, 1, 30, 7, 5),  # noqa: DTZ001 - wall clock, as the file holds it
        reference="100007",
        application="KLOKWERK",
    )
    return Interchange(replace(head, **envelope), messages or (a_message(),))
