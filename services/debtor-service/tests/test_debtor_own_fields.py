"""Own fields: definitions, values on cards, in files and on the event, and changes at the same time."""

from __future__ import annotations

import asyncio
import csv
import io
import zipfile
from datetime import date
from typing import Any

import asyncpg
import httpx
import pytest
import python_calamine
import xlsxwriter
from debtor_service.domain.own_fields import BadValue, OwnFieldDefinition, clean_value
from debtor_world import World, fresh
from klokwerk.testing import eventually
from klokwerk_contracts.debtor_changed import Kind, OwnField, OwnFieldType

URL = "/v1/own-fields"


def new_key() -> str:
    return fresh("f").replace("-", "_")


async def define(world: World, key: str | None = None, role: str = "ops", **fields: Any) -> httpx.Response:
    body = {"key": key or new_key(), "label": "Veld"} | fields
    return await world.client.post(URL, json=body, headers=world.headers(role))


async def redefine(world: World, old: dict[str, Any], **changes: Any) -> httpx.Response:
    body = {name: value for name, value in old.items() if name not in ("key", "revision")} | changes
    headers = world.headers("finance", revision=old["revision"])
    return await world.client.put(f"{URL}/{old['key']}", json=body, headers=headers)


async def remove(world: World, old: dict[str, Any]) -> httpx.Response:
    return await world.client.delete(
        f"{URL}/{old['key']}", headers=world.headers("ops", revision=old["revision"])
    )


async def waits(connection: asyncpg.Connection) -> None:
    """Return once a statement of this database waits for a lock."""

    async def one() -> bool:
        return await connection.fetchval(
            "select exists (select 1 from pg_stat_activity where datname = current_database() "
            "and wait_event_type = 'Lock')"
        )

    await eventually(one)


async def test_FA_28_fields_of_every_type_are_defined_filled_in_and_told(own_world: World) -> None:
    world = own_world
    for position, (key, type_, more) in enumerate(
        [
            ("route", "text", {"on_documents": True}),
            ("kar_maximum", "number", {}),
            ("klant_sinds", "date", {}),
            ("kado", "yes_no", {}),
            ("klasse", "choice", {"choices": ["Goud", "Zilver"]}),
        ]
    ):
        made = await define(world, key, label=key.title(), type=type_, position=position, **more)
        assert made.status_code == 201, made.text
    values = {
        "kado": "ja",
        "klasse": "goud",
        "klant_sinds": "2019-03-01",
        "kar_maximum": "12,50",
        "route": "Noord 3",
    }
    card = await world.make(debtor_id=fresh(), own_fields=values)
    kept = {
        "route": "Noord 3",
        "kar_maximum": "12.50",
        "klant_sinds": "2019-03-01",
        "kado": "yes",
        "klasse": "Goud",
    }
    assert card["own_fields"] == kept
    assert (await world.card(card["debtor_id"]))["own_fields"] == kept
    (event,) = await world.told(card["debtor_id"])
    assert [f.key for f in event.own_fields] == ["route", "kar_maximum", "klant_sinds", "kado", "klasse"]
    assert event.own_fields[0] == OwnField(key="route", label="Route", value="Noord 3", on_documents=True)
    assert event.own_fields[1].type is OwnFieldType.NUMBER
    again = await world.save(card)
    assert again.json()["revision"] == 1, "the same values are no change"


async def test_FA_30_a_field_is_on_every_card_of_its_kind_and_on_no_other(own_world: World) -> None:
    world = own_world
    customer = await world.make(debtor_id=fresh())
    supplier = await world.make(debtor_id=fresh(), kinds=["creditor"])
    both = await world.make(debtor_id=fresh(), kinds=["debtor", "creditor"])
    await define(world, "route", kinds=["debtor"])
    await define(world, "keurmerk", kinds=["creditor"])
    assert (await world.card(customer["debtor_id"]))["own_fields"] == {"route": ""}
    assert (await world.card(supplier["debtor_id"]))["own_fields"] == {"keurmerk": ""}
    assert (await world.card(both["debtor_id"]))["own_fields"] == {"route": "", "keurmerk": ""}
    wrong = await world.save(supplier, own_fields={"route": "Noord"})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"] == "own_fields.route"
    unknown = await world.save(customer, own_fields={"nergens": "x"})
    assert unknown.json()["errors"][0]["field"] == "own_fields.nergens"


