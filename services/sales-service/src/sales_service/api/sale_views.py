"""How sales look over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from klokwerk.http import FieldProblem, Page
from klokwerk_contracts.sale_completed import Characteristic
from klokwerk_contracts.types import Money
from pydantic import BaseModel

from sales_service.api.context import cents, number
from sales_service.domain.characteristics import label_of
from sales_service.domain.completeness import Missing
from sales_service.domain.lines import CURRENCY, Line
from sales_service.domain.timeline import Happened, Kind
from sales_service.entry.entering import Status
from sales_service.store.outcomes import Asked, Ekt
from sales_service.store.sold import DayTotals, Sold, SoldTotals


class MissingView(BaseModel):
    """One thing that is missing, with the rule that asks for it and where it is mended."""

    rule: str
    line_id: str = ""
    label: str = ""
    field: str
    message: str
    cure: str
    link: str = ""

    @classmethod
    def of(cls, gap: Missing) -> MissingView:
        """The same for people."""
        return cls(
            rule=gap.rule,
            line_id=gap.line_id,
            label=gap.label,
            field=gap.field,
            message=gap.message,
            cure=gap.cure,
            link=gap.link,
        )


class DayView(BaseModel):
    """One order day in the list of days."""

    order_day: date
    debtors: int
    lines: int
    total: str
    currency: str = CURRENCY

    @classmethod
    def of(cls, row: DayTotals) -> DayView:
        """The same for people."""
        return cls(
            order_day=row.order_day, debtors=row.debtors, lines=row.lines, total=cents(row.goods_total)
        )


class LastEkt(BaseModel):
    """How the last EKT of a debtor and day stands; one that came back is ``bounced``."""

    trigger: str
    state: str
    message: str
    at: datetime
    confirmed_at: datetime | None


class SoldView(BaseModel):
    """One debtor in "Sold per debtor"."""

    debtor_id: str
    debtor_number: str
    name: str
    use_ekts: bool
    source: str
    lines: int
    allocated: int
    total: str
    currency: str = CURRENCY
    complete: bool
    missing: int
    revision: int
    completed_at: datetime | None
    pending: bool
    ekt: LastEkt | None

    @classmethod
    def of(cls, row: Sold) -> SoldView:
        """The same for people."""
        ekt = None
        if row.ekt_state is not None and row.ekt_at is not None:
            ekt = LastEkt(
                trigger=row.ekt_trigger or "",
                state=row.ekt_state,
                message=row.ekt_message or "",
                at=row.ekt_at,
                confirmed_at=row.confirmed_at,
            )
        return cls(
            debtor_id=row.debtor_id,
            debtor_number=row.debtor_number,
            name=row.name,
            use_ekts=row.use_ekts,
            source=row.source,
            lines=row.line_count,
            allocated=row.allocated_count,
            total=cents(row.goods_total),
            complete=row.missing_count == 0,
            missing=row.missing_count,
            revision=row.revision,
            completed_at=row.completed_at,
            pending=row.pending,
            ekt=ekt,
        )


class SoldTotalsView(BaseModel):
    """Sums over everything that the filter lets through."""

    debtors: int
    lines: int
    total: str
    currency: str = CURRENCY
    incomplete: int

    @classmethod
    def of(cls, totals: SoldTotals) -> SoldTotalsView:
        """The same for people."""
        return cls(
            debtors=totals.debtors,
            lines=totals.lines,
            total=cents(totals.goods_total),
            incomplete=totals.incomplete,
        )


class SoldPage(Page[SoldView]):
    """A page of "Sold per debtor"; the first one also has the sums of all pages."""

    totals: SoldTotalsView | None = None


class CharacteristicView(BaseModel):
    """A VBN characteristic by the code that an EKT holds, and by the name that people know."""

    type: str
    value: str
    label: str

    @classmethod
    def of(cls, entry: Characteristic) -> CharacteristicView:
        """The same for people."""
        return cls(type=entry.type, value=entry.value, label=label_of(entry.type))


class LineView(BaseModel):
    """One sale line with what it lacks."""

    line_id: str
    article_number: str
    name: str
    vbn_code: str
    characteristics: list[CharacteristicView]
    country_of_origin: str | None
    image_url: str
    packing: dict[str, Any]
    pieces_per_unit: int | None
    units: int
    allocated: int
    pieces: int
    price: Money | None
    customer_price: Money | None
    amount: str
    grower: dict[str, str]
    bought: str
    clock_number: int | None
    supply_letter: str
    supply_letter_line: str
    sequence: str
    logistic_number: str
    barcode: str
    plate: str
    order_reference: str
    load_carriers: int | None
    transaction_at: datetime | None
    vat_class: str
    invoice_id: str | None
    missing: list[MissingView]

    @classmethod
    def of(cls, line: Line, gaps: Sequence[Missing], invoices: Mapping[str, str]) -> LineView:
        """The same for people, with those of `gaps` that are about this line."""

        def money(value: Any) -> Money | None:
            return None if value is None else Money(amount=value, currency=line.currency)

        return cls(
            line_id=line.line_id,
            article_number=line.article_number,
            name=line.name,
            vbn_code=line.vbn_code,
            characteristics=[CharacteristicView.of(entry) for entry in line.characteristics],
            country_of_origin=line.country_of_origin,
            image_url=line.image_url,
            packing={"code": line.packing_code, "price": number(line.packing_price)},
            pieces_per_unit=line.pieces_per_unit,
            units=line.units,
            allocated=line.allocated,
            pieces=line.pieces,
            price=money(line.price),
            customer_price=money(line.customer_price),
            amount=cents(line.amount),
            grower={"number": line.grower_number, "name": line.grower_name},
            bought=line.bought,
            clock_number=line.clock_number,
            supply_letter=line.supply_letter,
            supply_letter_line=line.supply_letter_line,
            sequence=line.sequence,
            logistic_number=line.logistic_number,
            barcode=line.barcode,
            plate=line.plate,
            order_reference=line.order_reference,
            load_carriers=line.load_carriers,
            transaction_at=line.transaction_at,
            vat_class=line.vat_class,
            invoice_id=invoices.get(line.line_id),
            missing=[MissingView.of(gap) for gap in gaps if gap.line_id == line.line_id],
        )


class CanResend(BaseModel):
    """Whether the button "Resend EKT" is shown (D-01), and what its click would still lack."""

    visible: bool
    missing: list[MissingView]


class DebtorView(BaseModel):
    """Who bought."""

    debtor_id: str
    debtor_number: str
    name: str
    use_ekts: bool


class DistributionView(BaseModel):
    """Everything about one debtor and order day.

    Attributes:
        own: kept here, so that it can be corrected here; else `source` says where.
        publish_at: corrections are gathered until then and told as the next revision.
    """

    debtor_id: str
    debtor: DebtorView
    order_day: date
    source: str
    own: bool
    version: int
    revision: int
    publish_at: datetime | None
    changed_by: str
    changed_at: datetime | None
    complete: bool
    completed_at: datetime | None
    total: str
    currency: str = CURRENCY
    lines: list[LineView]
    missing: list[MissingView]
    ekt: LastEkt | None
    ekts: list[Ekt]
    resends: list[Asked]
    can_resend: CanResend


class FieldChangeView(BaseModel):
    """One thing that became different."""

    line_id: str
    label: str
    kind: Kind
    field: str
    old: str
    new: str


class HappenedView(BaseModel):
    """One entry of the timeline of a distribution."""

    at: datetime
    who: str
    what: str
    reason: str
    revision: int | None
    other_debtor: str
    changes: list[FieldChangeView]

    @classmethod
    def of(cls, entry: Happened) -> HappenedView:
        """The same for people."""
        return cls(
            at=entry.at,
            who=entry.who,
            what=entry.what,
            reason=entry.reason,
            revision=entry.revision,
            other_debtor=entry.other_debtor,
            changes=[
                FieldChangeView(
                    line_id=change.line_id,
                    label=change.label,
                    kind=change.kind,
                    field=change.field,
                    old=change.old,
                    new=change.new,
                )
                for change in entry.changes
            ],
        )


class HistoryView(BaseModel):
    """The timeline of a distribution, newest first."""

    items: list[HappenedView]
    next: None = None


class ChangedDay(BaseModel):
    """How a debtor's day stands after a change.

    Attributes:
        revision: last one that was published.
        published: this change is told to the others already.
        publish_at: it will be, as the next revision, then; corrections are gathered for a moment.
        version: the ETag from now on.
    """

    debtor_id: str
    order_day: date
    lines: int
    missing: int
    complete: bool
    revision: int
    published: bool
    publish_at: datetime | None
    version: int


class AddedLine(BaseModel):
    """What became of one line of a request; `errors` says why it was refused."""

    line_id: str
    debtor_id: str
    status: Status
    errors: list[FieldProblem]


class AddedLines(BaseModel):
    """What became of each line, in the order of the request, and the days they belong to."""

    line_ids: list[str]
    lines: list[AddedLine]
    counts: dict[str, int]
    days: list[ChangedDay]
