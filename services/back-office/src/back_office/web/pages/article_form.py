"""One article as a form, and what was typed as an article again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from back_office.clients.articles import Article
from back_office.clients.transport import FieldProblem, Problem
from back_office.texts.catalogue import Translator
from back_office.texts.formats import Formats
from back_office.web.components.addresses import segment
from back_office.web.components.form import Control, Field, Form, Section, field_name, new_once
from back_office.web.components.table import Option
from back_office.web.pages.sale_line_form import VAT_CLASSES, decimal

NAMED = ("S20", "L11", "S05", "S98", "S01", "S02", "S03")
"""The types of characteristic that have a field of their own; others stand together in one."""
TEXTS = ("name", "vbn_code", "packing_code", "vat_class", "image_url")


def address_of(number: str) -> str:
    """The page of an article; under a path of its own, because a number may be any word."""
    return f"/articles/number/{segment(number)}"


def form(article: Article | None, t: Translator, formats: Formats, *, revision: str, read_only: bool) -> Form:
    """The form of an article, or of a new one."""
    shown = article or Article(number="")
    price = "" if shown.packing_price is None else formats.typed(shown.packing_price)
    pieces = "" if shown.pieces_per_unit is None else str(shown.pieces_per_unit)
    number = Field("number", t("article.number"), required=True, help=t("article.number_help"))
    rates = tuple(Option(one, t(f"sale_line.vat_class_{one}")) for one in VAT_CLASSES)
    known = {one.type: one.value for one in shown.characteristics}
    others = "; ".join(f"{code}={value}" for code, value in known.items() if code not in NAMED)
    country_help = t("sale_line.country_help")
    return Form(
        action=address_of(shown.number) if article else "/articles/new",
        submit=t("form.save"),
        revision=revision,
        once="" if article else new_once(),
        cancel="/articles",
        read_only=read_only,
        sections=(
            Section(
                t("article.section"),
                (
                    *(() if article else (number,)),
                    Field("name", t("sale_line.name"), shown.name, required=True, wide=bool(article)),
                    Field("vbn_code", t("sale_line.vbn_code"), shown.vbn_code, help=t("article.vbn_help")),
                    Field(
                        "country_of_origin",
                        t("sale_line.country_of_origin"),
                        shown.country_of_origin,
                        help=country_help,
                    ),
                    Field("image_url", t("article.image_url"), shown.image_url),
                ),
            ),
            Section(
                t("article.section_packing"),
                (
                    Field(
                        "packing_code",
                        t("sale_line.packing_code"),
                        shown.packing_code,
                        help=t("sale_line.packing_help"),
                    ),
                    Field(
                        "packing_price", t("sale_line.packing_price"), price, help=t("sale_line.price_help")
                    ),
                    Field("pieces_per_unit", t("sale_line.pieces_per_unit"), pieces, Control.NUMBER),
                    Field("vat_class", t("sale_line.vat_class"), shown.vat_class, Control.SELECT, rates),
                ),
            ),
            Section(
                t("sale_line.section_characteristics"),
                (
                    *(
                        Field(f"characteristics.{code}", t(f"characteristic.{code}"), known.get(code, ""))
                        for code in NAMED
                    ),
                    Field(
                        "characteristics",
                        t("article.others"),
                        others,
                        help=t("article.others_help"),
                        wide=True,
                    ),
                ),
            ),
        ),
    )


def to_article(article: Article | None, typed: Mapping[str, str]) -> dict[str, Any]:
    """The whole article as it is to be saved; what is not a number goes along as it was typed."""
    body: dict[str, Any] = {name: typed.get(name, "").strip() for name in TEXTS}
    if article is None:
        body["number"] = typed.get("number", "").strip()
    price, pieces = (typed.get(name, "").strip() for name in ("packing_price", "pieces_per_unit"))
    body["packing_price"] = decimal(price) if price else None
    body["pieces_per_unit"] = int(pieces) if pieces.isdecimal() else pieces or None
    body["country_of_origin"] = typed.get("country_of_origin", "").strip().upper() or None
    body["characteristics"] = _characteristics(article, typed)
    return body


def _characteristics(article: Article | None, typed: Mapping[str, str]) -> list[dict[str, str]]:
    """What was typed, in the order in which the article had it."""
    told = {code: typed.get(f"characteristics.{code}", "").strip() for code in NAMED}
    for part in typed.get("characteristics", "").replace(",", ";").split(";"):
        code, _, value = part.partition("=")
        if part.strip():
            told[code.strip().upper()] = value.strip()
    order = [one.type for one in article.characteristics] if article else []
    codes = [*order, *(code for code in told if code not in order)]
    return [
        {"type": code, "value": told[code]}
        for code in codes
        if told.get(code) or (code in told and code not in NAMED)
    ]


def renamed(problem: Problem, sent: Mapping[str, Any]) -> Problem:
    """The problem with its fields named as in the form: the service counts in the list that it was sent."""

    def rename(error: FieldProblem) -> FieldProblem:
        name = field_name(error.field)
        if name.startswith("characteristics."):
            position = name.split(".")[1]
            entries = sent["characteristics"]
            in_range = position.isdecimal() and int(position) < len(entries)
            code = entries[int(position)]["type"] if in_range else ""
            name = f"characteristics.{code}" if code in NAMED else "characteristics"
        return error.model_copy(update={"field": name})

    return problem.model_copy(update={"errors": tuple(rename(error) for error in problem.errors)})