async def test_FA_30_own_fields_are_exported_and_their_export_comes_in_again_unchanged(
    own_world: World,
) -> None:
    world = own_world
    await define(world, "route", label="Route")
    await define(world, "korting", type="number", label="Korting")
    card = await world.make(debtor_id=fresh(), own_fields={"route": "=Noord", "korting": "-2.5"})
    empty = await world.make(debtor_id=fresh(), name="Leeg")
    answer = await world.client.get("/v1/debtors.csv", headers=world.headers("read-only"))
    text = answer.content.decode("utf-8-sig")
    rows = {row["debtor_id"]: row for row in csv.DictReader(io.StringIO(text), delimiter=";")}
    assert rows[card["debtor_id"]]["own.route"] == "'=Noord"
    assert rows[empty["debtor_id"]]["own.route"] == ""
    back = await world.client.post("/v1/debtors/import", content=answer.content, headers=world.headers())
    assert (back.status_code, back.json()["unchanged"]) == (200, 2), back.text

    book = await world.client.get("/v1/debtors.xlsx", headers=world.headers("read-only"))
    sheet = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(book.content)).get_sheet_by_index(0)
    assert {"own.route", "own.korting"} <= set(sheet.to_python()[0])

    change = f"debtor_id;name;own.korting\n{card['debtor_id']};{card['name']};3,25\n"
    changed = await world.client.post("/v1/debtors/import", content=change.encode(), headers=world.headers())
    assert changed.json()["updated"] == 1
    assert (await world.card(card["debtor_id"]))["own_fields"] == {"korting": "3.25", "route": "=Noord"}
    wrong = f"debtor_id;name;own.korting\n{card['debtor_id']};{card['name']};veel\n"
    refused = await world.client.post("/v1/debtors/import", content=wrong.encode(), headers=world.headers())
    (error,) = refused.json()["errors"]
    assert error["field"] == "row 2: own.korting"
    assert "'veel'" in error["message"]
    assert error["cure"]


async def test_only_ops_and_finance_define_fields_and_everybody_sees_them(world: World) -> None:
    key = new_key()
    assert (await define(world, key, role="sales")).status_code == 403
    assert (await define(world, key, role="finance")).status_code == 201
    assert (await define(world, key)).status_code == 409
    listed = await world.client.get(URL, headers=world.headers("read-only"))
    assert key in {item["key"] for item in listed.json()["items"]}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"key": "Met Hoofdletter"}, "key"),
        ({"label": "  "}, "label"),
        ({"kinds": []}, "kinds"),
        ({"type": "choice"}, "choices"),
        ({"type": "text", "choices": ["a"]}, "choices"),
        ({"type": "choice", "choices": ["a", "a"]}, "choices"),
        ({"type": "choice", "choices": [" a"]}, "choices"),
        ({"type": "formula"}, "type"),
    ],
)
async def test_a_definition_that_makes_no_sense_is_refused(
    world: World, fields: dict[str, Any], field: str
) -> None:
    answer = await define(world, **fields)
    assert answer.status_code == 422
    assert field in {error["field"] for error in answer.json()["errors"]}


async def test_a_changed_label_is_told_for_every_card_that_has_the_field(world: World) -> None:
    field = (await define(world, label="Route")).json()
    card = await world.make(debtor_id=fresh(), own_fields={field["key"]: "Noord"})
    other = await world.make(debtor_id=fresh())
    changed = await redefine(world, field, label="Rijroute", on_documents=True)
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    first, second = await world.told(card["debtor_id"], at_least=2)
    assert (first.own_fields[0].label, second.own_fields[0].label) == ("Route", "Rijroute")
    assert second.own_fields[0].on_documents is True
    assert (await world.card(other["debtor_id"]))["revision"] == 1
    assert (await redefine(world, field, label="Te laat")).status_code == 412


async def test_a_definition_keeps_room_for_the_values_that_cards_have(world: World) -> None:
    field = (
        await define(world, type="choice", choices=["Goud", "Zilver"], kinds=["debtor", "creditor"])
    ).json()
    card = await world.make(debtor_id=fresh(), own_fields={field["key"]: "Goud"})
    for changes in ({"choices": ["Zilver"]}, {"kinds": ["creditor"]}):
        refused = await redefine(world, field, **changes)
        assert refused.status_code == 409, refused.text
        assert "1 card(s)" in refused.json()["detail"]
    assert (await redefine(world, field, type="text", choices=[])).status_code == 422
    assert (await remove(world, field)).status_code == 409
    widened = await redefine(world, field, choices=["Goud"], kinds=["debtor"])
    assert widened.status_code == 200, widened.text

    async def emptied() -> bool:
        answer = await world.save(await world.card(card["debtor_id"]), own_fields={})
        return answer.status_code == 200

    await eventually(emptied)
    assert (await remove(world, widened.json())).status_code == 204
    assert (await remove(world, widened.json())).status_code == 404


