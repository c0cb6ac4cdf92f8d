"""The import of a list in three steps: file, columns, check and run; doubles, the way back."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from back_office_world import Browser, World
from office_shapes import body_of, page, problem, text_of

ID = "0199a000-0000-7000-8000-000000000001"
PATH = f"/v1/imports/{ID}"


def job(state: str = "done", **changes: Any) -> dict[str, Any]:
    return {
        "id": "j1",
        "kind": "card-import-check",
        "state": state,
        "done": 2,
        "total": 4,
        "revision": 3,
        **changes,
    }


def an_import(state: str = "mapping", **changes: Any) -> dict[str, Any]:
    return {
        "id": ID,
        "kind": "debtor",
        "file_name": "klanten.csv",
        "encoding": "utf-8",
        "delimiter": ";",
        "columns": [
            {
                "heading": "Klantnaam",
                "samples": ["Roos", "<b>Tulp</b>"],
                "field": "name",
                "sureness": "known",
            },
            {"heading": "", "samples": [], "field": "", "sureness": "none"},
            {"heading": "Rit", "samples": ["Noord"], "field": "own.route", "sureness": "kept"},
        ],
        "fields": [
            {"name": "name"},
            {"name": "country"},
            {"name": "delivery_city"},
            {"name": "own.route", "label": "Rit"},
        ],
        "constants": {"country": "BE"},
        "state": state,
        "row_count": 4,
        "counts": {"verdict": {}, "outcome": {}, "taken_back": {}},
        "job": None,
        "revision": 2,
        "created_by": "Anna",
        "created_at": "2026-11-02T09:00:00Z",
        **changes,
    }


def row(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "number": number,
        "name": f"Klant {number}",
        "verdict": "new",
        "problems": [],
        "matches": [],
        **changes,
    }


async def upload(browser: Browser, content: bytes, **data: str) -> httpx.Response:
    token = await browser.csrf("/imports/new")
    return await browser.client.post(
        "/imports/new",
        data={"_csrf": token, "_once": "k1", "kind": "creditor", **data},
        files={"file": ("kwekers <1>.csv", content, "text/csv")},
    )


async def test_FA_46_the_first_step_hands_the_file_in_and_leads_to_its_columns(office: World) -> None:
    office.services.on("POST", "debtors", "/v1/imports", an_import(), status=201)
    browser = await office.signed_in()
    answer = await upload(browser, b"naam\nx\n", encoding="cp1252")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/imports/{ID}")
    sent = office.services.last("POST", "/v1/imports")
    assert dict(sent.url.params) == {"file_name": "kwekers <1>.csv", "kind": "creditor", "encoding": "cp1252"}
    assert sent.content == b"naam\nx\n"
    assert sent.headers["idempotency-key"] == "k1"


async def test_a_file_that_is_refused_or_missing_is_told_on_the_page(office: World) -> None:
    why = problem(
        422,
        "The file can't be read",
        {"field": "row 3", "message": "it has 2 cells", "cure": "Check the quotes."},
    )
    office.services.on("POST", "debtors", "/v1/imports", why, 422)
    browser = await office.signed_in()
    answer = await upload(browser, b"x")
    assert answer.status_code == 422
    assert "it has 2 cells Check the quotes." in text_of(answer)
    assert "No file was chosen" in text_of(await upload(browser, b""))


async def test_a_large_list_passes_the_back_office_and_a_larger_one_is_refused(office: World) -> None:
    office.services.on("POST", "debtors", "/v1/imports", an_import(), status=201)
    browser = await office.signed_in()
    assert (await upload(browser, b"x" * 9_000_000)).status_code == 303
    assert (await upload(browser, b"x" * 11_000_000)).status_code == 413


async def test_FA_46_the_second_step_shows_guesses_and_samples_and_sends_what_was_chosen(
    office: World,
) -> None:
    office.services.on(
        "GET", "debtors", PATH, an_import(kept_from={"at": "2026-10-01T08:00:00Z", "by": "Piet"}), ETag='"2"'
    )
    office.services.on("PUT", "debtors", f"{PATH}/mapping", an_import("checking"))
    browser = await office.signed_in()
    shown = await browser.get(f"/imports/{ID}")
    assert "&lt;b&gt;Tulp&lt;/b&gt;" in shown.text
    assert "<b>Tulp</b>" not in shown.text
    words = text_of(shown)
    assert "by its name" in words
    assert "taken in before, by Piet" in words
    assert "Column 2 (without a name)" in words
    assert "Delivery address: city" in words
    assert 'aria-current="step"' in shown.text
    answer = await browser.post(
        f"/imports/{ID}/columns",
        {
            "_revision": "2",
            "field.0": "name",
            "field.1": "",
            "field.2": "own.route",
            "constant.0.field": "country",
            "constant.0.value": "SE",
            "constant.1.field": "",
            "constant.1.value": "x",
            "empty_cells": "clear",
        },
        page=f"/imports/{ID}",
    )
    assert answer.status_code == 303
    sent = office.services.last("PUT", f"{PATH}/mapping")
    assert sent.headers["if-match"] == '"2"'
    assert body_of(sent) == {
        "fields": ["name", "", "own.route"],
        "constants": {"country": "SE"},
        "empty_cells": "clear",
    }


async def test_columns_that_can_not_be_read_are_named_with_the_cure(office: World) -> None:
    office.services.on("GET", "debtors", PATH, an_import(), ETag='"2"')
    why = problem(
        422,
        "The columns can't be read this way",
        {"field": "fields.2", "message": "is chosen twice", "cure": "Keep one."},
    )
    office.services.on("PUT", "debtors", f"{PATH}/mapping", why, 422)
    browser = await office.signed_in()
    answer = await browser.post(
        f"/imports/{ID}/columns", {"field.0": "name", "field.2": "name"}, page=f"/imports/{ID}"
    )
    assert answer.status_code == 422
    assert "Rit: is chosen twice Keep one." in text_of(answer)
    assert answer.text.count("selected") >= 2


async def test_the_third_step_shows_progress_and_then_moves_on_by_itself(office: World) -> None:
    office.services.on("GET", "debtors", PATH, an_import("checking", job=job("running")))
    answer = await (await office.signed_in()).get(f"/imports/{ID}")
    assert 'sse-connect="/jobs/debtors/j1/live"' in answer.text
    assert f'hx-get="/imports/{ID}" hx-trigger="sse:end"' in answer.text
    assert "2 of 4" in text_of(answer)
    assert "/columns" not in answer.text


async def test_wrong_lines_stand_with_column_value_and_cure_and_can_be_downloaded(office: World) -> None:
    counts = {"verdict": {"wrong": 1, "new": 3}, "outcome": {}, "taken_back": {}}
    office.services.on("GET", "debtors", PATH, an_import("checked", counts=counts, job=job()), ETag='"5"')
    finding = {
        "field": "email",
        "heading": "Mail",
        "value": "geen",
        "message": "is no address",
        "cure": "Write name@company.",
    }
    office.services.on("GET", "debtors", f"{PATH}/rows", page(row(3, verdict="wrong", problems=[finding])))
    browser = await office.signed_in()
    shown = await browser.get(f"/imports/{ID}")
    words = text_of(shown)
    for text in (
        "Mail",
        "geen",
        "is no address",
        "Write name@company.",
        "Import 3 lines",
        "Download 1 rejected line",
    ):
        assert text in words
    assert office.services.last("GET", f"{PATH}/rows").url.params["verdict"] == "wrong"
    assert f"/imports/{ID}/rejected.csv" in shown.text


async def test_doubles_are_decided_for_all_and_line_by_line(office: World) -> None:
    counts = {"verdict": {"duplicate": 2}, "outcome": {}, "taken_back": {}}
    office.services.on("GET", "debtors", PATH, an_import("checked", counts=counts, job=job()), ETag='"5"')
    card = {"debtor_id": "d1", "name": "Jansen", "number": "K1", "by": "email"}
    rows = page(
        row(3, verdict="duplicate", matches=[card], changes=["addresses", "emails"]),
        row(4, verdict="duplicate", matches=[{"row": 3, "by": "customer_number"}]),
    )
    office.services.on("GET", "debtors", f"{PATH}/rows", rows)
    office.services.on("PUT", "debtors", f"{PATH}/decisions", an_import("checked"))
    browser = await office.signed_in()
    shown = await browser.get(f"/imports/{ID}?show=duplicate")
    words = text_of(shown)
    assert "Jansen (K1)" in words
    assert "same e-mail address" in words
    assert "addresses, e-mail addresses" in words
    (form,) = re.findall(r"<form[^>]*/decisions[^>]*>", shown.text)
    assert "data-guard=" in form, "what was decided and not saved is asked about before the import is run"
    assert shown.text.count('value="new"') == 2  # the default, and line 3: a number can't be given twice
    answer = await browser.post(
        f"/imports/{ID}/decisions",
        {"default": "update", "decision.3": "update:d1", "decision.4": ""},
        page=f"/imports/{ID}?show=duplicate",
    )
    assert answer.status_code == 303
    assert body_of(office.services.last("PUT", f"{PATH}/decisions")) == {
        "default": "update",
        "rows": [
            {"number": 3, "decision": "update", "debtor_id": "d1"},
            {"number": 4, "decision": None, "debtor_id": None},
        ],
    }


async def test_running_and_taking_back_go_on_the_revision_that_was_seen(office: World) -> None:
    done = {"verdict": {"new": 4}, "outcome": {"created": 4}, "taken_back": {}}
    office.services.on("GET", "debtors", PATH, an_import("done", counts=done, job=job()), ETag='"7"')
    office.services.on("GET", "debtors", f"{PATH}/rows", page(row(2, outcome="created", card_id="d1")))
    office.services.on("POST", "debtors", f"{PATH}/take-back", an_import("taking_back"), status=202)
    office.services.on("POST", "debtors", f"{PATH}/run", problem(412, "It was changed meanwhile"), 412)
    browser = await office.signed_in()
    shown = await browser.get(f"/imports/{ID}")
    assert 'href="/debtors/d1"' in shown.text
    assert "data-confirm" in shown.text
    await browser.post(f"/imports/{ID}/take-back", {"_revision": "7"}, page=f"/imports/{ID}")
    assert office.services.last("POST", f"{PATH}/take-back").headers["if-match"] == '"7"'
    await browser.post(f"/imports/{ID}/run", {"_revision": "6"}, page=f"/imports/{ID}")
    assert "Somebody else changed this meanwhile" in text_of(await browser.get(f"/imports/{ID}"))


async def test_an_import_that_broke_off_says_why_and_goes_on(office: World) -> None:
    counts = {"verdict": {"new": 4}, "outcome": {"created": 1}, "taken_back": {}}
    broken = job("failed", kind="card-import-run", message="It broke off 5 times")
    office.services.on("GET", "debtors", PATH, an_import("running", counts=counts, job=broken), ETag='"7"')
    office.services.on("GET", "debtors", f"{PATH}/rows", page(row(2, outcome="created")))
    words = text_of(await (await office.signed_in()).get(f"/imports/{ID}"))
    assert "Broken off" in words
    assert "It broke off 5 times" in words
    assert "Go on with 3 lines" in words
    assert "Take the import back" in words


async def test_who_only_looks_gets_no_buttons(office: World) -> None:
    office.services.on("GET", "debtors", PATH, an_import(), ETag='"2"')
    office.services.on("GET", "debtors", "/v1/imports", page(an_import("done")))
    reader = await office.with_roles("read-only", name="kijker")
    assert '<button class="primary"' not in (await reader.get(f"/imports/{ID}")).text
    assert "You may look at imports" in text_of(await reader.get("/imports/new"))
    assert "klanten.csv" in text_of(await reader.get("/imports"))


@pytest.mark.parametrize("language", ["nl", "en"])
async def test_every_state_has_its_page_in_both_languages(office: World, language: str) -> None:
    browser = await office.signed_in(language)
    office.services.on("GET", "debtors", f"{PATH}/rows", page())
    for state in ("mapping", "checked", "running", "done", "taking_back", "taken_back"):
        office.services.on("GET", "debtors", PATH, an_import(state, job=job("cancelled")), ETag='"2"')
        assert (await browser.get(f"/imports/{ID}")).status_code == 200, state
        if state in ("running", "taking_back"):
            office.services.on("GET", "debtors", PATH, an_import(state, job=job("running")), ETag='"2"')
            assert (await browser.get(f"/imports/{ID}")).status_code == 200, state
