"""Files that services make, as a person downloads them: headings, states and reasons in the reader's language."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from back_office.clients.transport import Caller, ServiceAway, ServiceName
from back_office.texts.catalogue import LANGUAGES, Translator, catalogue
from back_office.web.pages.translated import Telling, records, translated
from back_office_world import World
from ekt_service.api import log
from klokwerk.tables import read_table
from office_shapes import page
from sales_service.api import invoice_list
from sales_service.entry.import_job import Message

ID = "0199a000-0000-7000-8000-000000000001"
IMPORT = f"/v1/imports/{ID}"
LOG = [column.heading for column in log._EXPORT]


def file_of(*rows: Sequence[Any], delimiter: str = ",") -> bytes:
    """A CSV file as the services write it."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def rows_of(content: bytes, delimiter: str = ";") -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=delimiter))


async def in_chunks(content: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def answers(office: World, host: str, path: str, content: bytes) -> None:
    headers = {"content-type": "text/csv", "content-disposition": 'attachment; filename="service.csv"'}
    office.services.answers[("GET", f"{host}.test{path}")] = httpx.Response(
        200, content=content, headers=headers
    )


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
async def test_records_come_out_of_pieces_of_any_size(size: int) -> None:
    written = [
        ["a", 'say "no"', "one\r\ntwo"],
        ["é€", "", '"'],
        ["\r\n", 'x"\r\n"y', ";"],
        ["", "", "\n"],
    ] * 3
    found = [row async for row in records(in_chunks(file_of(*written, delimiter=";"), size), ";")]
    assert found == written
    assert [row async for row in records(in_chunks(b"", size), ";")] == []
    assert [row async for row in records(in_chunks(b"a,b\r\nlast", size), ",")] == [["a", "b"], ["last"]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_heading_of_a_service_has_words(language: str) -> None:
    texts = catalogue(language)
    assert [name for name in LOG if f"file.ekt_log.{name}" not in texts] == []
    names = [column.heading.lower().replace(" ", "_") for column in invoice_list._EXPORT]
    assert [name for name in names if f"file.invoices.{name}" not in texts] == []
    assert [name for name in Message.__slots__ if f"file.messages.{name}" not in texts] == []


async def test_the_messages_of_an_import_are_saved_in_the_language_of_the_reader(office: World) -> None:
    office.services.on(
        "GET", "sales", "/v1/jobs/j1", {"id": "j1", "kind": "sales-import", "title": "dag <1>.csv"}
    )
    said = (
        ("error", 5, "Eenheden", "'=ten", "'=ten' is no number", "write a whole number such as 10"),
        ("error", 6, "units", "x", "550 No such user", ""),
        ("note", 7, "", "", "No such thing; \"quoted\"\r\nand broken", ""),
    )  # fmt: skip
    answers(office, "sales", "/v1/jobs/j1/files/messages", file_of(Message.__slots__, *said, delimiter=";"))
    dutch = await (await office.speaking("nl")).get("/jobs/sales/j1/files/messages")
    assert dutch.headers["content-disposition"] == 'attachment; filename="meldingen-dag__1_.csv"'
    assert dutch.content.startswith(b"\xef\xbb\xbf")
    assert rows_of(dutch.content) == [
        ["Soort", "Regel", "Kolom", "Waarde", "Melding", "Wat te doen"],
        ["Fout", "5", "Eenheden", "'=ten", "'=ten' is geen getal", "schrijf een heel getal zoals 10"],
        ["Fout", "6", "Eenheden", "x", "550 No such user", ""],
        ["Ter info", "7", "", "", 'No such thing; "quoted"\r\nand broken', ""],
    ]
    english = await (await office.speaking("en")).get("/jobs/sales/j1/files/messages")
    assert rows_of(english.content, ",")[:2] == [
        ["Kind", "Row", "Column", "Value", "Message", "What to do"],
        ["Error", "5", "Eenheden", "'=ten", "'=ten' is no number", "write a whole number such as 10"],
    ]


def in_log(**cells: str) -> list[str]:
    return [cells.get(name, "") for name in LOG]


async def test_the_filtered_log_is_saved_in_the_readers_language(office: World) -> None:
    content = file_of(
        LOG,
        in_log(
            made_at="2026-11-02T09:01:00+00:00", debtor_name="'=Jansen", trigger="resend", reason="lost",
            state="failed", method="email", lines="12", note="failed",
            message="Jansen B.V. has no e-mail address: fill one in, or choose another sending method.",
        ),
        in_log(trigger="first", reason="unsaid", state="novel", confirmed_by="customer"),
    )  # fmt: skip
    answers(office, "ekts", "/v1/ekts.csv", content)
    browser = await office.speaking("nl", "sales", "ops")
    saved = await browser.get("/deliveries/ekts.csv?state=failed&days=today")
    assert saved.headers["content-disposition"] == 'attachment; filename="ekt-log.csv"'
    headings, first, second = rows_of(saved.content)
    assert headings[:6] == ["Gemaakt op", "Orderdag", "Klant-id", "Debiteurnummer", "Klant", "Soort"]
    told = dict(zip(LOG, first, strict=True))
    assert told == dict(zip(LOG, in_log(), strict=True)) | {
        "made_at": "2026-11-02T09:01:00+00:00", "debtor_name": "'=Jansen", "trigger": "Opnieuw",
        "reason": "Zoekgeraakt in de e-mail", "state": "Mislukt", "method": "E-mail", "lines": "12", "note": "failed",
        "message": "Jansen B.V. heeft geen e-mailadres: vul er een in, of kies een andere verzendwijze.",
    }  # fmt: skip
    told = dict(zip(LOG, second, strict=True))
    assert (told["state"], told["confirmed_by"]) == ("novel", "de klant, via de link")
    asked = office.services.last("GET", "/v1/ekts.csv").url.params
    assert (asked["state"], asked["language"]) == ("failed", "en")
    assert asked["from_day"] == office.app.state.office.clock.today().isoformat()

    saved = await browser.get("/deliveries/ekts.xlsx")
    workbook = read_table(saved.content)
    assert list(workbook.columns) == headings
    told = dict(zip(LOG, workbook.rows[0].cells, strict=True))
    assert (told["lines"], told["state"], told["debtor_name"]) == ("12", "Mislukt", "'=Jansen")
    assert (await browser.get("/deliveries/ekts.pdf")).status_code == 404


async def test_LS_15_the_list_of_invoices_is_saved_in_the_readers_language(office: World) -> None:
    headings = [column.heading for column in invoice_list._EXPORT]

    def line(**cells: str) -> list[str]:
        return [cells.get(name.lower().replace(" ", "_"), "") for name in headings]

    first = line(
        number="F1", kind="credit_note", state="final", customer="'=Jansen", gross="-1234.50",
        payment_status="not_paid",
        source="rebilled", dispatch="failed", channel="print", issue_date="2026-11-02",
    )  # fmt: skip
    answers(
        office, "sales", "/v1/invoices.csv", file_of(headings, first, line(state="novel", dispatch="new"))
    )
    browser = await office.speaking("nl")
    saved = await browser.get("/invoices.csv?q=jansen")
    assert saved.headers["content-disposition"] == 'attachment; filename="facturen.csv"'
    named, told, strange = rows_of(saved.content)
    assert named[:3] == ["Nummer", "Soort", "Status"]
    assert [cell for cell in told if cell] == [
        "F1", "Creditnota", "Definitief", "'=Jansen", "2026-11-02", "-1234,50", "Niet betaald",
        "Doorbelast van een inkoopfactuur", "Mislukt", "Printdienst",
    ]  # fmt: skip
    assert [cell for cell in strange if cell] == ["novel", "new"]
    asked = office.services.last("GET", "/v1/invoices.csv").url.params
    assert (asked["q"], asked["language"]) == ("jansen", "en")


async def test_a_file_that_its_service_refuses_is_told_on_a_page(office: World) -> None:
    office.services.away("GET", "ekts", "/v1/ekts.csv")
    answer = await (await office.speaking("nl")).get("/deliveries/ekts.csv")
    assert answer.status_code >= 500
    assert "text/html" in answer.headers["content-type"]


class BreaksOff(httpx.AsyncByteStream):
    """The beginning of a file, then nothing more."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield file_of(LOG, in_log(state="sent"))
        raise httpx.ReadError("connection reset")


async def test_a_file_that_breaks_off_at_its_service_breaks_off_here_and_is_not_taken_for_whole() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=BreaksOff()))
    async with httpx.AsyncClient(transport=transport, base_url="http://ekts.test") as http:
        source = Caller(http, ServiceName.EKTS, token="", correlation="c1").download("/v1/ekts.csv")
        visit: Any = SimpleNamespace(t=Translator("nl"), language="nl")
        answer: Any = await translated(source, Telling("file.ekt_log"), visit, file_name="x.csv")
        with pytest.raises(ServiceAway, match="connection reset"):
            [part async for part in answer.body_iterator]


def rejected_row(number: int, *reasons: dict[str, str], name: str = "Jansen") -> dict[str, Any]:
    return {"number": number, "cells": [name, "'=1+1"], "reasons": list(reasons)}


async def test_rejected_lines_are_saved_as_they_were_with_each_reason_in_the_readers_language(
    office: World,
) -> None:
    columns = [{"heading": "Naam"}, {"heading": "=Land"}]
    found = {"id": ID, "file_name": "klanten (ü).xlsx", "columns": columns, "state": "checked", "fields": []}
    office.services.on("GET", "debtors", IMPORT, found)
    mail = {"field": "email", "heading": "Mail", "message": "is no address", "cure": "Write name@company."}
    number = {
        "field": "vat_number",
        "message": "'NL1' is not right: it is no VAT number of NL: the number has an invalid length",
        "cure": "Compare it with the customer's papers, or leave it empty.",
    }
    failed = {"field": "", "message": "card d1 is merged into d2"}
    pages = {
        "": page(rejected_row(3, mail, number), after="c3"),
        "c3": page(rejected_row(9, failed, name="'s-Gravenzande; Bloem")),
    }
    office.services.answers[("GET", f"debtors.test{IMPORT}/rejected")] = lambda request: httpx.Response(
        200, json=pages[request.url.params.get("cursor", "")]
    )
    browser = await office.speaking("nl")
    file = await browser.get(f"/imports/{ID}/rejected.csv")
    assert file.headers["content-disposition"] == 'attachment; filename="klanten____-afgekeurd.csv"'
    assert rows_of(file.content) == [
        ["Naam", "'=Land", "Reden"],
        [
            "Jansen",
            "'=1+1",
            "Mail: is no address. Write name@company. Btw-nummer: 'NL1' klopt niet: het is geen btw-nummer van NL: het "
            "nummer heeft niet de juiste lengte. "
            "Vergelijk het met de papieren van de klant, of laat het leeg.",
        ],
        ["'s-Gravenzande; Bloem", "'=1+1", "kaart d1 is samengevoegd met d2."],
    ]
    assert office.services.count("GET", f"{IMPORT}/rejected") == 2
    english = await (await office.speaking("en")).get(f"/imports/{ID}/rejected.csv")
    assert rows_of(english.content, ",")[0] == ["Naam", "'=Land", "Reason"]
    assert (await browser.get("/imports/none/rejected.csv")).status_code == 404