async def test_a_field_is_not_removed_under_a_card_that_is_being_saved_with_it(world: World) -> None:
    field = (await define(world)).json()
    card = await world.make(debtor_id=fresh())
    connection = await asyncpg.connect(world.database_url)
    try:
        async with connection.transaction():
            await connection.execute("select 1 from own_field where key = $1 for update", field["key"])
            saving = asyncio.ensure_future(world.save(card, own_fields={field["key"]: "x"}))
            await waits(connection)
            await connection.execute("delete from own_field where key = $1", field["key"])
    finally:
        await connection.close()
    refused = await saving
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == f"own_fields.{field['key']}"


async def test_saving_a_card_without_naming_own_fields_keeps_them(world: World) -> None:
    field = (await define(world)).json()
    card = await world.make(debtor_id=fresh(), own_fields={field["key"]: "x"})
    form = {name: value for name, value in card.items() if name != "own_fields"}
    assert (await world.save(form, name="Nieuw")).json()["own_fields"][field["key"]] == "x"
    found = await world.client.get("/v1/debtors", params={"q": "nieuw x"}, headers=world.headers())
    assert card["debtor_id"] in {item["debtor_id"] for item in found.json()["items"]}


@pytest.mark.parametrize(
    ("type_", "value", "kept"),
    [
        (OwnFieldType.TEXT, "é" * 500, "é" * 500),
        (OwnFieldType.TEXT, "a" * 501, None),
        (OwnFieldType.TEXT, "a\nb", None),
        (OwnFieldType.NUMBER, "-12,50", "-12.50"),
        (OwnFieldType.NUMBER, "1e2", "100"),
        (OwnFieldType.NUMBER, "1e99", None),
        (OwnFieldType.NUMBER, "1e-9", None),
        (OwnFieldType.NUMBER, "NaN", None),
        (OwnFieldType.NUMBER, "Infinity", None),
        (OwnFieldType.NUMBER, "1.000,50", None),
        (OwnFieldType.DATE, "2026-02-29", None),
        (OwnFieldType.DATE, "20261124", "2026-11-24"),
        (OwnFieldType.DATE, "24-11-2026", None),
        (OwnFieldType.YES_NO, "Nee", "no"),
        (OwnFieldType.YES_NO, "misschien", None),
        (OwnFieldType.CHOICE, "GOUD", "Goud"),
        (OwnFieldType.CHOICE, "Brons", None),
    ],
)
def test_values_are_kept_in_one_form_per_type(type_: OwnFieldType, value: str, kept: str | None) -> None:
    definition = OwnFieldDefinition("k", "K", type_, (Kind.DEBTOR,), ("Goud", "Zilver"))
    if kept is not None:
        assert clean_value(value, definition) == kept
        return
    with pytest.raises(BadValue) as refused:
        clean_value(value, definition)
    assert refused.value.cure


def workbook(*rows: tuple[Any, ...]) -> bytes:
    """An XLSX file as a spreadsheet program writes it: numbers, dates and booleans as such."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True, "default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet()
    for at, row in enumerate(rows):
        for column, cell in enumerate(row):
            sheet.write(at, column, cell)
    book.close()
    return target.getvalue()


async def test_FA_30_a_workbook_comes_in_with_its_numbers_dates_and_ticks(own_world: World) -> None:
    world = own_world
    for key, type_ in (("sinds", "date"), ("karren", "number"), ("kado", "yes_no")):
        await define(world, key, type=type_)
    debtor_id = fresh()
    header = ("debtor_id", "name", "payment_term_days", "own.sinds", "own.karren", "own.kado")
    body = workbook(header, (debtor_id, "Boek", 30, date(2019, 3, 1), 12.5, True), ("",) * 6)
    answer = await world.client.post("/v1/debtors/import", content=body, headers=world.headers())
    assert (answer.status_code, answer.json().get("created")) == (200, 1), answer.text
    card = await world.card(debtor_id)
    assert card["payment_term_days"] == 30
    assert card["own_fields"] == {"sinds": "2019-03-01", "karren": "12.5", "kado": "yes"}

    export = await world.client.get("/v1/debtors.xlsx", headers=world.headers())
    back = await world.client.post("/v1/debtors/import", content=export.content, headers=world.headers())
    assert (back.status_code, back.json().get("unchanged")) == (200, 1), back.text


async def test_files_that_only_look_like_a_workbook_are_refused(world: World) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * 201_000_000)
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as packed:
        packed.writestr("readme.txt", "x")
    wrong = (
        b"PK\x03\x04 and nothing",
        empty.getvalue(),
        bomb.getvalue(),
        workbook(),
        workbook(("nonsense",)),
    )
    for body in wrong:
        answer = await world.client.post("/v1/debtors/import", content=body, headers=world.headers())
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
