"""A person's rights: everything about them in one document, and being forgotten, here and by event everywhere."""

from __future__ import annotations

from typing import Any

import asyncpg
import httpx
from debtor_world import World, fresh
from import_steps import csv_of, hand_in
from klokwerk_contracts.debtor_changed import CardState

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


async def get(world: World, path: str, *roles: str) -> httpx.Response:
    return await world.client.get(f"/v1/debtors/{path}", headers=world.headers(*(roles or ("ops",))))


async def anonymise(world: World, card: dict[str, Any], *roles: str, **body: Any) -> httpx.Response:
    return await world.client.post(
        f"/v1/debtors/{card['debtor_id']}/anonymise",
        json={"confirm": True, **body},
        headers=world.headers(*(roles or ("finance",)), revision=card["revision"]),
    )


async def everything_stored(world: World) -> str:
    """The whole database as text, except what is on its way to Kafka."""
    connection = await asyncpg.connect(world.database_url)
    try:
        tables = await connection.fetch(
            "select table_name from information_schema.tables where table_schema = 'public' "
            "and table_name not in ('outbox', 'customer_settings')"
        )
        parts = []
        for table in tables:
            rows = await connection.fetch(f'select t::text as line from "{table["table_name"]}" t')
            parts += [row["line"] for row in rows]
        return "\n".join(parts)
    finally:
        await connection.close()


async def test_anonymising_leaves_numbers_and_nothing_that_names_the_person_anywhere(
    own_world: World,
) -> None:
    world = own_world
    tag = "xq7"
    name, mail, old_mail = f"Tante {tag}", f"{tag}@roos.example", f"oud{tag}@roos.example"
    await world.set_range("main", 100, 199)
    content = csv_of(("naam", "mail", "plaats"), (name, mail, f"Plaats{tag}"), (f"Fout {tag}", f"{tag}", "x"))
    steps = await hand_in(world, content, name="klanten.csv")
    await steps.map()
    await steps.run()
    card_id = (await steps.rows())[2]["card_id"]
    await world.client.post("/v1/exports", json={}, headers=world.headers() | {"Idempotency-Key": fresh()})
    merged = await world.make(
        debtor_id="d-merged",
        name=f"Dubbel {tag}",
        emails=[{"address": old_mail}],
        internal_note=f"Notitie {tag}",
    )
    target = await world.card(card_id)
    answer = await world.client.post(
        f"/v1/debtors/{merged['debtor_id']}/merge",
        json={"into": card_id, "into_revision": target["revision"], "confirm": True},
        headers=world.headers(revision=merged["revision"], **{"Idempotency-Key": fresh()}),
    )
    assert answer.status_code == 200, answer.text
    assert (await world.press(card_id)).status_code == 200
    assert (await world.attach(card_id, PDF, f"brief {tag}.pdf")).status_code == 201
    card = await world.card(card_id)
    await world.client.put(
        f"/v1/debtors/{card_id}/newsletter",
        json={"choice": "no", "reason": f"zei {tag}"},
        headers=world.headers(),
    )
    assert tag in await everything_stored(world)

    preview = (await get(world, f"{card_id}/anonymise-preview")).json()
    assert preview["obstacles"] == []
    assert {"emails", "addresses", "name"} <= set(preview["goes"]["fields"])
    goes = {key: preview["goes"][key] for key in ("attachments", "merged_cards", "import_lines", "exports")}
    assert goes == {"attachments": 1, "merged_cards": 1, "import_lines": 1, "exports": 1}
    assert preview["stays"]["debtor_number"] == "100"

    done = await anonymise(world, card, reason="request 12")
    assert done.status_code == 200, done.text
    after = await world.card(card_id)
    assert (after["state"], after["debtor_number"], after["customer_number"]) == (
        "anonymised", "100", card["customer_number"],
    )  # fmt: skip
    assert after["name"] == f"Anonymised {card['customer_number']}"
    assert (after["emails"], after["addresses"], after["internal_note"]) == ([], [], "")
    left = await everything_stored(world)
    lines = [line for line in left.splitlines() if tag in line]
    assert lines == [line for line in lines if f"Fout {tag}" in line], (
        lines
    )  # another line's own words stay theirs
    events = await world.told(card_id, at_least=4)
    assert events[-1].state is CardState.ANONYMISED
    assert events[-1].attachments == ()
    assert tag not in events[-1].model_dump_json()
    tombstone = (await world.told("d-merged", at_least=3))[-1]
    assert (tombstone.state, tombstone.merged_into) == (CardState.MERGED, card_id)
    assert tag not in tombstone.model_dump_json()
    history = (await get(world, f"{card_id}/history")).json()["items"]
    assert (history[0]["action"], history[0]["new"]["reason"]) == ("anonymised", "request 12")
    assert {change["action"] for change in history} >= {"anonymised", "number given", "attachment added"}
    found = await world.client.get("/v1/debtors", params={"q": tag}, headers=world.headers())
    assert found.json()["items"] == []

    again = await anonymise(world, after)
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "anonymised")
    assert (await world.save(after, name="Toch weer")).status_code == 409


