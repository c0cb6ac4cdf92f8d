"""EKT settings: mails shown before they are saved, faults in the reader's words, supplied texts."""

from __future__ import annotations

import pytest
from office_shapes import body_of, form_of, problem, text_of
from test_office_settings_pages import EKT

FAULT = {
    "field": "templates.en.text",
    "code": "unknown_field",
    "line": 3,
    "word": "order_dya",
    "instead": "order_day",
}


def preview(*mails, **more):
    return {
        "ekt_id": None,
        "debtor_name": "Bloemen & Co",
        "order_day": "2026-01-30",
        "lines": 12,
        "mails": list(mails),
        **more,
    }


def mail(language: str = "en", **more):
    return {
        "language": language,
        "sender": "Flower trade <ekt@trade.example>",
        "subject": "EKT 30-01-2026",
        "text": "Dear <Bloemen>",
        "file_name": "EKT260130-1001.edi",
        "faults": [],
        **more,
    }


async def test_EF_68_mails_are_shown_as_they_would_go_out_and_nothing_is_saved(office):
    office.services.on("GET", "ekts", "/v1/settings", EKT, ETag='"2"')
    office.services.on("POST", "ekts", "/v1/settings/preview", preview(mail()))
    browser = await office.signed_in()
    values = form_of(await browser.get("/settings/ekt"))
    typed = {
        **values,
        "templates.en.text": "Hi {{ debtor_name }}",
        "templates.en.file_name": "en{yymmdd}.edi",
    }
    answer = await browser.client.post("/settings/ekt/preview", data=typed)
    asked = body_of(office.services.last("POST", "/v1/settings/preview"))
    assert asked["sale"] == "sample"
    assert asked["settings"]["templates"]["en"] == {
        "subject": "EKT {{ order_day }}",
        "text": "Hi {{ debtor_name }}",
        "file_name": "en{yymmdd}.edi",
    }
    shown = text_of(answer)
    for words in (
        "Flower trade <ekt@trade.example>",
        "EKT 30-01-2026",
        "EKT260130-1001.edi",
        "Filled in with an example",
    ):
        assert words in shown, words
    assert "Dear &lt;Bloemen&gt;" in answer.text
    assert "Hi {{ debtor_name }}</textarea>" in shown
    assert "data-dirty" in answer.text
    assert office.services.count("PUT", "/v1/settings") == 0


async def test_the_last_sale_can_fill_them_too(office):
    office.services.on("GET", "ekts", "/v1/settings", EKT, ETag='"2"')
    office.services.on(
        "POST", "ekts", "/v1/settings/preview", preview(mail(), ekt_id="e1", debtor_name="Jansen")
    )
    browser = await office.signed_in()
    values = form_of(await browser.get("/settings/ekt"))
    shown = text_of(await browser.client.post("/settings/ekt/preview?sale=last", data=values))
    assert body_of(office.services.last("POST", "/v1/settings/preview"))["sale"] == "last"
    assert "Filled in with the last EKT: Jansen, 30 Jan 2026" in shown


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Line 3: order_dya is no field. Did you mean order_day?"),
        ("nl", "Regel 3: order_dya is geen veld. Bedoelde u order_day?"),
    ],
)
@pytest.mark.parametrize("saving", [True, False])
async def test_EF_68_a_broken_template_is_marked_beside_its_field_in_the_readers_words(
    office, language, words, saving
):
    office.services.on("GET", "ekts", "/v1/settings", EKT, ETag='"2"')
    office.services.on(
        "POST", "ekts", "/v1/settings/preview", preview(mail(subject="", text="", faults=[FAULT]))
    )
    error = {
        "field": "templates.en.text",
        "message": "Line 3: {{ order_dya }} is no field.",
        "cure": "Write it.",
    }
    office.services.on(
        "PUT", "ekts", "/v1/settings", problem(422, "A mail template can't be used", error), 422
    )
    browser = await office.speaking(language, "sales", "ops")
    values = form_of(await browser.get("/settings/ekt"))
    path = "/settings/ekt" if saving else "/settings/ekt/preview"
    answer = await browser.client.post(path, data={**values, "templates.en.text": "Hi {{ order_dya }}"})
    assert answer.status_code == (422 if saving else 200)
    assert f'id="f-templates-en-text-error">{words}<' in text_of(answer)
    assert "Hi {{ order_dya }}</textarea>" in text_of(answer)


async def test_a_fault_in_a_further_language_stands_where_it_was_typed(office):
    office.services.on("GET", "ekts", "/v1/settings", EKT, ETag='"2"')
    fault = FAULT | {"field": "templates.sv.subject", "code": "empty"}
    office.services.on("POST", "ekts", "/v1/settings/preview", preview(mail("sv", faults=[fault])))
    browser = await office.signed_in()
    values = form_of(await browser.get("/settings/ekt"))
    typed = {**values, "templates.new.language": "sv", "templates.new.text": "Hej"}
    shown = text_of(await browser.client.post("/settings/ekt/preview", data=typed))
    assert 'id="f-templates-new-subject-error">There is nothing in it when it is filled in.' in shown


async def test_what_is_no_language_stands_beside_the_language(office):
    office.services.on("GET", "ekts", "/v1/settings", EKT, ETag='"2"')
    says = "'deutsch' is no language: write two letters such as nl"
    error = {
        "field": "templates",
        "message": f"Value error, {says}",
        "cure": "see /docs",
        "code": "value_error",
    }
    office.services.on("PUT", "ekts", "/v1/settings", problem(422, "Not valid", error), 422)
    browser = await office.signed_in()
    values = form_of(await browser.get("/settings/ekt"))
    typed = {**values, "templates.new.language": "deutsch", "templates.new.text": "x"}
    shown = text_of(await browser.client.post("/settings/ekt", data=typed))
    assert f'id="f-templates-new-language-error">{says}<' in shown
    assert "/docs" not in shown


async def test_a_supplied_text_is_filled_in_for_a_language_that_has_none(office):
    office.services.on("GET", "ekts", "/v1/settings", EKT, ETag='"2"')
    supplied = {
        "fr": {"subject": "EKT {{ order_day }}", "text": "Bonjour {{ debtor_name }}", "file_name": ""}
    }
    office.services.on("GET", "ekts", "/v1/settings/supplied-templates", supplied)
    browser = await office.signed_in()
    shown = text_of(await browser.get("/settings/ekt"))
    for code in ("nl", "fr", "sv", "de"):
        assert f'href="/settings/ekt?add={code}#f-templates-new-subject"' in shown
    assert "?add=en" not in shown
    filled = await browser.get("/settings/ekt?add=fr")
    assert "Bonjour {{ debtor_name }}</textarea>" in text_of(filled)
    assert form_of(filled)["templates.new.language"] == "fr"
    assert "data-dirty" in filled.text
    assert "Bonjour" not in (await browser.get("/settings/ekt?add=en")).text
