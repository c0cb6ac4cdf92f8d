"""Cards over HTTP: make, read, edit, find, configure; what others are told; what wrong input gets."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import httpx
import pytest
from debtor_service.store import cards
from debtor_world import World, card, fresh
from klokwerk.database import Database
from klokwerk_contracts.debtor_changed import DocumentKind


async def test_FA_01_FA_05_a_card_holds_what_was_filled_in_and_is_told_to_the_others(world: World) -> None:
    wanted = card(
        debtor_id=fresh(),
        name="Fleurs d'Anvers BV",
        country="BE",
        addresses=[
            {
                "kind": "visit",
                "lines": ["Bloemenmarkt 7"],
                "postal_code": "2000",
                "city": "Antwerpen",
                "country": "BE",
            }
        ],
        vat_number="be 0777.777.177",
        chamber_number="0777.777.177",
        phones=["+32 3 555 01 88"],
        bank_accounts=[{"iban": "BE68 5390 0754 7034"}],
        language="nl",
        invoice_delivery={"electronic": {"scheme": "0208", "identifier": "0777.777.177"}},
    )
    answer = await world.client.post("/v1/debtors", json=wanted, headers=world.headers("sales"))
    assert answer.status_code == 201, answer.text
    assert answer.headers["ETag"] == '"1"'
    assert answer.headers["Location"] == f"/v1/debtors/{wanted['debtor_id']}"

    made = await world.card(wanted["debtor_id"])
    assert made["vat_number"] == "BE0777777177"
    assert made["chamber_number"] == "0777777177"
    assert made["bank_accounts"][0]["iban"] == "BE68539007547034"
    assert made["changed_by"] == "Anna"

    (event,) = await world.told(wanted["debtor_id"])
    assert (event.revision, event.name, event.vat_number) == (1, "Fleurs d'Anvers BV", "BE0777777177")
    assert event.invoice_delivery.electronic is not None
    assert event.invoice_delivery.electronic.identifier == "0777777177"
    assert event.addresses[0].city == "Antwerpen"


async def test_FA_07_a_card_is_edited_as_a_whole_and_each_save_is_one_revision(world: World) -> None:
    made = await world.make(debtor_id=fresh())
    answer = await world.save(made, name="Bloemisterij Jansen & Zoon", payment_term_days=30)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["revision"], answer.headers["ETag"]) == (2, '"2"')
    again = await world.save(answer.json())
    assert again.json()["revision"] == 2, "saving without a change makes no revision"
    events = await world.told(made["debtor_id"], at_least=2)
    assert [(e.revision, e.payment_term_days) for e in events] == [(1, None), (2, 30)]


async def test_an_edit_needs_the_revision_it_saw(world: World) -> None:
    made = await world.make(debtor_id=fresh())
    url = f"/v1/debtors/{made['debtor_id']}"
    assert (await world.client.put(url, json=card(), headers=world.headers())).status_code == 428
    assert (await world.save(made, name="Eerste")).status_code == 200
    late = await world.save(made, name="Tweede")
    assert late.status_code == 412
    assert late.headers["content-type"] == "application/problem+json"
    assert "Anna" in late.json()["detail"]
    assert (await world.card(made["debtor_id"]))["name"] == "Eerste"


async def test_of_two_edits_at_once_one_wins_and_the_other_is_told(world: World) -> None:
    made = await world.make(debtor_id=fresh())
    answers = await asyncio.gather(*(world.save(made, name=f"Naam {i}") for i in range(8)))
    assert sorted(a.status_code for a in answers) == [200] + [412] * 7
    assert (await world.card(made["debtor_id"]))["revision"] == 2


async def test_the_history_says_who_changed_what_from_what(world: World) -> None:
    made = await world.make(debtor_id=fresh(), payment_term_days=14)
    await world.save(made, payment_term_days=30)
    answer = await world.client.get(f"/v1/debtors/{made['debtor_id']}/history", headers=world.headers())
    newest, oldest = answer.json()["items"]
    assert (newest["action"], newest["person_name"]) == ("changed", "Anna")
    assert newest["old"] == {"payment_term_days": 14}
    assert newest["new"] == {"payment_term_days": 30}
    assert newest["correlation_id"]
    assert oldest["action"] == "created"
    assert oldest["new"]["name"] == "Bloemisterij Jansen"


# --- the same request twice -----------------------------------------------------------------------------------


async def test_a_card_is_made_once_however_often_the_request_comes(world: World) -> None:
    body, headers = card(), world.headers() | {"Idempotency-Key": fresh()}
    answers = await asyncio.gather(
        *(world.client.post("/v1/debtors", json=body, headers=headers) for _ in range(5))
    )
    assert {a.status_code for a in answers} == {201}
    assert len({a.json()["debtor_id"] for a in answers}) == 1


async def test_an_id_of_another_system_is_kept_and_unique(world: World) -> None:
    debtor_id = fresh("webshop:")
    await world.make(debtor_id=debtor_id)
    answer = await world.client.post("/v1/debtors", json=card(debtor_id=debtor_id), headers=world.headers())
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["field"] == "debtor_id"


# --- EKT configuration ----------------------------------------------------------------------------------------


async def configure(world: World, saved: dict, **ekt: object) -> httpx.Response:
    return await world.client.patch(
        f"/v1/debtors/{saved['debtor_id']}/ekt", json=ekt, headers=world.headers(revision=saved["revision"])
    )


async def test_EF_32_EF_34_use_ekts_is_a_tick_box_that_is_off_at_first(world: World) -> None:
    made = await world.make(debtor_id=fresh())
    assert made["ekt"]["use_ekts"] is False
    answer = await configure(world, made, use_ekts=True)
    assert answer.status_code == 200, answer.text
    assert (await world.card(made["debtor_id"]))["ekt"]["use_ekts"] is True
    off, on = await world.told(made["debtor_id"], at_least=2)
    assert (off.ekt.use_ekts, on.ekt.use_ekts) == (False, True)


async def test_EF_30_EF_33_the_setting_counts_once_it_is_saved(world: World) -> None:
    made = await world.make(debtor_id=fresh())
    refused = await configure(world, made | {"revision": 7}, use_ekts=True)
    assert refused.status_code == 412
    assert (await world.card(made["debtor_id"]))["ekt"]["use_ekts"] is False
    await configure(world, made, use_ekts=True, accepts_ekts=True)
    assert (await world.card(made["debtor_id"]))["ekt"] | {"use_ekts": True} == (
        await world.card(made["debtor_id"])
    )["ekt"]
    assert len(await world.told(made["debtor_id"], at_least=2)) == 2, "the refused save told nobody"


async def test_EF_37_unticking_and_saving_is_told_to_the_others(world: World) -> None:
    made = await world.make(debtor_id=fresh(), ekt={"use_ekts": True, "accepts_ekts": True})
    answer = await configure(world, made, use_ekts=False)
    assert answer.json()["ekt"]["accepts_ekts"] is True, "what was not sent stays"
    events = await world.told(made["debtor_id"], at_least=2)
    assert [event.ekt.use_ekts for event in events] == [True, False]


async def test_EF_39_without_the_ekt_module_people_are_told_whom_to_ask(
    platform_servers, world: World
) -> None:
    from debtor_world import start_world

    made = await world.make(debtor_id=fresh())
    async with start_world(
        world.database_url, world.kafka, ekt_module=False, ekt_contact="Piet of ICT", roles="api"
    ) as without:
        answer = await configure(without, made, use_ekts=True)
        assert answer.status_code == 409
        assert "Piet of ICT" in answer.json()["detail"]
        assert (await configure(without, made, accepts_ekts=True)).status_code == 200


async def test_EF_57_a_changed_ekt_address_is_what_the_others_send_to_from_then_on(world: World) -> None:
    made = await world.make(debtor_id=fresh(), ekt={"use_ekts": True, "accepts_ekts": True})
    await world.save(
        made,
        emails=[{"address": "info@jansen.example"}, {"address": "ekt@jansen.example", "document": "ekt"}],
    )
    before, after = await world.told(made["debtor_id"], at_least=2)
    assert before.email_for(DocumentKind.EKT) == "info@jansen.example"
    assert after.email_for(DocumentKind.EKT) == "ekt@jansen.example"


async def test_EF_63_EF_64_EF_65_what_an_ekt_lacks_is_a_warning_on_the_card(world: World) -> None:
    made = await world.make(debtor_id=fresh(), emails=[])
    assert made["warnings"] == [], "a debtor without EKTs needs nothing"
    warned = (await configure(world, made, use_ekts=True)).json()
    assert [w["field"] for w in warned["warnings"]] == ["emails", "ekt.accepts_ekts"]
    well = await world.save(
        warned, emails=[{"address": "a@b.example"}], ekt=warned["ekt"] | {"accepts_ekts": True}
    )
    assert well.json()["warnings"] == []


async def test_EF_64_a_transfer_to_the_customers_own_server_is_chosen_and_taken_back(world: World) -> None:
    made = await world.make(debtor_id=fresh(), emails=[], ekt={"use_ekts": True, "accepts_ekts": True})
    chosen = (await configure(world, made, transfer="sftp")).json()
    assert (chosen["ekt"]["transfer"], chosen["warnings"]) == ("sftp", [])
    kept = (await configure(world, chosen, buyer_code="K1")).json()
    assert kept["ekt"]["transfer"] == "sftp"
    back = (await configure(world, kept, transfer=None)).json()
    assert back["ekt"]["transfer"] is None
    assert [w["field"] for w in back["warnings"]] == ["emails"]
    events = await world.told(made["debtor_id"], at_least=4)
    assert [event.ekt.transfer for event in events] == [None, "sftp", "sftp", None]


# --- fields of the card ---------------------------------------------------------------------------------------


async def test_FA_01_everything_on_the_fullest_card_is_kept_told_and_comes_back_unchanged(
    world: World,
) -> None:
    definition = {"key": fresh("veld").replace("-", "_"), "label": "Route"}
    await world.client.post("/v1/own-fields", json=definition, headers=world.headers("ops"))
    wanted = card(
        debtor_id=fresh(),
        kinds=["debtor", "creditor"],
        name="Fleurs du Canal SPRL",
        search_name="CANAL",
        country="BE",
        addresses=[
            {
                "kind": kind,
                "lines": [f"Kaai {n}"],
                "postal_code": f"100{n}",
                "city": "Brussel",
                "region": "",
                "country": "BE",
            }
            for n, kind in enumerate(("visit", "postal", "invoice", "delivery"))
        ],
        vat_number="BE0403170701",
        chamber_number="0403170701",
        vat_regime="reverse_charge",
        emails=[
            {"address": f"{kind}@fleurs.example", "document": kind}
            for kind in ("general", "ekt", "invoice", "reminder", "quote", "delivery_note", "purchase_order")
        ],
        phones=["+32 2 555 01 20", "+32 470 55 01 21"],
        website="https://fleurs.example/",
        language="fr",
        currency="GBP",
        payment_term_days=45,
        discount_percent="1.5",
        discount_kind="financial",
        category="company",
        bank_accounts=[
            {"iban": "BE71096123456769", "bic": "GKCCBEBB"},
            {"iban": "BE68539007547034", "bic": ""},
        ],
        invoice_delivery={
            "electronic": {"scheme": "0208", "identifier": "0403170701"},
            "consumer_chose_einvoice": True,
            "email_allowed": False,
            "print_allowed": False,
        },
        internal_note="Alleen contant",
        note_for_documents="Voor zes uur",
        contact_persons=[{"contact_id": "els", "name": "Els", "department": "", "email": "", "phone": ""}],
        own_fields={definition["key"]: "Zuid 3"},
    )
    answer = await world.client.post("/v1/debtors", json=wanted, headers=world.headers())
    assert answer.status_code == 201, answer.text
    made = await world.card(wanted["debtor_id"])
    same = {name: made[name] for name in wanted}
    derived = ("formatted", "street")
    same["addresses"] = [{k: v for k, v in a.items() if k not in derived} for a in made["addresses"]]
    same["contact_persons"] = [
        {k: v for k, v in c.items() if k != "address"} for c in made["contact_persons"]
    ]
    assert same == wanted | {"own_fields": same["own_fields"]}
    assert same["own_fields"][definition["key"]] == "Zuid 3"
    (event,) = await world.told(wanted["debtor_id"])
    told = event.model_dump(mode="json")
    for name in wanted.keys() - {"internal_note", "own_fields", "contact_persons"}:
        assert told[name] == wanted[name], name
    again = await world.save(made)
    assert (again.status_code, again.json()["revision"]) == (200, 1)
    back = await world.save(made, own_fields={})
    assert back.json()["own_fields"][definition["key"]] == ""


async def test_FA_12_FA_13_FA_14_the_vat_regime_is_standard_unless_another_is_chosen(world: World) -> None:
    made = await world.make(debtor_id=fresh())
    assert made["vat_regime"] == "standard"
    for number, regime in enumerate(("reduced", "reverse_charge", "zero", "intra_community"), 1):
        saved = await world.save(made | {"revision": number}, vat_regime=regime)
        assert saved.json()["vat_regime"] == regime
    refused = await world.save(made | {"revision": 5}, vat_regime="nonsense")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "vat_regime"
    told = [event.vat_regime for event in await world.told(made["debtor_id"], at_least=5)]
    assert told == ["standard", "reduced", "reverse_charge", "zero", "intra_community"]


async def test_FA_21_FA_24_FA_70_FA_71_terms_discount_currency_and_language_are_per_customer(
    world: World,
) -> None:
    made = await world.make(
        debtor_id=fresh(),
        payment_term_days=30,
        discount_percent="2.5",
        discount_kind="financial",
        currency="SEK",
        language="sv",
    )
    (event,) = await world.told(made["debtor_id"])
    assert (event.payment_term_days, str(event.discount_percent), event.discount_kind) == (
        30,
        "2.5",
        "financial",
    )
    assert (event.currency, event.language) == ("SEK", "sv")
    saved = await world.save(
        {k: v for k, v in made.items() if k not in ("discount_kind", "category", "price_tier")}, name="Anders"
    )
    assert saved.json()["discount_kind"] == "financial", "who does not know the field keeps it as it is"


async def test_FA_25_a_kind_of_document_may_have_an_address_of_its_own(world: World) -> None:
    made = await world.make(
        debtor_id=fresh(),
        emails=[
            {"address": "info@bedrijf.example"},
            {"address": "boekhouding@bedrijf.example", "document": "invoice"},
        ],
    )
    (event,) = await world.told(made["debtor_id"])
    assert event.email_for(DocumentKind.INVOICE) == "boekhouding@bedrijf.example"
    assert event.email_for(DocumentKind.REMINDER) == "info@bedrijf.example"


async def test_FA_31_the_internal_note_stays_in_the_house(world: World) -> None:
    made = await world.make(debtor_id=fresh(), internal_note="Betaalt altijd te laat")
    assert (await world.card(made["debtor_id"]))["internal_note"] == "Betaalt altijd te laat"
    (event,) = await world.told(made["debtor_id"])
    assert "te laat" not in event.model_dump_json()


# --- wrong input ----------------------------------------------------------------------------------------------


def participant(scheme: str, identifier: str) -> dict:
    return {"invoice_delivery": {"electronic": {"scheme": scheme, "identifier": identifier}}}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"vat_number": "NL123456789B01"}, "vat_number"),
        ({"chamber_number": "1234"}, "chamber_number"),
        ({"country": "BE", "chamber_number": "0403170702"}, "chamber_number"),
        ({"country": "SE", "chamber_number": "5599000015"}, "chamber_number"),
        ({"emails": [{"address": "nobody@nowhere@x"}]}, "emails.0.address"),
        ({"emails": [{"address": "a@b..example"}]}, "emails.0.address"),
        ({"bank_accounts": [{"iban": "NL91ABNA0417164301"}]}, "bank_accounts.0.iban"),
        ({"phones": ["bel maar"]}, "phones.0"),
        ({"country": "XX"}, "country"),
        ({"currency": "QQQ"}, "currency"),
        ({"language": "qq"}, "language"),
        ({"name": "   "}, "name"),
        ({"name": "Een\r\nBcc: x@y.example"}, "name"),
        ({"kinds": []}, "kinds"),
        (participant("0208", "0403170702"), "invoice_delivery.electronic.identifier"),
        (participant("0037", "1"), "invoice_delivery.electronic.identifier"),
        ({"ekt": {"use_ekts": True, "method": "folder", "folder": ".."}}, "ekt.folder"),
        ({"ekt": {"use_ekts": True, "method": "folder"}}, "ekt.folder"),
        ({"ekt": {"file_name_pattern": "../../x"}}, "ekt.file_name_pattern"),
    ],
)  # fmt: skip
async def test_a_wrong_value_is_refused_with_its_field_and_the_cure(
    world: World, fields: dict, field: str
) -> None:
    answer = await world.client.post("/v1/debtors", json=card(**fields), headers=world.headers())
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    (error,) = [e for e in answer.json()["errors"] if e["field"] == field]
    assert error["message"]
    assert error["cure"]


async def test_all_that_is_wrong_is_said_at_once(world: World) -> None:
    answer = await world.client.post(
        "/v1/debtors", json=card(vat_number="NL1", chamber_number="2", country="NL"), headers=world.headers()
    )
    assert {e["field"] for e in answer.json()["errors"]} == {"vat_number", "chamber_number"}


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'"x"', b"null", b'{"name": 5}', b'{"name": "x", "vatnumber": "y"}',
     b'{"name": "x", "ekt": {"useekts": true}}',
     b'{"name": "x", "discount_percent": 2.5}', b"\xff\xfe", b'{"name": "' + b"x" * 300 + b'"}'],
)  # fmt: skip
async def test_a_poisoned_body_gets_problem_details(world: World, body: bytes) -> None:
    answer = await world.client.post(
        "/v1/debtors", content=body, headers=world.headers() | {"content-type": "application/json"}
    )
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_body_of_100_megabytes_is_refused_unread(world: World) -> None:
    sent = 0

    async def flood():
        nonlocal sent
        while sent < 100_000_000:
            sent += 1_000_000
            yield b" " * 1_000_000

    for url in ("/v1/debtors", "/v1/debtors/import"):
        sent = 0
        answer = await world.client.post(
            url, content=flood(), headers=world.headers() | {"content-type": "application/json"}
        )
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
        assert sent < 30_000_000


async def test_a_name_with_nothing_but_sql_and_markup_is_just_a_name(world: World) -> None:
    name = "Robert'); drop table card;-- <script>%_\\"
    made = await world.make(debtor_id=fresh(), name=name)
    assert (await world.card(made["debtor_id"]))["name"] == name
    found = await world.client.get("/v1/debtors", params={"q": "%_\\ robert drop"}, headers=world.headers())
    assert made["debtor_id"] in [item["debtor_id"] for item in found.json()["items"]]


async def test_what_the_service_alone_decides_is_not_edited(world: World) -> None:
    made = await world.make(debtor_id=fresh(), debtor_number=fresh("N")[:18])
    for change, field in (
        ({"debtor_number": "X9"}, "debtor_number"), ({"state": "merged"}, "state"),
        ({"administration": "other"}, "administration"),
        ({"merged_into": "someone"}, "merged_into"), ({"debtor_id": "other"}, "debtor_id"),
    ):  # fmt: skip
        answer = await world.save(made, **change) if field != "debtor_id" else await world.client.put(
            f"/v1/debtors/{made['debtor_id']}", json=made | change, headers=world.headers(revision=1)
        )  # fmt: skip
        assert answer.status_code == 422, (field, answer.text)
        assert answer.json()["errors"][0]["field"] == field
    blocked = await world.save(made, state="blocked")
    assert blocked.json()["state"] == "blocked"
    kept = await world.save(blocked.json(), debtor_number="")
    assert kept.json()["debtor_number"] == made["debtor_number"], (
        "an emptied field does not take the number away"
    )


# --- rights ---------------------------------------------------------------------------------------------------


async def test_rights_by_role_and_nobody_without_a_token(world: World) -> None:
    made = await world.make(debtor_id=fresh())
    url = f"/v1/debtors/{made['debtor_id']}"
    assert (await world.client.get(url)).status_code == 401
    assert (await world.client.get(url, headers={"Authorization": "Bearer x.y.z"})).status_code == 401
    expired = {"Authorization": f"Bearer {world.issuer.token('sales', seconds=-3600)}"}
    assert (await world.client.get(url, headers=expired)).status_code == 401
    reader = world.headers("read-only")
    assert (await world.client.get(url, headers=reader)).status_code == 200
    assert (await world.client.post("/v1/debtors", json=card(), headers=reader)).status_code == 403
    assert (await world.client.put(url, json=card(), headers=reader | {"If-Match": '"1"'})).status_code == 403
    assert (await world.client.post(f"{url}/numbers", json={}, headers=reader)).status_code == 403
    sales = world.headers("sales")
    refused = await world.client.put(
        "/v1/number-ranges/main/debtor", json={"first": 1, "last": 2}, headers=sales
    )
    assert refused.status_code == 403
    assert "finance" in refused.json()["detail"]


async def test_the_summary_counts_cards(world: World) -> None:
    await world.make(debtor_id=fresh())
    answer = await world.client.get("/v1/summary", headers=world.headers("read-only"))
    counts = {count["name"]: count["value"] for count in answer.json()["counts"]}
    assert counts["debtors"] >= 1
    assert counts["debtors_without_number"] >= 1
    assert answer.json()["recent"][0]["link"].startswith("/debtors/")


async def test_cards_written_together_may_pass_a_customer_number_on(world: World) -> None:
    """Each gets the number that the one before it gave up; the fourth one keeps its own."""
    made = [await world.make(name=f"Doorgeven {n}", customer_number=fresh("K")) for n in range(4)]
    database = Database(world.database_url)
    try:
        async with database.connect() as connection:
            locked = await cards.lock(connection, [each["debtor_id"] for each in made])
            before = [locked[each["debtor_id"]] for each in made]
            called = [fresh("K"), *(before[n].customer_number for n in (0, 1, 3))]
            after = [
                replace(card, customer_number=n, revision=2) for card, n in zip(before, called, strict=True)
            ]
            await cards.update(connection, after)
            stored = await cards.find(connection, locked)
    finally:
        await database.close()
    assert [stored[card.debtor_id] for card in before] == after