async def test_the_preview_and_the_deed_name_what_stands_in_the_way(world: World) -> None:
    where = fresh("adm")
    card = await world.make(debtor_id=fresh(), administration=where)
    assert (await world.press(card["debtor_id"])).status_code == 409  # no range: the wish for a number waits
    preview = (await get(world, f"{card['debtor_id']}/anonymise-preview")).json()
    assert [each["code"] for each in preview["obstacles"]] == ["waiting"]
    refused = await anonymise(world, card)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "waiting")
    assert refused.json()["errors"][0]["cure"]
    await world.set_range(where, 1, 9)
    numbered = await world.number_comes(card["debtor_id"])
    assert numbered == "1"
    stale = await anonymise(world, card)
    assert stale.status_code == 412
    now = await world.card(card["debtor_id"])
    assert (await anonymise(world, now, "sales")).status_code == 403
    unsure = await world.client.post(
        f"/v1/debtors/{card['debtor_id']}/anonymise",
        json={"confirm": False},
        headers=world.headers("ops", revision=now["revision"]),
    )
    assert unsure.status_code == 422
    assert (await anonymise(world, now, "ops")).status_code == 200
    merged = (await get(world, "no-such-card/anonymise-preview")).status_code
    assert merged == 404


async def test_everything_about_a_person_is_given_in_one_document_and_noted(world: World) -> None:
    where, tag = fresh("adm"), fresh()
    steps = await hand_in(
        world,
        csv_of(("naam", "mail"), (f"Jansen {tag}", f"{tag}@x.example")),
        params={"administration": where},
    )
    await steps.map()
    await steps.run()
    card = await world.card((await steps.rows())[2]["card_id"])
    assert (await world.save(card, phones=["+31 71 5550111"])).is_success
    answer = await get(world, f"{card['debtor_id']}/personal-data")
    assert answer.status_code == 200
    assert "attachment" in answer.headers["content-disposition"]
    held = answer.json()
    assert (held["service"], held["debtor_id"]) == ("debtor-service", card["debtor_id"])
    assert held["cards"][0]["phones"] == ["+31 71 5550111"]
    assert held["import_lines"][0]["cells"] == {"naam": f"Jansen {tag}", "mail": f"{tag}@x.example"}
    assert [change["action"] for change in held["changes"]] == ["imported from klanten.csv", "changed"]
    history = (await get(world, f"{card['debtor_id']}/history")).json()["items"]
    assert (history[0]["action"], history[0]["person_name"]) == ("personal data exported", "Anna")
    for role in ("sales", "read-only"):
        assert (await get(world, f"{card['debtor_id']}/personal-data", role)).status_code == 403


async def test_a_contact_person_is_given_their_own_data_and_can_be_forgotten(world: World) -> None:
    tag = fresh()
    card = await world.make(
        debtor_id=fresh(),
        contact_persons=[
            {"contact_id": "c1", "name": f"Piet {tag}", "email": f"p{tag}@x.example"},
            {"contact_id": "c2", "name": f"Kees {tag}"},
        ],
    )
    path = f"{card['debtor_id']}/personal-data?contact_id=c1"
    held = (await get(world, path)).json()
    assert held["contact_person"]["name"] == f"Piet {tag}"
    assert "Kees" not in str(held)
    assert (await get(world, f"{card['debtor_id']}/personal-data?contact_id=c9")).status_code == 404
    forgotten = await world.client.post(
        f"/v1/debtors/{card['debtor_id']}/contacts/c1/forget", headers=world.headers("ops", revision=1)
    )
    assert forgotten.status_code == 204
    after = await world.card(card["debtor_id"])
    assert [contact["contact_id"] for contact in after["contact_persons"]] == ["c2"]
    history = (await get(world, f"{card['debtor_id']}/history")).json()["items"]
    assert "Piet" not in str(history)
    assert history[0]["action"] == "contact person forgotten"
    told = await world.told(card["debtor_id"], at_least=2)
    assert [contact.contact_id for contact in told[-1].contact_persons] == ["c2"]
