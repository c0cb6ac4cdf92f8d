"""The import of customer and supplier lists in three steps: columns, dry run, doubles, the run itself."""

from __future__ import annotations

import csv
import io
import uuid

import sqlalchemy as sa
import xlsxwriter
from debtor_service.store import import_rows
from debtor_world import World, fresh
from import_steps import Steps, csv_of, hand_in
from klokwerk.database import Database
from klokwerk.testing import eventually

HEADINGS = (
    "Debiteurnr",
    "Klantnaam",
    "Adres",
    "Postcode",
    "Plaats",
    "Land",
    "BTW-nummer",
    "E-mail",
    "=Iets anders",
)


def administration() -> dict[str, str]:
    return {"administration": fresh("imp")}


def workbook(*lines: tuple[object, ...]) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet()
    for row, line in enumerate(lines):
        for column, value in enumerate(line):
            sheet.write(row, column, value)
    book.close()
    return out.getvalue()


async def test_FA_45_FA_46_a_list_of_another_program_becomes_cards_in_three_steps(world: World) -> None:
    where = administration()
    mail = f"{fresh()}@roos.example"
    content = csv_of(
        HEADINGS,
        (
            "10042",
            "Bloemenhuis Roos B.V.",
            "Kade 1",
            "2225 AA",
            "Katwijk",
            "Nederland",
            "NL999000041B29",
            mail,
            "x",
        ),
        ("10043", "=HYPERLINK(1)", "Dorp 2", "9300", "Aalst", "België", "", "", "y"),
    )
    steps = await hand_in(world, content, params=where)
    assert steps.fields == [
        "debtor_number", "name", "street", "postal_code", "city", "country", "vat_number", "email", "",
    ]  # fmt: skip
    assert steps.view["columns"][1]["samples"] == ["Bloemenhuis Roos B.V.", "=HYPERLINK(1)"]
    assert (steps.view["state"], steps.view["row_count"], steps.view["delimiter"]) == ("mapping", 2, ";")

    checked = await steps.map(constants={"payment_term_days": "14"})
    assert checked["counts"]["verdict"] == {"new": 2}
    assert {row["name"] for row in (await steps.rows()).values()} == {
        "Bloemenhuis Roos B.V.",
        "=HYPERLINK(1)",
    }

    done = await steps.run()
    assert done["counts"]["outcome"] == {"created": 2}
    assert (done["job"]["done"], done["job"]["total"]) == (2, 2)
    made = [await world.card(row["card_id"]) for row in (await steps.rows()).values()]
    assert [card["debtor_number"] for card in made] == ["10042", "10043"]
    assert (made[0]["addresses"][0]["city"], made[0]["payment_term_days"]) == ("Katwijk", 14)
    assert made[1]["addresses"][0]["country"] == "BE"
    assert made[1]["name"] == "=HYPERLINK(1)"
    (event,) = await world.told(made[0]["debtor_id"])
    assert (event.name, event.administration) == ("Bloemenhuis Roos B.V.", where["administration"])
    history = await world.client.get(
        f"/v1/debtors/{made[0]['debtor_id']}/history", headers=world.headers("read-only")
    )
    assert history.json()["items"][0]["action"] == "imported from klanten.csv"
    assert history.json()["items"][0]["person_name"] == "Anna"


async def test_FA_47_a_list_of_suppliers_makes_creditors_and_a_customer_in_it_becomes_both(
    world: World,
) -> None:
    where = administration()
    customer = await world.make(
        debtor_id=fresh(), name="Kwekerij Mos", emails=[{"address": f"{fresh()}@mos.example"}], **where
    )
    mail = customer["emails"][0]["address"]
    sheet = workbook(
        ("Leveranciersnr", "Company", "Mail"), (7001, "Kwekerij Mos", mail), (7002, "Kwekerij Varen", "")
    )
    steps = await hand_in(world, sheet, name="kwekers.xlsx", params={"kind": "creditor", **where})
    assert steps.fields == ["creditor_number", "name", "email"]
    assert steps.view["encoding"] == ""
    checked = await steps.map()
    assert checked["counts"]["verdict"] == {"duplicate": 1, "new": 1}
    assert (await steps.decide("update")).status_code == 200
    await steps.run()
    card = await world.card(customer["debtor_id"])
    assert sorted(card["kinds"]) == ["creditor", "debtor"]
    assert (card["creditor_number"], card["debtor_number"]) == ("7001", "")
    rows = await steps.rows()
    assert (await world.card(rows[3]["card_id"]))["kinds"] == ["creditor"]


