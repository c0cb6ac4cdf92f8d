"""Privacy from the card: all data in one file, what goes and what stays, and no forgetting while invoices are open."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import httpx
from back_office_world import HOSTS, World
from office_shapes import body_of, card, page, problem, text_of

PREVIEW: dict[str, Any] = {
    "debtor_id": "d1", "revision": 4, "state": "active", "obstacles": [],
    "goes": {"fields": ["emails", "name"], "changes": 3, "attachments": 1, "merged_cards": 0, "import_lines": 2,
             "exports": 0, "newsletter": True},
    "stays": {"fields": [], "customer_number": "K00001", "debtor_number": "10001", "creditor_number": ""},
}  # fmt: skip
CHOICE = {"active": True, "choice": "unset", "email": "info@jansen.example", "gets_it": True}
PERSON = {"contact_id": "c1", "name": "Piet de Wit"}


def ready(office: World, *invoices: dict[str, Any], **changes: Any) -> None:
    office.services.on(
        "GET", "debtors", "/v1/debtors/d1", card(contact_persons=[PERSON], administration="main"), ETag='"4"'
    )
    office.services.on("GET", "debtors", "/v1/debtors/d1/anonymise-preview", PREVIEW | changes)
    office.services.on("GET", "debtors", "/v1/debtors/d1/newsletter", CHOICE)
    office.services.on("GET", "sales", "/v1/invoices", page(*invoices))


def holds(office: World, service: str, document: dict[str, Any]) -> None:
    office.services.answers[("GET", f"{HOSTS[service]}/v1/debtors/d1/personal-data")] = httpx.Response(
        200, content=json.dumps(document).encode(), headers={"content-type": "application/json"}
    )


async def test_everything_held_about_a_person_comes_in_one_file_with_a_summary_to_read(office: World) -> None:
    ready(office)
    holds(
        office,
        "debtors",
        {"service": "debtor-service", "cards": [{"name": "Jansen", "phones": ["1"]}], "changes": [1, 2]},
    )
    for service in ("sales", "ekts", "dispatch"):
        holds(office, service, {"service": service, "invoices": [{"n": 1}]})
    office.services.on(
        "GET", "accounting", "/v1/debtors/d1/personal-data", problem(404, "No such debtor"), 404
    )
    browser = await office.signed_in()
    answer = await browser.post("/debtors/d1/privacy/data", page="/debtors/d1/privacy")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["cache-control"] == "no-store"
    asked = [r for r in office.services.asked if r.url.path == "/v1/debtors/d1/personal-data"]
    assert {(r.url.host, r.url.params["administration"]) for r in asked} == {
        (h, "main") for h in HOSTS.values()
    }
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert sorted(packed.namelist()) == [
            "debtors.json",
            "dispatch.json",
            "ekts.json",
            "sales.json",
            "summary.txt",
        ]
        assert json.loads(packed.read("debtors.json"))["cards"][0]["name"] == "Jansen"
        summary = packed.read("summary.txt").decode()
    assert "Data about Jansen Bloemen" in summary
    assert "changes: 2 entries" in summary
    assert "name: Jansen" in summary
    assert "Holds nothing about this card." in summary


async def test_half_an_answer_is_none(office: World) -> None:
    ready(office)
    for service in HOSTS:
        holds(office, service, {})
    office.services.away("GET", "dispatch", "/v1/debtors/d1/personal-data")
    browser = await office.signed_in()
    answer = await browser.post("/debtors/d1/privacy/data", page="/debtors/d1/privacy")
    assert answer.status_code == 502
    assert "nothing was downloaded" in text_of(answer)


async def test_a_contact_person_gets_their_own_data_alone(office: World) -> None:
    ready(office)
    holds(office, "debtors", {"contact_person": {"name": "Piet de Wit"}})
    office.services.on("POST", "debtors", "/v1/debtors/d1/contacts/c1/forget", None, 204)
    browser = await office.signed_in()
    assert "Piet de Wit" in text_of(await browser.get("/debtors/d1/privacy"))
    answer = await browser.post("/debtors/d1/privacy/data", {"contact_id": "c1"}, page="/debtors/d1/privacy")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert sorted(packed.namelist()) == ["debtors.json", "summary.txt"]
        assert "Data about Piet de Wit" in packed.read("summary.txt").decode()
    assert office.services.last("GET", "/v1/debtors/d1/personal-data").url.params["contact_id"] == "c1"
    await browser.post(
        "/debtors/d1/privacy/contact", {"contact_id": "c1", "_revision": "4"}, page="/debtors/d1/privacy"
    )
    assert office.services.last("POST", "/v1/debtors/d1/contacts/c1/forget").headers["if-match"] == '"4"'


async def test_the_preview_says_what_goes_what_stays_and_that_there_is_no_way_back(office: World) -> None:
    ready(office)
    shown = await (await office.signed_in()).get("/debtors/d1/privacy")
    words = text_of(shown)
    for text in (
        "e-mail addresses, name", "the values of 3 changes", "1 attachment", "2 lines of imported lists",
        "the contact at Mailchimp", "Customer number: K00001", "invoices as they were issued", "It can't be undone",
    ):  # fmt: skip
        assert text in words, text
    assert 'name="sure" required' in shown.text


async def test_anonymising_is_sent_on_the_revision_that_was_seen_with_its_reason(office: World) -> None:
    ready(office)
    left = {"debtor_id": "d1", "name": "Anonymised K00001"}
    office.services.on("POST", "debtors", "/v1/debtors/d1/anonymise", left)
    browser = await office.signed_in()
    unsure = await browser.post(
        "/debtors/d1/privacy/anonymise", {"_revision": "4"}, page="/debtors/d1/privacy"
    )
    assert unsure.status_code == 422
    answer = await browser.post(
        "/debtors/d1/privacy/anonymise",
        {"_revision": "4", "_once": "k", "sure": "on", "reason": "request 12"},
        page="/debtors/d1/privacy",
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/debtors/d1")
    sent = office.services.last("POST", "/v1/debtors/d1/anonymise")
    assert (sent.headers["if-match"], sent.headers["idempotency-key"]) == ('"4"', "k")
    assert body_of(sent) == {"confirm": True, "reason": "request 12"}


async def test_open_invoices_and_obstacles_keep_the_button_away_and_the_deed_too(office: World) -> None:
    invoice = {
        "invoice_id": "i1",
        "number": "2026-0001",
        "state": "final",
        "gross": "12.50",
        "payment_status": "not_paid",
    }
    ready(office, invoice)
    browser = await office.signed_in()
    shown = await browser.get("/debtors/d1/privacy")
    assert "2026-0001" in text_of(shown)
    assert 'name="sure"' not in shown.text
    asked = [request.url.params for request in office.services.asked if request.url.path == "/v1/invoices"]
    assert {(params.get("payment_status"), params["state"]) for params in asked} == {
        ("not_paid", "final"),
        (None, "draft"),
    }
    refused = await browser.post(
        "/debtors/d1/privacy/anonymise", {"sure": "on", "_revision": "4"}, page="/debtors/d1/privacy"
    )
    assert refused.status_code == 409
    assert office.services.count("POST", "/v1/debtors/d1/anonymise") == 0
    ready(office, obstacles=[{"code": "waiting", "message": "m", "cure": "c"}])
    waits = await browser.get("/debtors/d1/privacy")
    assert "waits for a number of this card" in text_of(waits)
    assert 'name="sure"' not in waits.text


async def test_when_sales_can_not_say_whether_invoices_are_open_nothing_is_forgotten(office: World) -> None:
    ready(office)
    office.services.away("GET", "sales", "/v1/invoices")
    browser = await office.signed_in()
    shown = await browser.get("/debtors/d1/privacy")
    assert "Sales does not answer" in text_of(shown)
    assert 'name="sure"' not in shown.text
    answer = await browser.post("/debtors/d1/privacy/anonymise", {"sure": "on"}, page="/debtors/d1/privacy")
    assert answer.status_code == 502
    assert office.services.count("POST", "/v1/debtors/d1/anonymise") == 0


async def test_the_newsletter_choice_is_noted_unless_they_left_themselves(office: World) -> None:
    ready(office)
    office.services.on("PUT", "debtors", "/v1/debtors/d1/newsletter", CHOICE | {"choice": "no"})
    browser = await office.signed_in()
    await browser.post(
        "/debtors/d1/privacy/newsletter", {"choice": "no", "reason": "by phone"}, page="/debtors/d1/privacy"
    )
    assert body_of(office.services.last("PUT", "/v1/debtors/d1/newsletter")) == {
        "choice": "no",
        "reason": "by phone",
    }
    left = CHOICE | {"choice": "no", "source": "mailchimp", "reason": "too many", "gets_it": False}
    office.services.on("GET", "debtors", "/v1/debtors/d1/newsletter", left)
    shown = await browser.get("/debtors/d1/privacy")
    assert "can only subscribe again themselves" in text_of(shown)
    assert 'name="choice"' not in shown.text


async def test_only_finance_and_ops_see_the_rights(office: World) -> None:
    ready(office)
    seller = await office.with_roles("sales", name="verkoper")
    shown = await seller.get("/debtors/d1/privacy")
    assert "Only finance and ops" in text_of(shown)
    assert "/privacy/data" not in shown.text
    assert 'name="sure"' not in shown.text
