"""What the organisation settles for its customers: defaults, languages, apps, lists, and its own way of numbering."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest
from debtor_service.domain.customer_numbers import Numbering
from debtor_world import World, card, fresh, start_world
from klokwerk.testing import eventually

DEFAULTS: dict[str, Any] = {
    "default_vat_regime": "standard",
    "default_language": "nl",
    "default_currency": "EUR",
    "default_country": "NL",
    "languages": ["nl", "en", "de", "fr", "sv"],
    "apps": ["languages"],
    "numbering": {"automatic": True, "prefix": "K", "year": False, "digits": 5},
}


@pytest.fixture
async def world(module_world: World) -> World:
    """The service with the settings that an installation starts with."""
    assert (await module_world.settle(**DEFAULTS)).status_code == 200
    return module_world


async def refused(answer: httpx.Response, field: str) -> dict[str, str]:
    """What the service says of the field that it refuses."""
    assert answer.status_code == 422, answer.text
    (error,) = [each for each in answer.json()["errors"] if each["field"] == field]
    assert error["cure"]
    return error


async def post(world: World, **fields: Any) -> httpx.Response:
    return await world.client.post("/v1/debtors", json=card(**fields), headers=world.headers())


async def add_choice(world: World, of: str, code: str, label: str = "") -> httpx.Response:
    body = {"code": code, "label": label or code}
    return await world.client.post(f"/v1/customer-lists/{of}", json=body, headers=world.headers("ops"))


# --- defaults -------------------------------------------------------------------------------------------------


async def test_FA_13_FA_17_new_cards_start_with_the_regime_of_the_organisation(world: World) -> None:
    before = await world.make(debtor_id=fresh())
    assert before["vat_regime"] == "standard"
    saved = await world.settle(
        default_vat_regime="reverse_charge", default_currency="SEK", default_language="sv"
    )
    assert saved.status_code == 200, saved.text
    made = await world.make(debtor_id=fresh())
    assert (made["vat_regime"], made["currency"], made["language"]) == ("reverse_charge", "SEK", "sv")
    own = await world.make(debtor_id=fresh(), vat_regime="reduced", currency="EUR", language="nl")
    assert (own["vat_regime"], own["currency"], own["language"]) == ("reduced", "EUR", "nl"), (
        "a card may differ"
    )
    assert (await world.card(before["debtor_id"]))["vat_regime"] == "standard", "cards that are there stay"

    lines = f"debtor_id;name\n{fresh()};Uit een bestand\n"
    await world.client.post("/v1/debtors/import", content=lines.encode(), headers=world.headers())
    imported = await world.card(lines.split("\n")[1].split(";", maxsplit=1)[0])
    assert (imported["vat_regime"], imported["currency"]) == ("reverse_charge", "SEK")


async def test_settings_are_saved_as_a_whole_on_the_revision_that_was_seen_and_leave_a_trace(
    world: World,
) -> None:
    stored = await world.settings()
    late = await world.client.put(
        "/v1/customer-settings",
        json=stored,
        headers=world.headers("finance", revision=stored["revision"] - 1),
    )
    assert late.status_code == 412
    assert "Anna" in late.json()["detail"]
    same = await world.settle()
    assert same.json()["revision"] == stored["revision"], "saving without a change makes no revision"
    changed = await world.settle(default_country="BE")
    assert (changed.json()["revision"], changed.headers["ETag"]) == (
        stored["revision"] + 1,
        f'"{stored["revision"] + 1}"',
    )
    sales = await world.client.put(
        "/v1/customer-settings", json=stored, headers=world.headers("sales", revision=stored["revision"] + 1)
    )
    assert sales.status_code == 403


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"languages": ["nl", "qq"]}, "languages"),
        ({"languages": ["nl", "nl"]}, "languages"),
        ({"default_language": "fi"}, "default_language"),
        ({"default_currency": "QQQ"}, "default_currency"),
        ({"default_country": "XX"}, "default_country"),
        ({"default_vat_regime": "gold"}, "default_vat_regime"),
        ({"apps": ["fortune_teller"]}, "apps.0"),
        ({"numbering": {"prefix": "a b"}}, "numbering.prefix"),
        ({"numbering": {"digits": 0}}, "numbering.digits"),
        ({"numbering": {"next_value": 0}}, "numbering.next_value"),
    ],
)
async def test_settings_that_can_not_be_are_refused_with_the_field(
    world: World, changes: Any, field: str
) -> None:
    answer = await world.settle(**changes)
    assert answer.status_code == 422, answer.text
    assert field in [error["field"] for error in answer.json()["errors"]]


# --- apps -----------------------------------------------------------------------------------------------------


async def test_FA_78_only_languages_that_are_offered_can_be_chosen_anew(world: World) -> None:
    french = await world.make(debtor_id=fresh(), language="fr")
    assert "fi" in (await refused(await post(world, language="fi"), "language"))["message"]
    await world.settle(languages=["nl", "fi"])
    assert (await post(world, language="fi")).status_code == 201
    assert (await world.save(french, name="Fleurs")).status_code == 200, "what a card has stays"

    await world.settle(apps=[])
    error = await refused(await post(world, language="fi"), "language")
    assert "Activate the app" in error["cure"]
    assert (await post(world, language="nl")).status_code == 201


async def test_FA_82_FA_86_a_tier_is_assigned_only_while_the_app_for_tier_prices_is_activated(
    world: World,
) -> None:
    code = fresh("tier")
    assert (await add_choice(world, "price-tiers", code, "Groothandel")).status_code == 201
    assert "not activated" in (await refused(await post(world, price_tier=code), "price_tier"))["message"]
    await world.settle(apps=["tier_prices"])
    made = await world.make(debtor_id=fresh(), price_tier=code)
    (event,) = await world.told(made["debtor_id"])
    assert event.price_tier == code
    assert "not on the list" in (await refused(await post(world, price_tier="gold"), "price_tier"))["message"]

    await world.settle(apps=[])
    kept = await world.save(made, name="Nog steeds")
    assert (kept.status_code, kept.json()["price_tier"]) == (200, code), "switching an app off loses nothing"
    other = await world.make(debtor_id=fresh())
    await refused(await world.save(other, price_tier=code), "price_tier")


async def test_FA_80_a_category_is_one_of_the_list_and_its_name_may_change(world: World) -> None:
    listed = (await world.client.get("/v1/customer-lists/categories", headers=world.headers())).json()[
        "items"
    ]
    assert [entry["code"] for entry in listed][:2] == ["company", "private"]
    code = fresh("cat")
    assert (await add_choice(world, "categories", code)).status_code == 201
    assert (await add_choice(world, "categories", code)).status_code == 409
    assert (await add_choice(world, "nonsense", code)).status_code == 422
    made = await world.make(debtor_id=fresh(), category=code)
    await refused(await post(world, category="unknown"), "category")

    entry = f"/v1/customer-lists/categories/{code}"
    renamed = await world.client.put(
        entry, json={"label": "Bloemist", "position": 5}, headers=world.headers("ops", revision=1)
    )
    assert renamed.json() == {"code": code, "label": "Bloemist", "position": 5, "revision": 2}
    used = await world.client.delete(entry, headers=world.headers("ops", revision=2))
    assert (used.status_code, "1 card" in used.json()["detail"]) == (409, True)
    assert (await world.save(made, category="")).status_code == 200
    assert (await world.client.delete(entry, headers=world.headers("ops", revision=1))).status_code == 412
    assert (await world.client.delete(entry, headers=world.headers("ops", revision=2))).status_code == 204
    assert (await world.client.delete(entry, headers=world.headers("sales", revision=2))).status_code == 403


# --- customer numbers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbering", "expected"),
    [
        (Numbering(), "K00014"),
        (Numbering(prefix="", digits=1), "14"),
        (Numbering(prefix="KL/", year=True, digits=4), "KL/2026-0014"),
        (Numbering(prefix="", year=True, digits=3), "2026-014"),
    ],
)
def test_FA_11_prefix_year_and_digits_make_the_number(numbering: Numbering, expected: str) -> None:
    from datetime import date

    assert numbering.written(date(2026, 11, 24), 14) == expected


async def test_FA_10_each_card_gets_the_next_customer_number_when_it_is_made(world: World) -> None:
    expected = (await world.settings())["numbering"]["next_number"]
    made = await world.make(debtor_id=fresh())
    assert made["customer_number"] == expected
    assert made["debtor_number"] == "", "the bookkeeping's number comes later (EP-05)"
    (event,) = await world.told(made["debtor_id"])
    assert event.customer_number == expected
    found = await world.client.get("/v1/debtors", params={"q": expected}, headers=world.headers())
    assert [item["debtor_id"] for item in found.json()["items"]] == [made["debtor_id"]]
    saved = await world.save(made, name="Anders", customer_number="")
    assert saved.json()["customer_number"] == expected, "an emptied field does not take it away"


async def test_FA_11_the_office_chooses_its_own_way_of_numbering(world: World) -> None:
    prefix = fresh("W")[:8] + "."
    answer = await world.settle(numbering={"prefix": prefix, "year": True, "digits": 3, "next_value": 116})
    year = answer.json()["numbering"]["next_number"].removeprefix(prefix)[:4]
    assert (await world.make(debtor_id=fresh()))["customer_number"] == f"{prefix}{year}-116"
    typed = await world.make(debtor_id=fresh(), customer_number=f"{prefix}{year}-118")
    assert typed["customer_number"] == f"{prefix}{year}-118"
    made = [(await world.make(debtor_id=fresh()))["customer_number"] for _ in range(2)]
    assert made == [f"{prefix}{year}-117", f"{prefix}{year}-119"], "taken ones are passed over"

    await world.settle(numbering={"automatic": False})
    assert (await world.make(debtor_id=fresh()))["customer_number"] == ""


async def test_a_customer_number_belongs_to_one_card(world: World) -> None:
    number = fresh("KN")
    await world.make(debtor_id=fresh(), customer_number=number)
    double = await post(world, customer_number=number)
    assert (double.status_code, double.json()["errors"][0]["field"]) == (409, "customer_number")
    other = await world.make(debtor_id=fresh())
    assert (await world.save(other, customer_number=number)).status_code == 409
    free = fresh("KN")
    changed = await world.save(other, customer_number=free)
    assert changed.json()["customer_number"] == free
    answers = await asyncio.gather(*(post(world, customer_number=f"{free}-x") for _ in range(5)))
    assert sorted(a.status_code for a in answers) == [201] + [409] * 4


async def test_FA_10_cards_made_at_once_get_a_customer_number_each(world: World) -> None:
    await world.settle(numbering={"prefix": (prefix := fresh("P")[:9])})
    answers = await asyncio.gather(*(post(world) for _ in range(20)))
    numbers = sorted(answer.json()["customer_number"] for answer in answers)
    assert numbers == [f"{prefix}{value:05d}" for value in range(1, 21)]


async def test_a_merged_card_keeps_its_customer_number_and_it_is_never_given_again(world: World) -> None:
    removed, target = await world.make(debtor_id=fresh()), await world.make(debtor_id=fresh())
    body = {"into": target["debtor_id"], "into_revision": 1, "confirm": True}
    answer = await world.client.post(
        f"/v1/debtors/{removed['debtor_id']}/merge", json=body, headers=world.headers(revision=1)
    )
    assert answer.json()["target"]["customer_number"] == target["customer_number"]
    assert (await world.card(removed["debtor_id"]))["customer_number"] == removed["customer_number"]
    assert (await post(world, customer_number=removed["customer_number"])).status_code == 409


async def test_cards_of_an_earlier_version_are_numbered_found_and_told(own_world: World) -> None:
    world = own_world
    cards = [await world.make(debtor_id=fresh(), phones=["+31 71 555 0111"]) for _ in range(3)]
    connection = await asyncpg.connect(world.database_url)
    await connection.execute(
        "update card set customer_number = '', keys = '{}', search = 'old', derived = 0; "
        "update customer_number_series set next_value = 1"
    )
    await connection.close()
    async with start_world(world.database_url, world.kafka) as newer:
        for made in cards:

            async def numbered(debtor_id: str = made["debtor_id"]) -> str:
                return (await newer.card(debtor_id))["customer_number"]

            await eventually(numbered)
        assert {(await newer.card(c["debtor_id"]))["customer_number"] for c in cards} == {
            "K00001",
            "K00002",
            "K00003",
        }
        told = await newer.told(cards[0]["debtor_id"], at_least=2)
        assert (told[1].revision, told[1].customer_number[:1]) == (2, "K")
        found = await newer.client.get("/v1/debtors", params={"q": "071 5550111"}, headers=newer.headers())
        assert len(found.json()["items"]) == 3