async def test_every_wrong_line_is_told_with_value_and_cure_and_comes_in_when_it_is_mended(
    world: World,
) -> None:
    where = administration()
    content = csv_of(
        HEADINGS,
        ("", "Goed", "", "", "", "NL", "", "", "'=waar"),
        ("", "=Fout", "", "", "", "Atlantis", "NL123456789B01", "geen adres", "+z"),
        ("", "", "Straat 1", "", "", "", "", "", ""),
    )
    steps = await hand_in(world, content, params=where)
    checked = await steps.map()
    assert checked["counts"]["verdict"] == {"new": 1, "wrong": 2}
    wrong = await steps.rows(verdict="wrong")
    found = {p["field"]: p for p in wrong[3]["problems"]}
    assert found["country"]["value"] == "Atlantis"
    assert found["country"]["heading"] == "Land"
    assert all(p["cure"] and p["message"] for row in wrong.values() for p in row["problems"])
    assert [p["field"] for p in wrong[4]["problems"]] == ["name"]

    await steps.run()
    assert (await steps.reload())["counts"]["outcome"] == {"created": 1}

    text = (await steps.rejected()).decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(text), delimiter=";"))
    assert lines[0] == [*HEADINGS[:-1], "'=Iets anders", "Reden"]
    assert len(lines) == 3
    assert (lines[1][1], lines[1][8]) == ("'=Fout", "'+z")
    assert "Atlantis" in lines[1][9]
    first = await steps.call("GET", "/rejected?limit=1")
    second = await steps.call("GET", f"/rejected?limit=1&cursor={first.json()['next']}")
    assert second.json()["next"] is None
    apart = [*first.json()["items"], *second.json()["items"]]
    assert [(row["number"], row["cells"]) for row in apart] == [(3, lines[1][:9]), (4, lines[2][:9])]
    assert [row["reasons"] for row in apart] == [wrong[3]["problems"], wrong[4]["problems"]]
    lines[1][5], lines[1][6], lines[1][7] = "Nederland", "", ""
    lines[2][1] = "Nu met naam"
    again = await hand_in(world, csv_of(lines[0], *lines[1:]), name="klanten-rejected.csv", params=where)
    assert again.view["kept_from"]["by"] == "Anna"
    assert {column["sureness"] for column in again.view["columns"]} == {"kept"}
    assert (await again.map())["counts"]["verdict"] == {"new": 2}
    await again.run()
    made = [await world.card(row["card_id"]) for row in (await again.rows()).values()]
    assert [card["name"] for card in made] == ["=Fout", "Nu met naam"]


