"""The lines of a sale as a table, with what each lacks."""

from __future__ import annotations

from back_office.clients.sale_shapes import SaleLine, SaleOfDebtor
from back_office.web.components.addresses import segment
from back_office.web.components.table import BulkAction, Cell, Column, Empty, Kind, Row, Table
from back_office.web.visit import Visit

_FIELDS = {"name": "article.name", "vbn_code": "article.vbn_code", "packing": "packing.code"}


def field_id(field: str) -> str:
    """Id of the element in which a missing thing is filled in."""
    return "f-" + _FIELDS.get(field, field).replace(".", "-")


def lines(found: SaleOfDebtor, visit: Visit, *, may_change: bool) -> Table:
    """All lines; who may change them can pick some of them and opens one by its name."""
    t, formats = visit.t, visit.formats
    lacking = any(line.missing for line in found.lines)
    return Table(
        id="lines",
        caption=t("sales.lines"),
        path="",
        columns=(
            Column("article", t("sales.article"), Kind.MAIN),
            Column("grower", t("sales.grower")),
            Column("quantity", t("sales.quantity"), Kind.NUMBER),
            Column("allocated", t("sales.allocated"), Kind.NUMBER),
            Column("price", t("sales.price"), Kind.NUMBER),
            Column("amount", t("sales.amount"), Kind.NUMBER),
            *((Column("missing", t("sales.missing")),) if lacking else ()),
        ),
        rows=tuple(_row(line, found, visit, lacking=lacking, may_change=may_change) for line in found.lines),
        empty=Empty(t("sales.lines_empty")),
        actions=_actions(found, visit) if may_change and found.lines else (),
        sums=((t("table.sum_all"), formats.money(found.total, found.currency)),) if found.lines else (),
    )


def _actions(found: SaleOfDebtor, visit: Visit) -> tuple[BulkAction, ...]:
    t = visit.t
    here = f"/sales/{found.order_day.isoformat()}/{segment(found.debtor_id)}"
    return (
        BulkAction(
            f"{here}/allocate",
            t("sale_line.allocate_all"),
            t("sale_line.allocate_selected", count="{count}"),
            needs_selection=False,
        ),
        BulkAction(
            f"{here}/move",
            t("sale_move.choose_first"),
            t("sale_move.selected", count="{count}"),
        ),
    )


def characteristics(line: SaleLine, visit: Visit) -> list[str]:
    """The characteristics in words, e.g. ``Stem length 070``."""
    return [
        f"{visit.t.either(f'characteristic.{one.type}', one.label or one.type)} {one.value}"
        for one in line.characteristics
    ]


def _row(line: SaleLine, found: SaleOfDebtor, visit: Visit, *, lacking: bool, may_change: bool) -> Row:
    formats, t = visit.formats, visit.t
    here = f"/sales/{found.order_day.isoformat()}/{segment(found.debtor_id)}"
    codes = " · ".join(
        part
        for part in (
            line.article_number,
            line.vbn_code and f"VBN {line.vbn_code}",
            *characteristics(line, visit),
            line.plate and t("sale_line.plate_short", plate=line.plate),
            line.order_reference,
            t("sale_line.invoiced") if line.invoice_id else "",
        )
        if part
    )
    quantity = t(
        "sales.quantity_words",
        units=formats.number(line.units),
        pieces=formats.number(line.pieces_per_unit) or "?",
    )
    price = formats.money(line.price.amount, line.price.currency) if line.price else ""
    name = line.name or line.article_number or line.line_id
    return Row(
        id=line.line_id,
        name=name,
        cells=(
            Cell(name, f"{here}/lines/{segment(line.line_id)}" if may_change else "", note=codes),
            Cell(line.grower.name, note=line.grower.number),
            Cell(quantity),
            Cell(formats.number(line.allocated)),
            Cell(price),
            Cell(formats.money(line.amount, found.currency)),
            *((Cell("; ".join(gap.message for gap in line.missing)),) if lacking else ()),
        ),
    )
