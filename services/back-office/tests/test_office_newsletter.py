"""Settings > Newsletter: the account, who gets it, the test, how things stand."""

from __future__ import annotations

from typing import Any

from back_office_world import World
from office_shapes import body_of, form_of, problem, text_of

SETTINGS: dict[str, Any] = {
    "key_hint": "work-us21",
    "list_id": "a1",
    "list_name": "Klaproos",
    "policy": "opt_out",
    "tags": ["Klokwerk"],
    "nightly": True,
    "at_time": "03:30",
    "active": True,
    "ready": True,
    "trouble": "",
    "synced_at": "2026-11-02T03:31:00Z",
    "counts": {"subscribed": 120, "unsubscribed": 3, "refused": 1},
    "refused": [
        {"email": "a@fake.example", "why": "invalid", "detail": "looks fake", "at": "2026-11-02T03:31:00Z"}
    ],
}
ADDRESS = "/settings/newsletter"


async def test_FA_84_the_page_says_how_things_stand_and_starts_a_synchronisation(office: World) -> None:
    office.services.on("GET", "debtors", "/v1/newsletter", SETTINGS, ETag='"3"')
    office.services.on("POST", "debtors", "/v1/newsletter/sync", {"id": "j1"}, status=202)
    browser = await office.signed_in()
    words = text_of(await browser.get(ADDRESS))
    for text in (
        "In order",
        "120",
        "a@fake.example",
        "is not taken for an address",
        "looks fake",
        "work-us21",
        "Klaproos",
    ):
        assert text in words, text
    answer = await browser.post(f"{ADDRESS}/sync", page=ADDRESS)
    assert answer.headers["location"] == "/jobs/debtors/j1"


async def test_saving_sends_everything_and_an_empty_key_keeps_the_stored_one(office: World) -> None:
    office.services.on("GET", "debtors", "/v1/newsletter", SETTINGS, ETag='"3"')
    office.services.on("PUT", "debtors", "/v1/newsletter", SETTINGS)
    browser = await office.signed_in()
    values = form_of(await browser.get(ADDRESS))
    assert values["_revision"] == "3"
    assert values["api_key"] == ""
    changed = values | {"tags": "Klokwerk, klant ,", "policy": "opt_in", "at_time": "04:15"}
    answer = await browser.client.post(ADDRESS, data=changed)
    assert answer.status_code == 303
    sent = office.services.last("PUT", "/v1/newsletter")
    assert sent.headers["if-match"] == '"3"'
    assert body_of(sent) == {
        "api_key": "",
        "list_id": "a1",
        "policy": "opt_in",
        "tags": ["Klokwerk", "klant"],
        "nightly": True,
        "at_time": "04:15",
    }


async def test_a_refused_key_stands_beside_its_field_and_is_not_shown_again(office: World) -> None:
    office.services.on("GET", "debtors", "/v1/newsletter", SETTINGS, ETag='"3"')
    why = problem(
        422,
        "Mailchimp does not accept the key",
        {"field": "api_key", "message": "It is not valid", "cure": "Copy it anew."},
    )
    office.services.on("PUT", "debtors", "/v1/newsletter", why, 422)
    browser = await office.signed_in()
    answer = await browser.post(ADDRESS, {"api_key": "secret-us1", "at_time": "03:30"}, page=ADDRESS)
    assert answer.status_code == 422
    assert "It is not valid Copy it anew." in text_of(answer)
    assert "secret-us1" not in answer.text


async def test_a_key_without_an_audience_offers_the_audiences_there_are(office: World) -> None:
    office.services.on(
        "GET",
        "debtors",
        "/v1/newsletter",
        SETTINGS | {"list_id": "", "list_name": "", "ready": False},
        ETag='"3"',
    )
    office.services.on(
        "POST",
        "debtors",
        "/v1/newsletter/test",
        {"audiences": [{"id": "a1", "name": "Klaproos", "members": 7}]},
    )
    browser = await office.signed_in()
    shown = await browser.get(ADDRESS)
    assert "Klaproos (7 contacts)" in text_of(shown)
    assert '<option value="a1"' in shown.text
    tested = await browser.post(f"{ADDRESS}/test", page=ADDRESS)
    assert "The connection works" in text_of(tested)


async def test_trouble_and_an_app_that_is_off_are_said_with_the_way_out(office: World) -> None:
    broken = SETTINGS | {"trouble": "Mailchimp does not accept the API key. Enter a new one."}
    office.services.on("GET", "debtors", "/v1/newsletter", broken, ETag='"3"')
    browser = await office.signed_in()
    words = text_of(await browser.get(ADDRESS))
    assert "It went wrong the last time" in words
    assert "Enter a new one." in words
    office.services.on("GET", "debtors", "/v1/newsletter", SETTINGS | {"active": False}, ETag='"3"')
    shown = await browser.get(ADDRESS)
    assert 'href="/settings/apps"' in shown.text
    assert f"{ADDRESS}/sync" not in shown.text