async def test_doubles_are_found_by_each_sign_and_decided_line_by_line(world: World) -> None:
    where = administration()
    tag = fresh()
    by_vat = await world.make(debtor_id=f"{tag}-v", vat_number="NL999000034B92", emails=[], **where)
    by_mail = await world.make(
        debtor_id=f"{tag}-m", emails=[{"address": f"{tag}@x.example"}], name=f"Mail {tag}", **where
    )
    address = {
        "kind": "visit",
        "lines": ["Kade 1"],
        "postal_code": "2225 AA",
        "city": "Katwijk",
        "country": "NL",
    }
    by_name = await world.make(
        debtor_id=f"{tag}-n", name=f"Fleurs d'Été {tag} B.V.", emails=[], addresses=[address], **where
    )
    by_number = await world.make(
        debtor_id=f"{tag}-k", debtor_number="555", emails=[], name=f"Nr {tag}", **where
    )
    content = csv_of(
        HEADINGS,
        ("", "Andere naam", "", "", "", "NL", "NL999000034B92", "", ""),
        ("", f"Mail {tag} nieuw", "", "", "", "NL", "", f"{tag}@X.example", ""),
        ("", f"fleurs dete {tag}", "Kade 9", "2225AA", "Noordwijk", "NL", "", "", ""),
        ("555", f"Nummer {tag}", "", "", "", "NL", "", "", ""),
        ("", f"Uniek {tag}", "", "", "", "NL", "", "", ""),
        ("", f"Dubbel {tag}", "", "", "", "NL", "", f"twee-{tag}@x.example", ""),
        ("", f"Dubbel {tag}", "", "", "", "NL", "", f"twee-{tag}@x.example", ""),
    )
    steps = await hand_in(world, content, params=where)
    checked = await steps.map()
    assert checked["counts"]["verdict"] == {"duplicate": 5, "new": 2}
    rows = await steps.rows(verdict="duplicate")
    signs = {
        number: (row["matches"][0]["debtor_id"], row["matches"][0]["by"]) for number, row in rows.items()
    }
    assert signs[2] == (by_vat["debtor_id"], "vat_number")
    assert signs[3] == (by_mail["debtor_id"], "email")
    assert signs[4] == (by_name["debtor_id"], "name_and_postal_code")
    assert signs[5] == (by_number["debtor_id"], "number")
    assert (rows[8]["matches"][0]["row"], rows[8]["matches"][0]["by"]) == (7, "email")
    assert "addresses" in rows[4]["changes"]

    assert (await steps.decide("skip", line_4="update", line_3="new", line_5="new")).status_code == 200
    refused = await steps.decide(line_6="skip")
    assert refused.status_code == 422
    assert "6" in refused.json()["detail"]
    await steps.run()
    outcomes = {number: row["outcome"] for number, row in (await steps.rows()).items()}
    assert outcomes == {
        2: "skipped",
        3: "created",
        4: "updated",
        5: "failed",
        6: "created",
        7: "created",
        8: "skipped",
    }
    assert "555" in str(await steps.rows(outcome="failed")) or by_number["debtor_id"] in str(
        await steps.rows(outcome="failed")
    )
    assert (await world.card(by_vat["debtor_id"]))["revision"] == 1
    assert (await world.card(by_name["debtor_id"]))["addresses"][0]["city"] == "Noordwijk"


async def test_the_same_list_again_is_unchanged_line_for_line(world: World) -> None:
    where = administration()
    tag = fresh()
    content = csv_of(
        ("Klantnummer", "Naam", "Straat", "Huisnummer", "Postcode", "Plaats", "Contactpersoon"),
        *((f"{tag}.{n}", f"Klant {tag} {n}", "Kade", str(n), "2225 AA", "Katwijk", "Piet") for n in range(3)),
    )
    first = await hand_in(world, content, params=where)
    await first.map()
    await first.run()
    second = await hand_in(world, content, params=where)
    checked = await second.map()
    assert checked["counts"]["verdict"] == {"unchanged": 3}
    await second.decide("update")
    done = await second.run()
    assert done["counts"]["outcome"] == {"unchanged": 3}


async def test_an_own_export_goes_through_the_steps_without_changing_anything(own_world: World) -> None:
    world = own_world
    for number in range(3):
        await world.make(
            debtor_id=f"e{number}",
            name=f"'=Jansen {number}",
            internal_note="regel\r\ntwee",
            debtor_number=str(number + 1),
        )
    for suffix in ("csv", "xlsx"):
        export = await world.client.get(f"/v1/debtors.{suffix}", headers=world.headers("read-only"))
        steps = await hand_in(world, export.content, name=f"debtors.{suffix}")
        assert all(column["sureness"] in ("known", "kept") for column in steps.view["columns"])
        checked = await steps.map(
            *steps.fields,
            empty_cells="clear",
        )
        assert checked["counts"]["verdict"] == {"unchanged": 3}
        assert (await steps.run())["counts"]["outcome"] == {"unchanged": 3}
    assert [(await world.card(f"e{n}"))["revision"] for n in range(3)] == [1, 1, 1]


