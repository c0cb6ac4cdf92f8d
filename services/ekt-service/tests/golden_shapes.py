"""The shapes of an EKT whose bytes are kept in ``golden``: what goes in, and how its files are made anew.

    python services/ekt-service/tests/golden_shapes.py

writes them. Look at every difference: receivers read these bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ekt_service.domain import files
from ekt_service.domain.debtor import Debtor, debtor_of
from ekt_service.domain.ekt import EktFile
from ekt_service.domain.line_numbers import LineNumbers
from ekt_service.domain.module import EktModule
from ekt_service.edifact.clockt import OptionalSegment, barcode
from klokwerk_contracts import DebtorChanged, SaleCompleted
from klokwerk_contracts.debtor_changed import EktConfiguration
from klokwerk_contracts.sale_completed import Article, Characteristic, Grower, Packing, SaleLine
from klokwerk_contracts.types import Money

GOLDEN = Path(__file__).parent / "golden"
ZONE = ZoneInfo("Europe/Amsterdam")
MADE = datetime(2026, 1, 30, 6, 5, tzinfo=UTC)
EVERY_SPECIAL = "A+B:C'D?E*F;G\"H&I%J=K!"


def euro(amount: str) -> Money:
    return Money(amount=Decimal(amount))


def line(line_id: str = "L1", **changes: Any) -> SaleLine:
    """The least that a sale line holds."""
    values = {
        "article": Article(vbn_code="841", name="Bupleurum"),
        "packing": Packing(code="999"),
        "pieces_per_unit": 50,
        "units": 1,
        "price": euro("1.93"),
    }
    return SaleLine(line_id=line_id, **(values | changes))


def full_line(line_id: str = "L1", **changes: Any) -> SaleLine:
    """A line with everything that a sale can hold."""
    values = {
        "article": Article(
            vbn_code="16207",
            name="Rosa Crème de la Crème +",
            number="ROS-70:A",
            characteristics=tuple(
                Characteristic(type=kind, value=value)
                for kind, value in (
                    ("S20", "070"),
                    ("L11", "010"),
                    ("S05", "033"),
                    ("S98", "A1"),
                    ("K11", "A"),
                )
            ),
            country_of_origin="KE",
            image_url="https://img.example/Roos?id=7&s=L+'1'",
        ),
        "packing": Packing(code="997", price=euro("7")),
        "pieces_per_unit": 50,
        "units": 2,
        "price": euro("0.5625"),
        "customer_price": euro("1.1"),
        "grower": Grower(number="8622", name="De Zonnehoek"),
        "bought": "clock",
        "clock_number": 1,
        "supply_letter": "122254",
        "supply_letter_line": "1178",
        "sequence": "428",
        "plate": "157",
        "order_reference": "PO 12/7:b",
        "load_carriers": 3,
        "transaction_at": datetime(2026, 1, 30, 5, 18, 5, tzinfo=UTC),
    }
    return SaleLine(line_id=line_id, **(values | changes))


@dataclass(frozen=True)
class Shape:
    """One shape.

    Args:
        ekt: the debtor's EKT configuration.
        module: changes of the module's settings.
    """

    lines: tuple[SaleLine, ...]
    ekt: Mapping[str, Any] = field(default_factory=dict)
    module: Mapping[str, Any] = field(default_factory=dict)

    @property
    def debtor(self) -> Debtor:
        card = DebtorChanged(
            debtor_id="D1",
            revision=1,
            name="Jansen Bloemen",
            debtor_number="10001",
            ekt=EktConfiguration(use_ekts=True, **self.ekt),
            changed_at=MADE,
        )
        return debtor_of(card)

    def build(self) -> list[EktFile]:
        """The files, with numbers that are the same each time."""
        settings = {
            "active": True,
            "sender_name": "Voorbeeld Bloemen",
            "sender_code": "8714231141907",
            "auction_code": "41",
            "mail_from": "ekt@voorbeeld.example",
        }
        module = EktModule(**(settings | dict(self.module)))
        form = files.format_of(self.debtor, module)
        sale = SaleCompleted(
            debtor_id="D1", order_day=date(2026, 1, 30), revision=1, completed_at=MADE, lines=self.lines
        )
        numbers = {
            each.line_id: LineNumbers(
                str(number),
                barcode(form.auction, str(each.clock_number or ""), sale.order_day, number, each.units),
                str(1_000_000 + number),
            )
            for number, each in enumerate(self.lines, 1)
        }
        references = range(1001, 1001 + files.files_needed(sale, form))
        return files.build(sale, form, module, numbers, references, MADE, ZONE)


EVERY_SEGMENT = tuple(segment.value for segment in OptionalSegment)
_SPECIAL = line(article=Article(vbn_code="1", name=EVERY_SPECIAL, number="?+:'"), order_reference="'?:+")
SHAPES: dict[str, Shape] = {
    "smallest": Shape((line(),), {"optional_segments": ("RFF+XX",)}),
    "usual": Shape((line(), full_line("L2"), line("L3", units=7, price=euro("0.08")))),
    "fullest": Shape(
        (full_line(), full_line("L2", load_carriers=None, clock_number=None)),
        {"buyer_code": "JANSEN", "receiver_code": "8719604000003", "optional_segments": EVERY_SEGMENT},
        {"seller_gln": "8714231141907", "name_length": 35},
    ),
    "separate-files": Shape(
        (line(), full_line("L2"), line("L3")),
        {"separate_files": True, "file_name_pattern": "om{yymmdd}-{line}.{hhmm}"},
    ),
    "latin-1": Shape((full_line(),), {"character_set": "latin-1"}),
    "utf-8": Shape(
        (full_line(), line("L2", article=Article(vbn_code="1", name="Růže žlutá č. 3"))),
        {"character_set": "utf-8"},
    ),
    "direct-sale": Shape((line(bought="direct"),), {"bgm_code": "231", "auction_code": "87"}),
    "preliminary": Shape((line(),), {"bgm_code": "323"}),
    "special-characters": Shape((_SPECIAL,), {}, {"name_length": 35}),
    "test-mark": Shape((line(),), {}, {"test": True, "sender_code": "KLOKWERK-1"}),
    "no-carrier": Shape((full_line(load_carriers=0),), {"optional_segments": ("EQD", "RFF+ON")}),
}


def golden_files(name: str) -> dict[Path, bytes]:
    """Where the files of a shape are kept, and their bytes as they are made now."""
    built = SHAPES[name].build()
    if len(built) == 1:
        return {GOLDEN / f"{name}.edi": built[0].content}
    return {GOLDEN / f"{name}-{number}.edi": file.content for number, file in enumerate(built, 1)}


if __name__ == "__main__":
    for shape in SHAPES:
        for path, content in golden_files(shape).items():
            path.write_bytes(content)
            sys.stdout.write(f"{path.name}: {len(content)} bytes\n")
