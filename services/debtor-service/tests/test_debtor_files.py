"""Cards as files: export, import, and back again."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import python_calamine
from debtor_world import World, fresh

DEMO = Path(__file__).parents[3] / "demo"


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";"))


async def imported(world: World, text: str | bytes, **params: str):
    content = text if isinstance(text, bytes) else text.encode()
    return await world.client.post(
        "/v1/debtors/import",
        content=content,
        params=params,
        headers=world.headers() | {"content-type": "text/csv"},
    )


async def exported(world: World, **params: str) -> str:
    answer = await world.client.get("/v1/debtors.csv", params=params, headers=world.headers("read-only"))
    assert answer.status_code == 200
    return answer.content.decode()


async def test_FA_45_FA_47_the_demo_customers_and_suppliers_come_in_as_they_are(own_world: World) -> None:
    world = own_world
    for name in ("customers.csv", "suppliers.csv"):
        text = (DEMO / name).read_text(encoding="utf-8")
        answer = await imported(world, text)
        assert answer.status_code == 200, answer.text
        assert answer.json()["created"] == len(table(text))
    card = await world.card("sjoberg")
    assert card["invoice_delivery"]["electronic"] == {"scheme": "0007", "identifier": card["chamber_number"]}
    assert card["ekt"]["use_ekts"] is True
    assert (await world.card("gartenbau-moor"))["kinds"] == ["debtor", "creditor"]
    assert (await world.card("klik"))["name"].startswith("=HYPERLINK")

    again = await imported(world, (DEMO / "customers.csv").read_text(encoding="utf-8"))
    assert again.json() | {"unchanged": 0} == {"created": 0, "updated": 0, "unchanged": 0, "refused": []}


async def test_FA_49_FA_51_an_export_holds_the_filter_and_importing_it_changes_nothing(
    own_world: World,
) -> None:
    world = own_world
    await imported(world, (DEMO / "customers.csv").read_text(encoding="utf-8"))
    text = await exported(world)
    assert text.startswith("\ufeffdebtor_id;")
    rows = table(text)
    assert len(rows) == len(table((DEMO / "customers.csv").read_text(encoding="utf-8")))
    back = await imported(world, text)
    assert back.status_code == 200, back.text
    assert (back.json()["created"], back.json()["updated"], back.json()["unchanged"]) == (0, 0, len(rows))
    assert [row["debtor_id"] for row in table(await exported(world, q="krueger koln"))] == ["krueger"]


async def test_a_formula_in_a_cell_is_defused_in_csv_and_xlsx(own_world: World) -> None:
    world = own_world
    hostile = ['=HYPERLINK("http://x.example";"Klik")', "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)"]
    for name in hostile:
        await world.make(name=name, internal_note=name)
    rows = table(await exported(world))
    assert sorted(row["name"] for row in rows) == sorted("'" + name for name in hostile)
    answer = await world.client.get("/v1/debtors.xlsx", headers=world.headers("read-only"))
    sheet = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_index(0)
    header, *lines = sheet.to_python()
    assert {line[header.index("name")][0] for line in lines} == {"'"}


async def test_an_import_with_a_wrong_row_stores_nothing_and_names_row_value_and_cure(world: World) -> None:
    administration = fresh("imp")
    text = (
        "name;vat_number;email;use_ekts;administration\n"
        f"Goed;;goed@goed.example;no;{administration}\n"
        f"Fout;NL123456789B01;geen adres;misschien;{administration}\n"
        f"Nog een;NL123456789B01;;;{administration}\n"
    )
    answer = await imported(world, text)
    assert answer.status_code == 422
    errors = {error["field"]: error for error in answer.json()["errors"]}
    assert "row 3: use_ekts" in errors
    assert "'misschien'" in errors["row 3: use_ekts"]["message"]
    assert "NL123456789B01" in errors["row 4: vat_number"]["message"]
    assert all(error["cure"] for error in errors.values())
    assert table(await exported(world, administration=administration)) == []

    some = await imported(world, text, rows="valid")
    assert (some.status_code, some.json()["created"]) == (200, 1)
    assert [r["name"] for r in table(await exported(world, administration=administration))] == ["Goed"]


async def test_an_import_changes_cards_and_keeps_what_the_file_does_not_name(world: World) -> None:
    made = await world.make(
        debtor_id=fresh(), phones=["+31 20 1234567"], note_for_documents="Achterom",
        emails=[{"address": "a@a.example"}, {"address": "b@a.example", "document": "reminder"}],
    )  # fmt: skip
    answer = await imported(world, f"debtor_id,name,email\n{made['debtor_id']},Nieuwe naam,c@a.example\n")
    assert answer.json()["updated"] == 1
    card = await world.card(made["debtor_id"])
    assert (card["name"], card["revision"], card["phones"]) == ("Nieuwe naam", 2, ["+31 20 1234567"])
    assert card["note_for_documents"] == "Achterom"
    assert [e["address"] for e in card["emails"]] == ["c@a.example", "b@a.example"]


async def test_files_that_are_no_customer_list_are_refused(world: World) -> None:
    for content in (
        b"", b"\x00\x01", b"a;b\n1;2\n", b"name;name\nx;y\n", b"debtor_id\nx\n", b"name;city\nonly one cell\n",
        b'name;city\n"open quote;x\n', (DEMO / "company.json").read_bytes(),
    ):  # fmt: skip
        answer = await imported(world, content)
        assert answer.status_code == 422, content[:40]
        assert answer.headers["content-type"] == "application/problem+json"
    twice = await imported(world, "debtor_id;name\ndubbel;a\ndubbel;b\n")
    assert "twice" in twice.text
    old = await imported(world, "name;administration\nBloemen Jos\xe9;latin\n".encode("cp1252"))
    assert old.json()["created"] == 1
    assert table(await exported(world, administration="latin"))[0]["name"] == "Bloemen José"
