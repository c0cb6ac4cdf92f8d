"""The table of changes: each is made to a real model, and the rules must judge it as written here."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from klokwerk_contracts.types import DecimalString, Money, Part
from klokwerk_platform.compatibility import compare_schemas, compare_topics
from pydantic import ConfigDict, Field, create_model


class Colour(StrEnum):
    RED = "red"
    WHITE = "white"


class MoreColours(StrEnum):
    RED = "red"
    WHITE = "white"
    PINK = "pink"


class Packing(Part):
    code: str
    layers: int = 1


class PackingWithPlate(Part):
    code: str
    layers: int = 1
    plate: str = ""


class PackingWithNeededPlate(Part):
    code: str
    layers: int = 1
    plate: str


class PackingWithoutLayers(Part):
    code: str


class Tree(Part):
    name: str
    below: Tree | None = None
    beside: tuple[Tree, ...] = ()


class TreeWithAge(Part):
    name: str
    below: TreeWithAge | None = None
    beside: tuple[TreeWithAge, ...] = ()
    age: int


Ready = Field(json_schema_extra={"x-loosened": ["maxLength", "required", "null"]})
OpenColour = Annotated[Colour, Field(json_schema_extra={"x-extensible-enum": True})]
OpenMoreColours = Annotated[MoreColours, Field(json_schema_extra={"x-extensible-enum": True})]

FIELDS: dict[str, Any] = {
    "debtor_id": (Annotated[str, Field(max_length=10, pattern="^[a-z]+$")], ...),
    "units": (Annotated[int, Field(ge=1, le=99)], ...),
    "colour": (Colour, Colour.RED),
    "note": (Annotated[str, Field(max_length=20)], ""),
    "price": (DecimalString, Decimal(1)),
    "total": (Money | None, None),
    "packing": (Packing, Packing(code="566")),
    "spare": (tuple[Packing, ...], ()),
    "labels": (dict[str, Packing], {}),
}


def schema(*, without: str = "", config: ConfigDict | None = None, **changed: Any) -> dict[str, Any]:
    """The schema of the sample event with some fields changed, added or left out."""
    fields = {name: kind for name, kind in (FIELDS | changed).items() if name != without}
    return create_model("Sample", __config__=config, **fields).model_json_schema()


BROKEN: list[tuple[str, dict[str, Any], str, str]] = [
    ("field removed", {"without": "note"}, "note", "removed"),
    ("field renamed", {"without": "note", "remark": FIELDS["note"]}, "note", "removed"),
    ("new required field", {"clock": (int, ...)}, "clock", "required"),
    ("optional field now required", {"note": (FIELDS["note"][0], ...)}, "note", "required"),
    ("required field now optional", {"units": (FIELDS["units"][0], 1)}, "units", "required"),
    ("text instead of a number", {"units": (str, ...)}, "units", "type"),
    ("number instead of an integer", {"units": (float, ...)}, "units", "type"),
    ("one instead of many", {"spare": (Packing, Packing(code="1"))}, "spare", "type"),
    ("a second type beside the first", {"note": (str | int, "")}, "note", "type"),
    ("enumeration value removed", {"colour": (Literal["red"], "red")}, "colour", "enum"),
    ("enumeration value added", {"colour": (MoreColours, MoreColours.RED)}, "colour", "enum"),
    ("free text instead of an enumeration", {"colour": (str, "red")}, "colour", "enum"),
    ("longer text taken", {"note": (Annotated[str, Field(max_length=40)], "")}, "note", "constraint"),
    ("shorter text only", {"note": (Annotated[str, Field(max_length=10)], "")}, "note", "constraint"),
    ("length no longer limited", {"note": (str, "")}, "note", "constraint"),
    (
        "least length added",
        {"note": (Annotated[str, Field(min_length=1, max_length=20)], "")},
        "note",
        "constraint",
    ),
    ("higher minimum", {"units": (Annotated[int, Field(ge=2, le=99)], ...)}, "units", "constraint"),
    ("lower minimum", {"units": (Annotated[int, Field(ge=0, le=99)], ...)}, "units", "constraint"),
    (
        "other pattern",
        {"debtor_id": (Annotated[str, Field(max_length=10, pattern="^[a-z0-9]+$")], ...)},
        "debtor_id",
        "constraint",
    ),
    (
        "pattern added",
        {"note": (Annotated[str, Field(max_length=20, pattern="^x")], "")},
        "note",
        "constraint",
    ),
    ("other default", {"colour": (Colour, Colour.WHITE)}, "colour", "default"),
    ("may now be null", {"note": (Annotated[str, Field(max_length=20)] | None, "")}, "note", "null"),
    ("may no longer be null", {"total": (Money, Money(amount=Decimal(0)))}, "total", "null"),
    (
        "fewer in a list",
        {"spare": (Annotated[tuple[Packing, ...], Field(max_length=9)], ())},
        "spare",
        "constraint",
    ),
    ("required field in a part", {"packing": (PackingWithNeededPlate, ...)}, "packing.plate", "required"),
    (
        "required field in a list's part",
        {"spare": (tuple[PackingWithNeededPlate, ...], ())},
        "spare[].plate",
        "required",
    ),
    (
        "field of a list's part removed",
        {"spare": (tuple[PackingWithoutLayers, ...], ())},
        "spare[].layers",
        "removed",
    ),
    (
        "field of a map's part removed",
        {"labels": (dict[str, PackingWithoutLayers], {})},
        "labels[].layers",
        "removed",
    ),
    ("unknown fields refused", {"config": ConfigDict(extra="forbid")}, "", "constraint"),
]


@pytest.mark.parametrize(
    ("change", "where", "kind"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN]
)
def test_change_that_breaks_a_reader_or_a_replay(change: dict[str, Any], where: str, kind: str) -> None:
    changes = compare_schemas(schema(), schema(**change))
    assert (where, kind) in {(entry.where, entry.kind) for entry in changes if entry.broken}


FINE: list[tuple[str, dict[str, Any]]] = [
    ("nothing changed", {}),
    ("new optional field", {"clock": (int | None, None)}),
    ("new optional list", {"marks": (tuple[str, ...], ())}),
    ("new optional field in a part", {"packing": (PackingWithPlate, PackingWithPlate(code="566"))}),
    ("new optional field in a list's part", {"spare": (tuple[PackingWithPlate, ...], ())}),
    (
        "other description",
        {"note": (Annotated[str, Field(max_length=20, description="For the driver.")], "")},
    ),
    (
        "other title and examples",
        {"note": (Annotated[str, Field(max_length=20, title="N", examples=["x"])], "")},
    ),
    ("longer text, marked", {"note": (Annotated[str, Field(max_length=40), Ready], "")}),
    ("optional now, marked", {"note": (Annotated[str, Field(max_length=20), Ready], "")}),
    ("may be null, marked", {"note": (Annotated[str | None, Ready, Field(max_length=20)], "")}),
]


@pytest.mark.parametrize("change", [case[1] for case in FINE], ids=[case[0] for case in FINE])
def test_change_that_is_safe(change: dict[str, Any]) -> None:
    assert [entry for entry in compare_schemas(schema(), schema(**change)) if entry.broken] == []


def test_tightening_stays_broken_under_the_mark_for_loosening() -> None:
    tighter = schema(note=(Annotated[str, Field(max_length=10), Ready], ""))
    assert [entry.kind for entry in compare_schemas(schema(), tighter) if entry.broken] == ["constraint"]


def test_values_may_be_added_to_an_enumeration_that_was_marked_before_but_not_removed() -> None:
    old, new = schema(colour=(OpenColour, "red")), schema(colour=(OpenMoreColours, "red"))
    assert not any(entry.broken for entry in compare_schemas(old, new))
    assert any(entry.broken for entry in compare_schemas(new, old))


def test_a_mark_that_comes_with_the_new_values_is_too_late() -> None:
    changes = compare_schemas(schema(), schema(colour=(OpenMoreColours, "red")))
    assert ("colour", "enum", True) in {(entry.where, entry.kind, entry.broken) for entry in changes}


def test_new_field_breaks_where_older_readers_refuse_unknown_fields() -> None:
    closed = ConfigDict(extra="forbid")
    changes = compare_schemas(schema(config=closed), schema(config=closed, clock=(int | None, None)))
    assert [(entry.where, entry.kind) for entry in changes if entry.broken] == [("clock", "added")]


def test_a_part_that_holds_itself_is_compared_once() -> None:
    changes = compare_schemas(Tree.model_json_schema(), TreeWithAge.model_json_schema())
    assert ("age", "required") in {(entry.where, entry.kind) for entry in changes if entry.broken}


def test_a_part_may_be_called_otherwise() -> None:
    class Box(Part):
        code: str
        layers: int = 1

    changes = compare_schemas(schema(), schema(packing=(Box, Box(code="566"))))
    assert [entry.kind for entry in changes if entry.broken] == []


def test_a_rename_is_named_as_such() -> None:
    changes = compare_schemas(schema(), schema(without="note", remark=FIELDS["note"]))
    assert "renamed to remark" in next(entry.text for entry in changes if entry.kind == "removed")


def test_a_keyword_that_the_rules_do_not_know_is_not_let_through() -> None:
    strange = {**schema(), "dependentRequired": {"note": ["units"]}}
    assert [entry.kind for entry in compare_schemas(schema(), strange)] == ["keyword"]


TOPIC: dict[str, Any] = {
    "name": "sale.completed",
    "description": "Sales.",
    "owner": "sales-service",
    "key": "debtor_id",
    "partitions": 6,
    "retention_days": 400,
    "writers": ["sales-service"],
    "readers": [{"service": "ekt-service", "group": "ekt-service"}],
    "versions": [{"version": 1, "schema": "v1.schema.json", "examples": "examples/v1"}],
}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"key": "line_id"}, "key"),
        ({"name": "sales.completed"}, "topic"),
        ({"partitions": 12}, "topic"),
        ({"retention_days": 30}, "topic"),
        ({"retention_days": None, "compacted": True}, "topic"),
        ({"readers": [{"service": "ekt-service", "group": "ekt"}]}, "topic"),
        ({"versions": []}, "removed"),
    ],
)
def test_topic_change_that_breaks(change: dict[str, Any], kind: str) -> None:
    assert kind in {entry.kind for entry in compare_topics(TOPIC, TOPIC | change) if entry.broken}


@pytest.mark.parametrize(
    "change",
    [
        {"description": "All sales."},
        {"owner": "team-sales"},
        {"readers": [*TOPIC["readers"], {"service": "debtor-service", "group": "debtor-service"}]},
        {"writers": ["sales-service", "web-shop"]},
        {
            "versions": [
                *TOPIC["versions"],
                {"version": 2, "schema": "v2.schema.json", "examples": "examples/v2"},
            ]
        },
    ],
)
def test_topic_change_that_is_safe(change: dict[str, Any]) -> None:
    assert compare_topics(TOPIC, TOPIC | change) == []
