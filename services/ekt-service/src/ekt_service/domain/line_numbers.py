"""Rules for the numbers by which a receiver knows an order line again."""

from dataclasses import dataclass
from datetime import date

from klokwerk_contracts.sale_completed import SaleLine

from ekt_service.edifact.clockt import barcode


@dataclass(frozen=True, slots=True)
class LineNumbers:
    """AGJ, barcode (RFF+BT) and order-line id (RFF+VN) of a line, for life."""

    agj: str
    barcode: str
    order_line: str


class OutOfNumbersError(RuntimeError):
    """More order lines on one day than five digits can number."""

    def __init__(self, day: date) -> None:
        super().__init__(
            f"All 99999 logistic transaction numbers of {day.isoformat()} are given. "
            "Use a second administration for more lines on one day."
        )


def wished(line: SaleLine, day: date, auction: str) -> tuple[int, str] | None:
    """AGJ and barcode that the sale itself gives, if they can stand in an EKT together.

    Returns:
        Both, or none when the line has no usable AGJ of its own.
    """
    if not line.logistic_number or not int(line.logistic_number):
        return None
    agj = int(line.logistic_number)
    built = barcode(auction, str(line.clock_number or ""), day, agj, line.units)
    own = line.barcode
    is_auctions_form = len(own) == 20 and own.isdigit()
    usable = own and own.isascii() and own.isprintable() and (not is_auctions_form or own == built)
    return agj, own if usable else built
