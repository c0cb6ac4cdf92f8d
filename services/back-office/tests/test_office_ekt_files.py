"""EKT files in words: dropped on the page or kept in the log."""

from __future__ import annotations

import pytest
from office_shapes import difference, ekt_detail, text_of


def value(code: str, text: str, **more):
    return {
        "code": code,
        "label": code,
        "element": 2,
        "component": 1,
        "text": text,
        "kind": "text",
        "reads": "",
        **more,
    }


def segment(number: int, name: str, meaning: str, *values, part="file", line=0, findings=(), **more):
    return {
        "segment": number,
        "name": name,
        "meaning": meaning,
        "title": f"title of {name}",
        "part": part,
        "message": 1 if line else 0,
        "line": line,
        "raw": f"{name}+raw'",
        "values": list(values),
        "findings": list(findings),
        **more,
    }


def finding(code: str, severity: str = "error", **more):
    return {
        "code": code,
        "severity": severity,
        "segment": 9,
        "says": f"{code} says",
        "cure": "mend <it>",
        **more,
    }


def explanation(*segments, **more):
    return {
        "acceptable": True,
        "messages": 1,
        "lines": 2,
        "goods_total": "72.00",
        "errors": 0,
        "warnings": 0,
        "message_type": "CLOCKT",
        "message_version": "003:007",
        "sender": "8714231141907",
        "receiver": "K1",
        "total": len(segments),
        "next": None,
        "segments": list(segments),
        "about_file": [],
        **more,
    }


FILE = explanation(
    segment(
        1,
        "UNB",
        "unb",
        value("sender", "871"),
        value("prepared", "260130", kind="moment", reads="2026-01-30T07:05"),
    ),
    segment(4, "DTM+97", "dtm-97", value("day", "20260130", kind="day", reads="2026-01-30")),
    segment(9, "IMD+S62", "imd-s62", value("value", "NL", kind="country"), line=1),
    segment(10, "BGM", "bgm", value("kind", "493", kind="code", reads="final"), line=1),
    segment(
        11,
        "QTY+66",
        "qty-66",
        value("value", "<b>"),
        line=2,
        findings=[finding("units", found="<b>", expected="8")],
    ),
    segment(
        12,
        "ZZZ",
        "unheard-of",
        {"text": "x", "element": 1, "component": 3},
        findings=[finding("unheard-of", "warning")],
    ),
    acceptable=False,
    errors=1,
    warnings=1,
)


async def hand_in(office, language: str = "en", query: str = "", **fields):
    browser = await office.speaking(language, "sales", "ops")
    token = await browser.csrf("/ekt-check")
    content = fields.pop("content", b"UNA:+.? 'UNB+UNOA:2\xff'")
    files = {"file": ("<x>.edi", content)} if content is not None else {"file": ("", b"")}
    return await browser.client.post(f"/ekt-check{query}", data={"_csrf": token, **fields}, files=files)


async def test_a_file_is_handed_in_as_it_is_and_told_segment_by_segment(office):
    office.services.on("POST", "ekts", "/v1/explain", FILE)
    answer = await hand_in(office)
    shown = text_of(answer)
    request = office.services.last("POST", "/v1/explain")
    assert request.content == b"UNA:+.? 'UNB+UNOA:2\xff'"
    assert dict(request.url.params) == {"from": "1", "limit": "100", "only_findings": "false"}
    for words in (
        "<x>.edi: a receiver will refuse this",
        "CLOCKT 003:007, from 8714231141907 to K1",
        "Order lines: 2. Messages: 1. Value of the goods: 72",
        "Errors: 1. Remarks: 1.",
        "Beginning of the file: who sends it to whom",
        "Fri 30 Jan 2026, 07:05",
        "Country of origin",
        "(Netherlands)",
        "final EKT",
        "Line 2",
        "The number of units is no whole number above 0",
        "Write in QTY+66 how many units were sold",
        "It says: <code><b></code> Expected: <code>8</code>",
        "element 1.3:",
    ):
        assert words in shown, words
    # Codes that the catalogue does not know are told in the service's own words.
    assert "title of ZZZ" in shown
    assert "unheard-of says" in shown
    assert "mend &lt;it&gt;" in answer.text
    assert "<b>" not in answer.text
    dutch = text_of(await hand_in(office, "nl"))
    for words in (
        "Land van herkomst",
        "(Nederland)",
        "definitieve EKT",
        "Het aantal verpakkingen is geen geheel getal",
    ):
        assert words in dutch, words


async def test_a_large_file_is_paged_and_handed_in_again_for_the_next_page(office):
    office.services.on(
        "POST", "ekts", "/v1/explain", explanation(segment(101, "UNT", "unt"), total=350, next=201)
    )
    answer = await hand_in(office, **{"from": "101", "shown": "findings"})
    asked = office.services.last("POST", "/v1/explain").url.params
    assert (asked["from"], asked["only_findings"]) == ("101", "true")
    shown = text_of(answer)
    assert "Segments 101 to 101 of 350" in shown
    assert 'form="check-form" name="from" value="201">Further segments' in shown
    assert 'form="check-form" name="from" value="1">Earlier segments' in shown
    part = await hand_in(office, query="?part=explained")
    assert "<html" not in part.text
    assert part.text.strip().startswith('<div id="explained"')


@pytest.mark.parametrize(
    ("content", "words", "status"),
    [
        (None, "No file was chosen", 422),
        (b"", "No file was chosen", 422),
        (b"x" * 5_300_000, "larger than 5 MB", 413),
    ],
)
async def test_without_a_file_or_with_one_too_large_the_page_says_what_to_do(office, content, words, status):
    answer = await hand_in(office, content=content)
    assert answer.status_code == status
    assert words in text_of(answer)
    # Where scripts run, only a good answer is shown in the page.
    part = await hand_in(office, query="?part=explained", content=content)
    assert part.status_code == 200
    assert words in text_of(part)
    assert office.services.count("POST", "/v1/explain") == 0


async def test_a_service_that_is_away_is_told_beside_the_form(office):
    office.services.away("POST", "ekts", "/v1/explain")
    answer = await hand_in(office)
    assert answer.status_code == 502
    assert "does not answer" in text_of(answer)
    assert 'id="f-file"' in answer.text


async def test_EF_47_a_kept_file_is_told_on_a_page_of_its_own(office):
    office.services.on("GET", "ekts", "/v1/ekts/e1", ekt_detail(id="e1", debtor_name="Jansen"))
    office.services.on("GET", "ekts", "/v1/ekts/e1/difference", difference(previous_id=None))
    office.services.on(
        "GET", "ekts", "/v1/ekts/e1/explain", explanation(*FILE["segments"], total=300, next=201)
    )
    shown = text_of(await (await office.signed_in()).get("/ekts/e1/explain?number=1&from=101&shown=findings"))
    asked = dict(office.services.last("GET", "/v1/ekts/e1/explain").url.params)
    assert asked == {"from": "101", "limit": "100", "only_findings": "true", "number": "1"}
    assert "EKT-1.edi explained" in shown
    assert "for Jansen" in shown
    assert 'href="/ekts/e1/explain?number=1&shown=findings&from=201"' in shown
    assert 'href="/ekts/e1/explain?number=1&shown=all"' in shown
    assert 'href="/ekts/e1"' in shown
    # Numbers that are none are taken for the first.
    await (await office.signed_in()).get("/ekts/e1/explain?number=-1&from=x")
    asked = office.services.last("GET", "/v1/ekts/e1/explain").url.params
    assert (asked["number"], asked["from"]) == ("1", "1")
