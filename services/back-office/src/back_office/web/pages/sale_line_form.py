"""One sale line as a form, and what was typed as changes of it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from klokwerk_contracts.sale_completed import Bought

from back_office.clients.sale_shapes import SaleLine
from back_office.clients.transport import FieldProblem, Problem
from back_office.texts.catalogue import Translator
from back_office.texts.formats import Formats
from back_office.web.components.form import Control, Field, Form, Section, field_name
from back_office.web.components.table import Option

CHARACTERISTICS = ("S20", "L11", "S05", "S98", "S01", "S02", "S03", "S62")
"""The types that have a field of their own; others are kept as they are."""
WHOLE = ("units", "allocated", "pieces_per_unit", "clock_number", "load_carriers")
AMOUNTS = ("price", "customer_price", "packing.price")
TEXTS = (
    "article_number", "article.name", "article.vbn_code", "article.country_of_origin", "packing.code",
    "grower.number", "grower.name", "bought", "supply_letter", "supply_letter_line", "sequence",
    "logistic_number", "barcode", "plate", "order_reference", "vat_class",
)  # fmt: skip
VAT_CLASSES = ("reduced", "standard", "zero")
_NEVER_EMPTIED = frozenset({"bought", "vat_class", "units"})


def values_of(line: SaleLine, formats: Formats) -> dict[str, str]:
    """What stands in the fields of a line, by their names."""

    def amount(value: Decimal | None) -> str:
        return "" if value is None else formats.typed(value)

    def whole(value: int | None) -> str:
        return "" if value is None else str(value)

    values = {
        "article_number": line.article_number,
        "article.name": line.name,
        "article.vbn_code": line.vbn_code,
        "article.country_of_origin": line.country_of_origin,
        "packing.code": line.packing.code,
        "packing.price": amount(line.packing.price),
        "pieces_per_unit": whole(line.pieces_per_unit),
        "units": whole(line.units),
        "allocated": whole(line.allocated),
        "price": amount(line.price.amount if line.price else None),
        "customer_price": amount(line.customer_price.amount if line.customer_price else None),
        "grower.number": line.grower.number,
        "grower.name": line.grower.name,
        "bought": line.bought,
        "clock_number": whole(line.clock_number),
        "supply_letter": line.supply_letter,
        "supply_letter_line": line.supply_letter_line,
        "sequence": line.sequence,
        "logistic_number": line.logistic_number,
        "barcode": line.barcode,
        "plate": line.plate,
        "order_reference": line.order_reference,
        "load_carriers": whole(line.load_carriers),
        "vat_class": line.vat_class,
    }
    known = {one.type: one.value for one in line.characteristics}
    return values | {f"characteristics.{code}": known.get(code, "") for code in CHARACTERISTICS}


EMPTY = {"bought": "stock", "vat_class": "reduced"}
"""What stands in the fields of a new line."""


def form(
    action: str, back: str, values: Mapping[str, str], t: Translator, *, revision: str, once: str
) -> Form:
    """The form of a line; a new one has no revision and a key of its own."""

    def text(name: str, **more: Any) -> Field:
        return Field(name, t(f"sale_line.{_key(name)}"), values.get(name, ""), **more)

    def choice(name: str, options: tuple[str, ...]) -> Field:
        shown = tuple(Option(one, t(f"sale_line.{name}_{one}")) for one in options)
        return Field(name, t(f"sale_line.{name}"), values.get(name, ""), Control.SELECT, shown)

    amounts = (
        text("units", control=Control.NUMBER, required=True),
        text("pieces_per_unit", control=Control.NUMBER),
        text("allocated", control=Control.NUMBER, help=t("sale_line.allocated_help")),
        text("price", help=t("sale_line.price_help")),
        text("packing.code", help=t("sale_line.packing_help")),
        text("packing.price"),
        text("customer_price"),
        choice("vat_class", VAT_CLASSES),
    )
    return Form(
        action=action,
        submit=t("form.save"),
        revision=revision,
        once=once,
        cancel=back,
        sections=(
            Section(
                t("sale_line.section_article"),
                (
                    text("article_number", help=t("sale_line.article_number_help")),
                    text("article.name"),
                    text("article.vbn_code"),
                    text("article.country_of_origin", help=t("sale_line.country_help")),
                ),
            ),
            Section(
                t("sale_line.section_characteristics"),
                tuple(
                    Field(
                        f"characteristics.{code}",
                        t(f"characteristic.{code}"),
                        values.get(f"characteristics.{code}", ""),
                    )
                    for code in CHARACTERISTICS
                ),
            ),
            Section(t("sale_line.section_quantity"), amounts),
            Section(
                t("sale_line.section_origin"),
                (
                    choice("bought", tuple(one.value for one in Bought)),
                    text("clock_number", control=Control.NUMBER),
                    text("grower.number"),
                    text("grower.name"),
                    text("supply_letter"),
                    text("supply_letter_line"),
                    text("sequence"),
                ),
            ),
            Section(
                t("sale_line.section_references"),
                (
                    text("plate"),
                    text("order_reference"),
                    text("logistic_number"),
                    text("barcode"),
                    text("load_carriers", control=Control.NUMBER),
                ),
            ),
            Section(
                t("sale_line.section_why"),
                (Field("reason", t("sale_line.reason"), values.get("reason", ""), wide=True),),
            ),
        ),
    )


def _key(name: str) -> str:
    return name.replace("article.", "").replace(".", "_")


def changes(before: Mapping[str, str], typed: Mapping[str, str]) -> dict[str, Any]:
    """What became different, as the service takes it; what is not a number goes along as it was typed."""
    body: dict[str, Any] = {}
    for name in (*WHOLE, *AMOUNTS, *TEXTS, *(f"characteristics.{code}" for code in CHARACTERISTICS)):
        value = typed.get(name, "").strip()
        if value == before.get(name, "") or (not value and name in _NEVER_EMPTIED):
            continue
        _put(body, name, _typed(name, value))
    if "grower" in body:
        for part in ("number", "name"):
            body["grower"].setdefault(part, typed.get(f"grower.{part}", "").strip())
    return body


def _typed(name: str, value: str) -> Any:
    if name in WHOLE:
        return int(value) if value.isdecimal() else value or None
    if name in AMOUNTS:
        return decimal(value) if value else None
    if name == "article.country_of_origin":
        return value.upper() or None
    return value


def decimal(text: str) -> str:
    """An amount as people of either language type it, with a point; as it was typed when it is none."""
    bare = text.replace(" ", "").replace("€", "")
    if "," in bare and "." in bare:
        thousands = "." if bare.rfind(",") > bare.rfind(".") else ","
        bare = bare.replace(thousands, "")
    bare = bare.replace(",", ".")
    try:
        return format(Decimal(bare), "f")
    except InvalidOperation:
        return text


def _put(body: dict[str, Any], name: str, value: Any) -> None:
    *outer, last = name.split(".")
    inside = body
    for part in outer:
        inside = inside.setdefault(part, {})
    inside[last] = value


def renamed(problem: Problem, shown: Form) -> Problem:
    """The problem with its fields named as in the form: the service may say where in a field it is."""
    known = sorted(
        (field.name for section in shown.sections for field in section.fields), key=len, reverse=True
    )

    def rename(error: FieldProblem) -> FieldProblem:
        name = field_name(error.field).removeprefix("lines.0.").removeprefix("lines.0")
        found = next((one for one in known if name == one or name.startswith(f"{one}.")), name)
        return error.model_copy(update={"field": found})

    return problem.model_copy(update={"errors": tuple(rename(error) for error in problem.errors)})