async def test_a_file_read_wrongly_is_read_again_as_the_person_says(world: World) -> None:
    content = "naam|plaats\nJosé|Málaga\n".encode("cp850")
    steps = await hand_in(world, content, params=administration())
    assert "José" not in str(steps.view["columns"])
    answer = await steps.call("PUT", "/reading", {"encoding": "cp850", "delimiter": "|"})
    assert answer.status_code == 200, answer.text
    assert steps.view["columns"][0]["samples"] == ["José"]
    assert (steps.view["encoding"], steps.view["delimiter"]) == ("cp850", "|")
    refused = await steps.call("PUT", "/reading", {"encoding": "klingon"})
    assert refused.status_code == 422


async def test_a_mapping_on_an_older_revision_and_a_step_out_of_turn_are_refused(world: World) -> None:
    steps = await hand_in(world, csv_of(("naam",), ("Jansen",)), params=administration())
    early = await steps.call("POST", "/run")
    assert (early.status_code, early.json()["title"]) == (409, "The import can't be run")
    assert (await steps.call("POST", "/take-back")).status_code == 409
    assert (await steps.decide("skip")).status_code == 409
    bad = await steps.call("PUT", "/mapping", {"fields": ["email"]})
    assert bad.status_code == 422
    assert bad.json()["errors"][0]["cure"]
    seen = steps.view["revision"]
    await steps.map()
    steps.view["revision"] = seen
    assert (await steps.call("PUT", "/mapping", {"fields": ["name"]})).status_code == 412
    reader = await world.client.post(
        "/v1/imports?file_name=x.csv", content=b"naam\nx\n", headers=world.headers("read-only")
    )
    assert reader.status_code == 403
    for broken in (b"", b"\x00\x01", b"naam;plaats\n"):
        answer = await world.client.post(
            "/v1/imports?file_name=x.csv", content=broken, headers=world.headers("sales")
        )
        assert answer.status_code == 422


async def test_a_list_that_only_has_wrong_lines_is_not_run_and_can_be_thrown_away(world: World) -> None:
    steps = await hand_in(world, csv_of(("naam", "mail"), ("Jansen", "geen adres")), params=administration())
    await steps.map()
    refused = await steps.call("POST", "/run")
    assert (refused.status_code, refused.json()["title"]) == (409, "There is nothing to import")
    assert (await steps.call("DELETE")).status_code == 204
    gone = await world.client.get(steps.path, headers=world.headers("sales"))
    assert gone.status_code == 404


async def test_an_own_field_is_mapped_by_its_label(own_world: World) -> None:
    world = own_world
    definition = {
        "key": "route",
        "label": "Rit",
        "type": "choice",
        "kinds": ["debtor"],
        "choices": ["Noord", "Zuid"],
    }
    made = await world.client.post("/v1/own-fields", json=definition, headers=world.headers("ops"))
    assert made.status_code == 201, made.text
    steps = await hand_in(world, csv_of(("naam", "Rit"), ("Jansen", "noord"), ("Pietersen", "oost")))
    assert steps.fields == ["name", "own.route"]
    await steps.map()
    rows = await steps.rows()
    assert rows[3]["problems"][0]["field"] == "own.route"
    await steps.run()
    assert (await world.card((await steps.rows())[2]["card_id"]))["own_fields"] == {"route": "Noord"}


