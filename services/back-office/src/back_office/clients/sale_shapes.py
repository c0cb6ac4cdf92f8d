"""Sales as the sales service shows them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from klokwerk_contracts.types import Money

from back_office.clients.shapes import Page, Said, Shape, Words

OWN_SOURCE = "/sales-service"
"""How our own sales service names itself as the keeper of a sale."""


class LastSending(Shape):
    """What became of the last sending, as the sales service heard."""

    state: Words = ""
    message: Said = ""
    at: datetime | None = None
    channel: Words = ""
    intent: Words = ""
    confirmed_at: datetime | None = None


class DaySummary(Shape):
    """A day that has sales."""

    order_day: date
    debtors: int = 0


class DefaultDay(Shape):
    """The day a page opens on (D-02)."""

    order_day: date


class SoldToDebtor(Shape):
    """One row of "(Sold) Per debtor"; `source` is the system that keeps the sale, `own` where that is ours.

    Attributes:
        pending: it was corrected, and the others are told in a moment.
    """

    debtor_id: str
    debtor_number: Words = ""
    name: Words = ""
    source: Words = ""
    pending: bool = False
    lines: int = 0
    total: Decimal | None = None
    currency: Words = "EUR"
    use_ekts: bool = False
    complete: bool = False
    missing: int = 0
    revision: int = 0
    ekt: LastSending | None = None

    @property
    def own(self) -> bool:
        """Kept by our own sales service, not by another system."""
        return self.source in ("", OWN_SOURCE)


class SoldTotals(Shape):
    """Sums over everything that a filter lets through."""

    debtors: int = 0
    lines: int = 0
    total: Decimal | None = None
    currency: Words = "EUR"
    incomplete: int = 0


class SoldPage(Page[SoldToDebtor]):
    """A page of the list; the first one has the sums."""

    totals: SoldTotals | None = None


class Missing(Shape):
    """One requirement that is not met, with the cure and where it is mended."""

    rule: Words = ""
    line_id: Words = ""
    label: Words = ""
    field: Words = ""
    message: Said = ""
    cure: Said = ""
    link: Words = ""


class Grower(Shape):
    """Who grew it."""

    number: Words = ""
    name: Words = ""


class Characteristic(Shape):
    """A VBN characteristic by its code, with the service's name for it."""

    type: str
    value: str
    label: Words = ""


class PackingOfLine(Shape):
    """Packing code and the price of one unit."""

    code: Words = ""
    price: Decimal | None = None


class SaleLine(Shape):
    """One line of a sale."""

    line_id: str
    article_number: Words = ""
    name: Words = ""
    vbn_code: Words = ""
    characteristics: tuple[Characteristic, ...] = ()
    country_of_origin: Words = ""
    image_url: Words = ""
    packing: PackingOfLine = PackingOfLine()
    units: int = 0
    pieces_per_unit: int | None = None
    allocated: int = 0
    price: Money | None = None
    customer_price: Money | None = None
    amount: Decimal | None = None
    grower: Grower = Grower()
    bought: Words = ""
    clock_number: int | None = None
    supply_letter: Words = ""
    supply_letter_line: Words = ""
    sequence: Words = ""
    logistic_number: Words = ""
    barcode: Words = ""
    plate: Words = ""
    order_reference: Words = ""
    load_carriers: int | None = None
    vat_class: Words = ""
    invoice_id: Words = ""
    missing: tuple[Missing, ...] = ()


class CanResend(Shape):
    """Whether there is a Resend EKT button (D-01), and what stands in the way of sending."""

    visible: bool = False
    missing: tuple[Missing, ...] = ()


class Buyer(Shape):
    """Who bought."""

    debtor_id: str
    debtor_number: Words = ""
    name: Words = ""
    use_ekts: bool = False


class SaleOfDebtor(Shape):
    """A debtor's sale of one order day.

    Attributes:
        own: kept here, so that it can be changed here; else `source` says where.
        publish_at: corrections are gathered until then and told as the next revision.
    """

    debtor_id: str
    debtor: Buyer
    order_day: date
    source: Words = ""
    own: bool = True
    version: int = 0
    revision: int = 0
    publish_at: datetime | None = None
    changed_by: Words = ""
    changed_at: datetime | None = None
    complete: bool = False
    total: Decimal | None = None
    currency: Words = "EUR"
    lines: tuple[SaleLine, ...] = ()
    can_resend: CanResend = CanResend()


class ResendAccepted(Shape):
    """A resend that is on its way."""

    request_id: str = ""
    sale_revision: int = 0


class FieldChange(Shape):
    """One thing that became different in a line, or a line that came or went."""

    line_id: Words = ""
    label: Words = ""
    kind: Words = ""
    field: Words = ""
    old: Words = ""
    new: Words = ""


class Happened(Shape):
    """One entry of a sale's history."""

    at: datetime
    who: Words = ""
    what: Words = ""
    reason: Words = ""
    revision: int | None = None
    other_debtor: Words = ""
    changes: tuple[FieldChange, ...] = ()


class History(Page[Happened]):
    """The history of a sale, newest first."""
