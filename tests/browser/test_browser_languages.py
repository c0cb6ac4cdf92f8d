"""What the services say is read in the language of the reader, on every kind of page that shows it."""

from __future__ import annotations

import csv
import html
import io
import re

import pytest
from klokwerk.testing import eventually
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
CARD = {"use_ekts": True, "accepts_ekts": True, "transfer": "sftp"}
LIST = "Naam;Land;BTW-nummer\r\nTaalproef Twee;NL;NL123\r\n=1+1;NL;NL123\r\n"
SALES = "Debiteurnummer;Artikel;Eenheden\r\n70000001;ROSE;tien\r\n"


async def told(page: Page, path: str, language: str) -> str:
    """The text of a page, which says itself that it is in that language."""
    answer = await page.request.get(path, headers={"Accept-Language": language})
    text = await answer.text()
    assert answer.ok, f"{path}: {answer.status}"
    assert f'<html lang="{language}"' in text
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))


async def saved(page: Page, path: str, language: str) -> list[list[str]]:
    """A CSV file of the pages, row by row."""
    answer = await page.request.get(path, headers={"Accept-Language": language})
    delimiter = ";" if language == "nl" else ","
    assert answer.ok, f"{path}: {answer.status}"
    text = (await answer.body()).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


async def checked_import(office, content: str = LIST) -> str:
    """A list with a VAT number that can't be right, checked line by line."""
    url = f"{office.urls['debtor-service']}/v1/imports"
    params = {"file_name": "taal.csv", "kind": "debtor"}
    answer = await office.client.post(url, params=params, content=content.encode())
    assert answer.is_success, answer.text
    path = f"/imports/{answer.json()['id']}"
    fields = [column["field"] for column in answer.json()["columns"]]
    assert fields[:3] == ["name", "country", "vat_number"]
    body = {"fields": fields, "constants": {}, "empty_cells": "keep"}
    revision = await office.revision("debtor-service", path)
    await office.call("PUT", "debtor-service", f"{path}/mapping", body, **{"If-Match": revision})

    async def checked() -> bool:
        return (await office.call("GET", "debtor-service", path))["state"] == "checked"

    await eventually(checked, within=60)
    return path


async def test_sentences_of_the_services_are_dutch_for_a_dutch_reader_and_english_for_an_english_one(
    sign_in, system
):
    office, day = system.office, await system.office.today()
    debtor = await office.add_debtor("Taalproef", ekt=CARD)
    contact = {"contact_id": "c1", "name": "An de Wit"}
    revision = await office.revision("debtor-service", f"/debtors/{debtor}")
    path = f"/debtors/{debtor}/contacts"
    await office.call("POST", "debtor-service", path, contact, **{"If-Match": revision})
    await office.sell_when_known(debtor, day)
    await office.add_debtor("Nummerloos")

    async def failed() -> bool:
        ekts = (await office.call("GET", "ekt-service", f"/ekts?debtor_id={debtor}"))["items"]
        return bool(ekts) and ekts[0]["state"] == "failed"

    await eventually(failed, within=60)
    connection = f"/debtors/{debtor}/connection"
    address = {"way": "sftp", "host": "127.0.0.1", "port": 9, "user": "bloem"}
    body = {"address": address, "secrets": {"password": "at dawn"}}
    await office.call("PUT", "ekt-service", connection, body, **{"If-Match": '"0"'})
    await office.call("POST", "ekt-service", f"{connection}/test", {})
    listed = await checked_import(office)

    async def fetched() -> bool:
        await office.call("POST", "accounting-sync", "/main/debtors/fetch")
        return bool(
            (await office.call("GET", "accounting-sync", "/main/debtors/lines?q=Nummerloos"))["items"]
        )

    await eventually(fetched, within=60)

    card = f"/debtors/{debtor}"
    shown = (
        ("/accounting/main/debtors?q=Nummerloos", "geen debiteurnummer", "no debtor number"),
        (
            f"/deliveries?q={debtor}",
            "maar er is geen verbinding met de eigen server",
            "no connection to its server",
        ),
        (
            f"{card}/configuration",
            "De SFTP-server van de klant is niet te bereiken",
            "server can't be reached",
        ),
        (f"{card}/timeline", "Contactpersoon toegevoegd", "Contact person added"),
        (listed, "Vergelijk het met de papieren van de klant", "Compare it with the customer's papers"),
    )
    dutch, english = await sign_in(language="nl-NL"), await sign_in(language="en-GB")
    for path, in_dutch, in_english in shown:
        text, other = await told(dutch, path, "nl"), await told(english, path, "en")
        assert in_dutch in text, f"{path}: {text}"
        assert in_english not in text, path
        assert in_english in other, f"{path}: {other}"
        assert in_dutch not in other, path

    headings, first, second = await saved(dutch, f"{listed}/rejected.csv", "nl")
    assert (headings, first[:3]) == (
        ["Naam", "Land", "BTW-nummer", "Reden"],
        ["Taalproef Twee", "NL", "NL123"],
    )
    assert second[0] == "'=1+1"
    assert "BTW-nummer: 'NL123' klopt niet: het is geen btw-nummer van NL" in first[3]
    assert "Vergelijk het met de papieren van de klant" in first[3]
    in_words = await saved(english, f"{listed}/rejected.csv", "en")
    assert in_words[0][3] == "Reason"
    assert "Compare it with the customer's papers" in in_words[1][3]
    # Mended, it is read again: the reasons are no column of it, and the name is what it was.
    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerows(
        [headings, *([*row[:2], "", row[3]] for row in (first, second))]
    )
    again = await office.call("GET", "debtor-service", await checked_import(office, out.getvalue()))
    assert [column["field"] for column in again["columns"]] == ["name", "country", "vat_number", ""]
    assert again["counts"]["verdict"] == {"new": 2}

    day_file = {"file_name": "dag.csv", "dry_run": "true"}
    answer = await office.client.post(
        f"{office.urls['sales-service']}/v1/days/{day}/imports", params=day_file, content=SALES.encode()
    )
    job = answer.json()["id"]

    async def tried() -> bool:
        return (await office.call("GET", "sales-service", f"/jobs/{job}"))["state"] == "done"

    await eventually(tried, within=60)
    messages = f"/jobs/sales/{job}/files/messages"
    assert await saved(dutch, messages, "nl") == [
        ["Soort", "Regel", "Kolom", "Waarde", "Melding", "Wat te doen"],
        ["Fout", "2", "Eenheden", "tien", "'tien' is geen getal", "schrijf een heel getal zoals 10"],
        [
            "Fout",
            "2",
            "Debiteurnummer",
            "70000001",
            "geen debiteur heeft nummer 70000001",
            "corrigeer het nummer, of maak de kaart bij Klanten",
        ],
    ]
    assert (await saved(english, messages, "en"))[1][4] == "'tien' is no number"
    headings, *ekts = await saved(dutch, f"/deliveries/ekts.csv?q={debtor}", "nl")
    ekt = dict(zip(headings, ekts[0], strict=True))
    assert (ekt["Status"], ekt["Soort"]) == ("Mislukt", "Eerste")
    assert "maar er is geen verbinding met de eigen server" in ekt["Melding"]

    await dutch.goto(f"{card}/edit")
    field = dutch.get_by_label("Btw-nummer", exact=True)
    await field.fill("NL123")
    await dutch.get_by_role("button", name="Opslaan", exact=True).last.click()
    await expect(dutch.locator("#f-vat_number-error")).to_contain_text(
        "klopt niet: het is geen btw-nummer van NL"
    )
    await expect(dutch.locator("html")).to_have_attribute("lang", "nl")