async def test_lines_that_name_one_card_or_number_twice_are_told_apart(world: World) -> None:
    where = administration()
    tag = fresh()
    card = await world.make(debtor_id=f"{tag}-a", **where)
    content = csv_of(
        ("debtor_id", "debtor_number", "naam"),
        (card["debtor_id"], "", "Eerste"), (card["debtor_id"], "", "Tweede"),
        ("", "77", "Een"), ("", "77", "Ander"), (f"{tag}-new", "", "Nieuw"), (f"{tag}-new", "", "Weer"),
    )  # fmt: skip
    steps = await hand_in(world, content, params=where)
    await steps.map()
    verdicts = {number: row["verdict"] for number, row in (await steps.rows()).items()}
    assert verdicts == {2: "update", 3: "wrong", 4: "new", 5: "duplicate", 6: "new", 7: "wrong"}
    assert "line 2" in str((await steps.rows())[3]["problems"])
    await steps.decide(line_5="new")
    await steps.run()
    outcomes = {number: row["outcome"] for number, row in (await steps.rows()).items()}
    assert outcomes == {2: "updated", 3: None, 4: "created", 5: "failed", 6: "created", 7: None}
    rejected = (await steps.call("GET", "/rejected")).json()["items"]
    assert [row["number"] for row in rejected] == [3, 5, 7]
    (failed,) = rejected[1]["reasons"]
    assert (failed["field"], failed["message"]) == ("", (await steps.rows())[5]["message"])
    lines = list(csv.reader(io.StringIO((await steps.rejected()).decode("utf-8-sig")), delimiter=";"))
    assert [line[:3] for line in lines[1:]] == [row["cells"] for row in rejected]
    assert (await world.card(card["debtor_id"]))["name"] == "Eerste"


async def test_a_person_who_does_something_else_meanwhile_does_not_lose_it(world: World) -> None:
    where = administration()
    card = await world.make(debtor_id=fresh(), emails=[{"address": f"{fresh()}@x.example"}], **where)
    content = csv_of(("naam", "mail", "plaats"), ("Jansen", card["emails"][0]["address"], "Leiden"))
    steps: Steps = await hand_in(world, content, params=where)
    await steps.map()
    saved = await world.save(card, phones=["+31 71 5550111"])
    assert saved.status_code == 200
    await steps.decide("update")
    await steps.run()
    now = await world.card(card["debtor_id"])
    assert (now["phones"], now["addresses"][0]["city"], now["name"]) == (
        ["+31 71 5550111"],
        "Leiden",
        "Jansen",
    )

    async def listed() -> bool:
        answer = await world.client.get("/v1/imports?limit=200", headers=world.headers("read-only"))
        return steps.view["id"] in [each["id"] for each in answer.json()["items"]]

    await eventually(listed)


async def test_a_new_list_is_worked_on_along_its_key_though_the_statistics_do_not_know_it(
    world: World,
) -> None:
    """They know the list of yesterday: of a new one they expect one line, and compared each line with each other."""
    known, new = [await hand_in(world, csv_of(("Naam",), (fresh(),))) for _ in range(2)]
    database = Database(world.database_url)
    try:
        async with database.connect() as connection:
            await connection.execute(_MANY_LINES, {"id": uuid.UUID(known.view["id"])})
            await connection.execute(sa.text("analyze card_import_row"))
            for statement in (
                import_rows.JUDGE,
                import_rows.KEEP,
                import_rows.TWICE,
                import_rows.DOUBLES_WITHIN,
            ):
                values = {"id": uuid.UUID(new.view["id"])} | (
                    {"rows": "[]"} if ":rows" in statement.text else {}
                )
                plan = (
                    (await connection.execute(sa.text(f"explain {statement.text}"), values)).scalars().all()
                )
                assert not any("Join Filter" in line for line in plan), "\n".join(plan)
    finally:
        await database.close()


_MANY_LINES = sa.text(
    "insert into card_import_row (import_id, number, cells, keys) "
    "select :id, 1000 + n, array['x'], array['name:' || n] from generate_series(1, 5000) as n"
)
