"""Finding cards: what a search looks in, what it ignores, in which order it answers, how pages follow."""

from __future__ import annotations

import pytest
from debtor_world import World, fresh


@pytest.mark.parametrize(
    "query",
    [
        "sjoberg", "Sjöberg", "SJÖBERG blomster", "malmo", "SE 559900-0014 01", "559900.0014", "inkop@",
        "blomster-sjoberg.example", "5599000014", "ostra gatan", "+46 40 555 01 23", "040-5550123", "0405550123",
        "SE35 5000 0000 0549 1000 0003", "ingrid mottagning", "ingrid@sjoberg", "ringer 8", "tidig morgon",
        "www.sjoberg", "hamta", "os ga", "se 55", "31 211",
    ],
)  # fmt: skip
async def test_EF_31_a_search_ignores_accents_case_dots_and_blanks(world: World, query: str) -> None:
    administration = "zoek-sjoberg"
    found = await world.client.get(
        "/v1/debtors", params={"administration": administration}, headers=world.headers()
    )
    if not found.json()["items"]:
        await world.make(
            debtor_id="zoek-1", administration=administration, name="Blomsterhandeln Sjöberg AB", country="SE",
            vat_number="SE559900001401", chamber_number="559900-0014",
            emails=[{"address": "inkop@blomster-sjoberg.example"}],
            addresses=[{"lines": ["Östra gatan 5"], "postal_code": "211 31", "city": "Malmö", "country": "SE"}],
            phones=["+46 40 555 01 23"], bank_accounts=[{"iban": "SE3550000000054910000003"}],
            contact_persons=[{"name": "Ingrid", "department": "Mottagning", "email": "ingrid@sjoberg.example"}],
            internal_note="Ringer kl. 8, tidig morgon", website="www.sjoberg.example",
            note_for_documents="Hämta själv",
        )  # fmt: skip
        await world.make(debtor_id="zoek-2", administration=administration, name="Heel iemand anders")
    answer = await world.client.get(
        "/v1/debtors",
        params={"q": query, "administration": administration},
        headers=world.headers("read-only"),
    )
    assert [item["debtor_id"] for item in answer.json()["items"]] == ["zoek-1"]


async def test_one_or_two_letters_alone_are_found_where_a_word_begins(world: World) -> None:
    administration = fresh("kort")
    for name in ("Wilg en Zn", "Iepenhof"):
        await world.make(debtor_id=fresh(), administration=administration, name=name)

    async def found(query: str) -> list[str]:
        answer = await world.client.get(
            "/v1/debtors", params={"q": query, "administration": administration}, headers=world.headers()
        )
        return [item["name"] for item in answer.json()["items"]]

    assert [await found(query) for query in ("zn", "w", "en z")] == [["Wilg en Zn"]] * 3
    assert await found("lg") == []
    assert await found("lg wil") == ["Wilg en Zn"], "beside a longer word it may stand anywhere"


async def test_pages_follow_each_other_without_gaps_and_filters_hold(world: World) -> None:
    administration = fresh("pages")
    for i in range(7):
        await world.make(
            debtor_id=fresh(), administration=administration, name=f"Naam {i}",
            kinds=["creditor"] if i == 6 else ["debtor"],
            ekt={"use_ekts": i < 2, "accepts_ekts": True},
        )  # fmt: skip
    names, cursor = [], None
    while True:
        params = {"administration": administration, "limit": 3, "kind": "debtor"} | (
            {"cursor": cursor} if cursor else {}
        )
        page = (await world.client.get("/v1/debtors", params=params, headers=world.headers())).json()
        names += [item["name"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert names == [f"Naam {i}" for i in range(6)]
    ticked = await world.client.get(
        "/v1/debtors", params={"administration": administration, "use_ekts": True}, headers=world.headers()
    )
    assert [item["name"] for item in ticked.json()["items"]] == ["Naam 0", "Naam 1"]
    wrong = await world.client.get("/v1/debtors", params={"cursor": "x"}, headers=world.headers())
    assert wrong.status_code == 400


async def test_names_that_start_with_the_word_come_first_and_pages_follow_without_gaps(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    administration = fresh("adm")
    for name in (
        "Aart Zonnebloem",
        "Zonnebloem B",
        "Bas Zonnebloem",
        "Zonnebloem A",
        "Zonnig",
        "Cor Zonnebloem",
    ):
        await world.make(name=name, administration=administration)
    expected = ["Zonnebloem A", "Zonnebloem B", "Aart Zonnebloem", "Bas Zonnebloem", "Cor Zonnebloem"]
    for most_sorted in (3000, 1):  # rare words are looked up and sorted, frequent ones read by name
        monkeypatch.setattr("debtor_service.store.finding.MOST_SORTED", most_sorted)
        for limit in (1, 2, 3, 50):
            names, cursor = [], None
            while True:
                params = {"q": "zonnebloem", "administration": administration, "limit": limit}
                params |= {"cursor": cursor} if cursor else {}
                answer = await world.client.get("/v1/debtors", params=params, headers=world.headers())
                names += [item["name"] for item in answer.json()["items"]]
                cursor = answer.json()["next"]
                if cursor is None:
                    break
            assert names == expected, (most_sorted, limit)
