"""Exports of a filter or a selection that are kept: made by a job, there to be downloaded again."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import asyncpg
from debtor_service.tidying import KEEP_EXPORTS, KEEP_IMPORTS, tidy
from debtor_world import World, fresh
from import_steps import csv_of, hand_in
from klokwerk import pinned
from klokwerk.clock import SystemClock
from klokwerk.database import Database
from klokwerk.testing import eventually


async def exported(world: World, **body: Any) -> dict[str, Any]:
    """Start an export and wait for it."""
    answer = await world.client.post("/v1/exports", json=body, headers=world.headers("read-only"))
    assert answer.status_code == 202, answer.text

    async def over() -> dict[str, Any] | None:
        job = await world.client.get(f"/v1/jobs/{answer.json()['id']}", headers=world.headers("read-only"))
        return job.json() if job.json()["state"] in ("done", "failed") else None

    return await eventually(over)


async def content(world: World, job: dict[str, Any]) -> bytes:
    answer = await world.client.get(job["files"][0]["link"], headers=world.headers("read-only"))
    assert answer.status_code == 200
    return answer.content


def ids(file: bytes) -> list[str]:
    return [row["debtor_id"] for row in csv.DictReader(io.StringIO(file.decode("utf-8-sig")), delimiter=";")]


async def test_FA_49_LS_21_an_export_of_the_filter_or_the_selection_is_kept_with_who_when_and_how_many(
    world: World,
) -> None:
    where, tag = fresh("adm"), fresh()
    for name in "abc":
        await world.make(debtor_id=f"{tag}-{name}", name=f"Klant {name}", administration=where)
    every = await exported(world, administration=where)
    assert ids(await content(world, every)) == [f"{tag}-a", f"{tag}-b", f"{tag}-c"]
    assert (every["kind"], every["created_by"], every["result"]["rows"]) == ("card-export", "Anna", 3)
    assert every["files"][0]["name"].endswith(".csv")
    some = await exported(world, ids=[f"{tag}-c", f"{tag}-a"], administration=where)
    assert ids(await content(world, some)) == [f"{tag}-a", f"{tag}-c"]
    listed = await world.client.get("/v1/jobs?kind=card-export&limit=200", headers=world.headers("read-only"))
    assert {every["id"], some["id"]} <= {job["id"] for job in listed.json()["items"]}
    direct = await world.client.get(
        "/v1/debtors.csv", params={"id": [f"{tag}-b"]}, headers=world.headers("read-only")
    )
    assert ids(direct.content) == [f"{tag}-b"]


async def test_FA_49_an_export_of_a_filter_is_of_the_cards_that_were_counted_or_is_refused(
    world: World,
) -> None:
    where, tag = fresh("adm"), fresh()
    await world.make(debtor_id=f"{tag}-a", name="Kweker A", administration=where)
    matching = {"q": "kweker", "administration": where}
    who = world.headers("read-only")
    told = (await world.client.get("/v1/debtors/count", params=matching, headers=who)).json()
    assert told["count"] == 1
    assert ids(await content(world, await exported(world, **matching, pin=told))) == [f"{tag}-a"]
    other = {"count": 1, "digest": "0" * 32}
    body = {**matching, "pin": other}
    answer = await world.client.post("/v1/exports", json=body, headers=who)
    assert (answer.status_code, answer.json()["type"]) == (409, pinned.CHANGED)
    assert "as before, but not the same ones" in answer.json()["detail"]


async def test_FA_51_a_kept_export_is_csv_or_excel_and_holds_own_fields(own_world: World) -> None:
    world = own_world
    definition = {"key": "route", "label": "Rit", "type": "text", "kinds": ["debtor"]}
    await world.client.post("/v1/own-fields", json=definition, headers=world.headers("ops"))
    await world.make(debtor_id="een", name="=1+1", own_fields={"route": "Noord"})
    sheet = await exported(world, format="xlsx", kind="debtor")
    assert sheet["files"][0]["name"].startswith("customers-")
    steps = await hand_in(world, await content(world, sheet), name="customers.xlsx")
    checked = await steps.map(*(f if f not in ("state", "revision") else "" for f in steps.fields))
    assert checked["counts"]["verdict"] == {"unchanged": 1}
    assert "own.route" in steps.fields


async def test_old_exports_and_forgotten_imports_go_by_themselves(own_world: World) -> None:
    world = own_world
    await world.make(debtor_id="een")
    old, new = await exported(world), await exported(world)
    steps = await hand_in(world, csv_of(("naam",), ("Jansen",)))
    fresh_one = await hand_in(world, csv_of(("naam",), ("Pietersen",)))
    connection = await asyncpg.connect(world.database_url)
    past = "update {} set {} = {} - $2::interval where id = $1"
    await connection.execute(past.format("job", "finished_at", "finished_at"), old["id"], KEEP_EXPORTS)
    await connection.execute(
        past.format("card_import", "changed_at", "changed_at"), steps.view["id"], KEEP_IMPORTS
    )
    await connection.close()
    database = Database(world.database_url)
    assert await tidy(database, SystemClock()) == (1, 1)
    assert await tidy(database, SystemClock()) == (0, 0)
    await database.close()
    assert (await world.client.get(f"/v1/jobs/{old['id']}", headers=world.headers())).status_code == 404
    assert (await world.client.get(f"/v1/jobs/{new['id']}", headers=world.headers())).status_code == 200
    assert (await world.client.get(steps.path, headers=world.headers())).status_code == 404
    assert (await world.client.get(fresh_one.path, headers=world.headers())).status_code == 200
    assert timedelta(days=1) < KEEP_EXPORTS < KEEP_IMPORTS
