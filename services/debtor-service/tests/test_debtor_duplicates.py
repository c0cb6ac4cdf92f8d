"""The warning while typing: the same registration, mailbox or name; spelling and punctuation don't matter."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from debtor_service.domain.duplicates import Typed, plain_name, similarity
from debtor_service.store import matches
from debtor_world import World, fresh
from hypothesis import given
from hypothesis import strategies as st
from klokwerk.database import Database


async def duplicates(world: World, **typed: Any) -> list[dict[str, Any]]:
    answer = await world.client.post("/v1/debtors/duplicates", json=typed, headers=world.headers("read-only"))
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def visit(postal_code: str, city: str = "Katwijk") -> list[dict[str, Any]]:
    return [{"lines": ["Kade 1"], "postal_code": postal_code, "city": city, "country": "NL"}]


async def test_a_registration_or_mailbox_that_is_known_is_told_with_the_reason(world: World) -> None:
    mail = f"{fresh()}@kwekerij.example"
    made = await world.make(
        name=fresh("Kwekerij "),
        vat_number="NL999000010B17",
        chamber_number="99000477",
        emails=[{"address": mail.upper()}],
        contact_persons=[{"name": "Els", "email": f"els.{mail}"}],
        addresses=visit("2225 AA"),
    )
    for typed, reason in (
        ({"vat_number": "nl 9990.00.010.b17"}, "vat_number"),
        ({"vat_number": "999000010B17", "country": "NL"}, "vat_number"),
        ({"chamber_number": "9900 0477"}, "chamber_number"),
        ({"emails": [mail]}, "email"),
        ({"emails": [f" ELS.{mail}"]}, "email"),
    ):
        found = {each["debtor_id"]: each for each in await duplicates(world, **typed)}
        assert reason in found[made["debtor_id"]]["reasons"], typed
    assert found[made["debtor_id"]]["city"] == "Katwijk"
    itself = await duplicates(world, emails=[mail], except_id=made["debtor_id"])
    assert itself == [], "the card that is being edited is no double of itself"


@pytest.mark.parametrize(
    "name",
    ["Bloemenhandel Van Oosterzee", "bloemenhandel van oosterzee b.v.", "Bloemenhandel v. Oosterzee BV",
     "Blomenhandel van Oosterzé", "Bloemenhandel Van Oosterse"],
)  # fmt: skip
async def test_a_name_spelled_a_little_differently_is_found_at_the_same_postal_code(
    world: World, name: str
) -> None:
    code = "9911 XB"
    present = await duplicates(world, name="Bloemenhandel van Oosterzee B.V.", postal_codes=[code])
    if not present:
        await world.make(name="Bloemenhandel van Oosterzee B.V.", addresses=visit(code))
    (found,) = await duplicates(world, name=name, postal_codes=["9911xb"])
    assert found["reasons"] == ["name_and_postal_code"]
    assert await duplicates(world, name="Kaasboer Willemsen", postal_codes=[code]) == []


async def test_the_same_name_anywhere_is_told_and_a_likely_one_as_well(world: World) -> None:
    name = f"Sierteelt {fresh('Q')} Boskoop"
    made = await world.make(name=f"{name} B.V.")
    for typed in (name, f"{name.upper()} BV", f"{name} & Zn", name.replace("Sierteelt", "Siertelt")):
        assert [each["debtor_id"] for each in await duplicates(world, name=typed)] == [made["debtor_id"]], (
            typed
        )
    assert (await duplicates(world, name=name))[0]["reasons"] == ["name"]


async def test_it_never_blocks_whatever_is_typed_so_far(world: World) -> None:
    for typed in (
        {}, {"name": "B"}, {"vat_number": "NL12"}, {"chamber_number": "1"}, {"emails": ["x", ""]}, {"country": ""},
        {"name": "'; drop table card; --%_\\"}, {"postal_codes": ["2225 AA", "\x00"]}, {"name": "\u202e\x00 four"},
        {"emails": ["a@b\x00"], "vat_number": "\x00", "chamber_number": "\x00"},
    ):  # fmt: skip
        await duplicates(world, **typed)
    known = await world.make(name=fresh("Dubbel "), addresses=visit("2225 AB"))
    again = await world.client.post(
        "/v1/debtors",
        json={"name": known["name"], "addresses": visit("2225 AB")},
        headers=world.headers(),
    )
    assert again.status_code == 201


async def test_a_merged_card_is_no_double_and_the_most_certain_comes_first(world: World) -> None:
    mail, name = f"{fresh()}@x.example", fresh("Zekerheid ")
    by_mail = await world.make(name="Heel anders genoemd", emails=[{"address": mail}])
    by_name = await world.make(name=name)
    found = await duplicates(world, name=name, emails=[mail])
    assert [each["debtor_id"] for each in found] == [by_mail["debtor_id"], by_name["debtor_id"]]
    body = {"into": by_mail["debtor_id"], "into_revision": 1, "confirm": True}
    await world.client.post(
        f"/v1/debtors/{by_name['debtor_id']}/merge", json=body, headers=world.headers(revision=1)
    )
    assert [each["debtor_id"] for each in await duplicates(world, name=name)] == []


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Jansen Bloemen B.V.", "Janssen Bloemen", True),
        ("Fleurs d'Anvers", "Fleurs d Anvers SPRL", True),
        ("Müller & Söhne GmbH", "Muller en Sohne", True),
        ("Bloemisterij De Roos", "Bloemisterij De Tulp", False),
        ("Vis", "Vos", False),
    ],
)
def test_names_are_compared_without_legal_form_accents_and_punctuation(
    one: str, other: str, alike: bool
) -> None:
    assert (similarity(plain_name(one), plain_name(other)) >= 0.6) is alike


@given(st.text(max_size=60), st.text(max_size=60))
def test_similarity_is_a_share_and_the_same_both_ways(one: str, other: str) -> None:
    value = similarity(plain_name(one), plain_name(other))
    assert 0 <= value <= 1
    assert value == similarity(plain_name(other), plain_name(one))
    plain = plain_name(one)
    assert similarity(plain, plain) == (1.0 if plain else 0.0)


@pytest.mark.parametrize("look_up", [matches.SHARING, matches.NEARBY_ALIKE])
async def test_lines_of_a_list_are_looked_up_along_the_index_whatever_the_statistics_say(
    world: World, look_up: sa.TextClause
) -> None:
    """Otherwise each line of a chunk reads all cards that the chunks before it made."""
    database = Database(world.database_url)
    try:
        async with database.connect() as connection:
            await connection.execute(matches.PLANNED, {"seqscan": "off"})
            values = {"keys": ["email:a@b.example"], "codes": ["postal:2225AA"], "lines": "[]"}
            used = {name: value for name, value in values.items() if f":{name}" in look_up.text}
            plan = (await connection.execute(sa.text(f"explain {look_up.text}"), used)).scalars().all()
    finally:
        await database.close()
    assert any("card_by_key" in line for line in plan), plan
    assert not any("Seq Scan on card" in line for line in plan), plan


async def test_a_mailbox_of_half_the_country_brings_few_cards_and_the_one_at_the_same_place(
    world: World,
) -> None:
    mail, code = f"{fresh()}@keten.example", "7711 QZ"
    lines = [{"name": f"Filiaal {n}", "emails": [{"address": mail}]} for n in range(matches.MOST_SHARING)]
    lines.append({"name": "Kwekerij Overzee", "emails": [{"address": mail}], "addresses": visit(code)})
    made = [await world.make(**line) for line in lines]
    typed = Typed(name="Kwekerij Overzee", emails=(mail,), postal_codes=(code,))
    database = Database(world.database_url)
    try:
        async with database.connect() as connection:
            found = await matches.by_likeness(connection, {2: typed, 3: Typed(name="Overig")})
    finally:
        await database.close()
    assert found.keys() == {2}
    assert len(found[2]) == matches.MOST_MATCHES
    assert found[2][0].card.debtor_id == made[-1]["debtor_id"], (
        "found by its postal code, and called the same"
    )
