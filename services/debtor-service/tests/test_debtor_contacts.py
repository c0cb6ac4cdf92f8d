"""Contact persons on the card of an organisation: add, change, remove, what others are told."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from debtor_world import World, fresh, invoice

PERSON = {
    "name": "Els de Boer",
    "department": "Boekhouding",
    "email": "Els@Jansen.Example",
    "phone": "020 1234567",
}
ELSEWHERE = {"lines": ["Kade 3"], "postal_code": "1431 GB", "city": "Aalsmeer", "country": "NL"}


async def add(world: World, card: dict[str, Any], **contact: Any) -> httpx.Response:
    return await world.client.post(
        f"/v1/debtors/{card['debtor_id']}/contacts",
        json=contact,
        headers=world.headers(revision=card["revision"]),
    )


async def contacts(world: World, card: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await world.client.get(
        f"/v1/debtors/{card['debtor_id']}/contacts", headers=world.headers("read-only")
    )
    assert answer.headers["ETag"] == f'"{(await world.card(card["debtor_id"]))["revision"]}"'
    return answer.json()["items"]


async def test_FA_39_contact_persons_and_departments_are_added_to_an_organisation(world: World) -> None:
    card = await world.make(debtor_id=fresh())
    answer = await add(world, card, **PERSON)
    assert answer.status_code == 201, answer.text
    contact = answer.json()
    assert answer.headers["Location"].endswith(f"/contacts/{contact['contact_id']}")
    assert answer.headers["ETag"] == '"2"'
    assert contact["email"] == "Els@jansen.example"
    second = await add(world, await world.card(card["debtor_id"]), department="Inkoop", address=ELSEWHERE)
    assert second.status_code == 201, second.text
    assert [c["department"] for c in await contacts(world, card)] == ["Boekhouding", "Inkoop"]
    event = (await world.told(card["debtor_id"], at_least=3))[-1]
    assert [c.name for c in event.contact_persons] == ["Els de Boer", ""]
    assert event.contact_persons[0].address is None
    assert event.contact_persons[1].address is not None
    assert event.contact_persons[1].address.city == "Aalsmeer"
    found = await world.client.get("/v1/debtors", params={"q": "els de boer"}, headers=world.headers())
    assert card["debtor_id"] in {item["debtor_id"] for item in found.json()["items"]}


async def test_a_contact_person_is_changed_and_removed_with_the_revision_of_the_card(world: World) -> None:
    card = await world.make(debtor_id=fresh(), contact_persons=[{"contact_id": "els", **PERSON}])
    url = f"/v1/debtors/{card['debtor_id']}/contacts/els"
    assert (await world.client.put(url, json=PERSON, headers=world.headers())).status_code == 428
    changed = await world.client.put(url, json={"name": "Els Visser"}, headers=world.headers(revision=1))
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert changed.json() | {"name": "Els Visser", "department": "", "contact_id": "els"} == changed.json()
    late = await world.client.put(url, json=PERSON, headers=world.headers(revision=1))
    assert late.status_code == 412
    assert (await world.client.delete(url, headers=world.headers("read-only", revision=2))).status_code == 403
    gone = await world.client.delete(url, headers=world.headers(revision=2))
    assert (gone.status_code, gone.headers["ETag"]) == (204, '"3"')
    assert await contacts(world, card) == []
    again = await world.client.delete(url, headers=world.headers(revision=3))
    assert again.status_code == 404
    trail = await world.client.get(f"/v1/debtors/{card['debtor_id']}/history", headers=world.headers())
    assert [item["action"] for item in trail.json()["items"]] == [
        "contact person removed",
        "contact person changed",
        "created",
    ]
    assert trail.json()["items"][1]["old"]["contact_persons"][0]["name"] == "Els de Boer"


async def test_of_two_contact_persons_added_at_once_one_is_told_to_reload(world: World) -> None:
    card = await world.make(debtor_id=fresh())
    answers = await asyncio.gather(*(add(world, card, name=f"Persoon {i}") for i in range(4)))
    assert sorted(a.status_code for a in answers) == [201, 412, 412, 412]
    assert len(await contacts(world, card)) == 1


async def test_saving_a_card_without_naming_contact_persons_keeps_them(world: World) -> None:
    card = await world.make(debtor_id=fresh(), contact_persons=[{"contact_id": "els", **PERSON}])
    form = {name: value for name, value in card.items() if name != "contact_persons"}
    saved = await world.save(form, name="Nieuwe naam")
    assert [c["contact_id"] for c in saved.json()["contact_persons"]] == ["els"]
    emptied = await world.save(saved.json(), contact_persons=[])
    assert emptied.json()["contact_persons"] == []


async def test_wrong_contact_persons_are_refused_field_by_field(world: World) -> None:
    card = await world.make(debtor_id=fresh())
    wrong = await add(
        world, card, email="geen adres@x", phone="bel me", address={"country": "XX", "lines": ["a\nb"]}
    )
    assert wrong.status_code == 422, wrong.text
    bad_mail = await add(
        world, card, email="a@b", phone="bel me", address={"country": "XX", "lines": ["a\nb"]}
    )
    fields = {error["field"] for error in bad_mail.json()["errors"]}
    assert fields == {"name", "email", "phone", "address", "address.country", "address.lines.0"}
    assert all(error["cure"] for error in bad_mail.json()["errors"])
    whole = await world.save(card, contact_persons=[{"contact_id": "a", "phone": "bel me"}])
    assert {e["field"] for e in whole.json()["errors"]} == {
        "contact_persons.0.name",
        "contact_persons.0.phone",
    }
    twice = await world.save(card, contact_persons=[{"contact_id": "a", "name": "x"}] * 2)
    assert "twice" in twice.text
    taken = await world.save(card, contact_persons=[{"contact_id": "a", "name": "x"}])
    assert (await add(world, taken.json(), contact_id="a", name="y")).status_code == 409
    assert (await add(world, {"debtor_id": fresh(), "revision": 1}, name="x")).status_code == 404


async def test_a_person_has_no_contact_persons(world: World) -> None:
    person = await world.make(debtor_id=fresh(), party="person")
    refused = await add(world, person, **PERSON)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "party")
    company = await world.make(debtor_id=fresh(), contact_persons=[{"contact_id": "els", **PERSON}])
    turned = await world.save(company, party="person")
    assert turned.json()["errors"][0]["field"] == "contact_persons"


async def test_FA_44_a_document_for_a_contact_person_changes_nothing_on_the_card(world: World) -> None:
    administration = fresh("adm")
    await world.set_range(administration, 1, 9)
    contact = {"contact_id": "els", **PERSON, "address": ELSEWHERE}
    card = await world.make(debtor_id=fresh(), administration=administration, contact_persons=[contact])
    buyer = {"name": card["name"], "address": ELSEWHERE, "attention": "Els de Boer"}
    await world.publish(invoice(card["debtor_id"], buyer=buyer))
    await world.number_comes(card["debtor_id"])
    after = await world.card(card["debtor_id"])
    service_own = {"revision", "changed_at", "changed_by", "debtor_number"}
    assert {k: v for k, v in after.items() if k not in service_own} == {
        k: v for k, v in card.items() if k not in service_own
    }


async def test_a_tombstone_takes_no_contact_persons(world: World) -> None:
    administration = fresh("adm")
    removed = await world.make(debtor_id=fresh(), administration=administration, contact_persons=[PERSON])
    target = await world.make(debtor_id=fresh(), administration=administration)
    merged = await world.client.post(
        f"/v1/debtors/{removed['debtor_id']}/merge",
        json={"into": target["debtor_id"], "into_revision": 1, "confirm": True, "fill_empty": True},
        headers=world.headers(revision=1),
    )
    assert merged.json()["target"]["contact_persons"] == [], "not carried over"
    assert (await add(world, merged.json()["removed"], name="Laat")).status_code == 409
