"""Attachments: kept once by hash, known by their bytes, looked at for viruses, never run by a browser."""

from __future__ import annotations

import asyncio
import hashlib
import io
import zipfile
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
from clamd_server import MARK, SIGNATURE, ClamdServer, Mood, clamd_server
from debtor_service.domain.attachments import UnwantedFile, media_type_of, safe_name
from debtor_world import World, fresh, start_world
from hypothesis import given
from hypothesis import strategies as st
from klokwerk.kafka import KafkaAddress
from klokwerk.testing import fresh_database, own_prefix, topics, topics_of
from klokwerk_contracts import DebtorChanged, InvoiceCreated, SaleCompleted
from klokwerk_contracts.debtor_changed import DocumentKind

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


def pdf(words: str = "") -> bytes:
    return b"%PDF-1.7\n% " + (words or fresh()).encode() + b"\n%%EOF\n"


def zipped(**entries: bytes) -> bytes:
    """A zip file; names are given with __ for a slash and _ for a dot before the ending."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in entries.items():
            archive.writestr(NAMES.get(name, name), content)
    return made.getvalue()


NAMES = {
    "types": "[Content_Types].xml",
    "document": "word/document.xml",
    "sheet": "xl/workbook.xml",
    "macros": "word/vbaProject.bin",
    "program": "setup.exe",
}
DOCX = zipped(types=b"<Types/>", document=b"<w:document/>")
XLSX = zipped(types=b"<Types/>", sheet=b"<workbook/>")


async def listed(world: World, debtor_id: str) -> list[dict[str, Any]]:
    answer = await world.client.get(
        f"/v1/debtors/{debtor_id}/attachments", headers=world.headers("read-only")
    )
    return answer.json()["items"]


async def bytes_kept(world: World) -> int:
    connection = await asyncpg.connect(world.database_url)
    try:
        return int(await connection.fetchval("select coalesce(sum(length(bytes)), 0) from blob_piece"))
    finally:
        await connection.close()


def download(world: World, attachment: dict[str, Any]) -> Any:
    return world.client.get(attachment["link"], headers=world.headers("read-only"))


async def test_FA_63_a_file_is_attached_told_found_and_downloaded_as_it_was(world: World) -> None:
    made = await world.make(debtor_id=fresh())
    content = pdf()
    answer = await world.attach(
        made["debtor_id"], content, "Contract 2026 (getekend).pdf", "invoice", "quote"
    )
    assert answer.status_code == 201, answer.text
    attachment = answer.json()
    assert attachment | {"uploaded_at": ""} == {
        "attachment_id": attachment["attachment_id"],
        "debtor_id": made["debtor_id"],
        "name": "Contract 2026 (getekend).pdf",
        "media_type": "application/pdf",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "documents": ["invoice", "quote"],
        "link": f"/v1/attachments/{attachment['attachment_id']}",
        "scan": "not_scanned",
        "revision": 1,
        "uploaded_at": "",
        "uploaded_by": "Anna",
    }
    assert await listed(world, made["debtor_id"]) == [attachment]
    _, event = await world.told(made["debtor_id"], at_least=2)
    (told,) = event.attachments
    assert (told.name, told.documents) == (attachment["name"], (DocumentKind.INVOICE, DocumentKind.QUOTE))
    assert (await world.card(made["debtor_id"]))["attachments"][0]["name"] == attachment["name"]

    file = await download(world, attachment)
    assert file.content == content
    assert file.headers["content-type"] == "application/pdf"
    assert file.headers["content-disposition"].startswith(
        'attachment; filename="Contract 2026 (getekend).pdf"'
    )
    assert file.headers["x-content-type-options"] == "nosniff"
    assert (await world.client.get(attachment["link"])).status_code == 401
    history = await world.client.get(f"/v1/debtors/{made['debtor_id']}/history", headers=world.headers())
    assert history.json()["items"][0]["action"] == "attachment added"


async def test_a_large_file_comes_back_byte_for_byte_and_is_stored_once_for_all_cards(
    own_world: World,
) -> None:
    world = own_world
    content = b"%PDF-1.7\n" + bytes(i * i % 251 for i in range(600_000))
    cards = [await world.make(debtor_id=fresh()) for _ in range(3)]
    answers = await asyncio.gather(*(world.attach(c["debtor_id"], content) for c in cards))
    assert {a.status_code for a in answers} == {201}
    assert await bytes_kept(world) == len(content)
    assert (await download(world, answers[0].json())).content == content

    async def remove(attachment: dict[str, Any]) -> httpx.Response:
        return await world.client.delete(attachment["link"], headers=world.headers(revision=1))

    assert (await remove(answers[0].json())).status_code == 204
    assert await bytes_kept(world) == len(content), "two cards have it still"
    assert [r.status_code for r in [await remove(a.json()) for a in answers[1:]]] == [204, 204]
    assert await bytes_kept(world) == 0
    gone = await download(world, answers[0].json())
    assert gone.status_code == 404
    connection = await asyncpg.connect(world.database_url)
    row = await connection.fetchrow("select removed_by, removed_at from attachment limit 1")
    await connection.close()
    assert row["removed_by"] == "Anna", "that it was there is kept"
    _, _, event = await world.told(cards[0]["debtor_id"], at_least=3)
    assert event.attachments == ()
    again = await world.attach(cards[0]["debtor_id"], content)
    assert (await download(world, again.json())).content == content


async def test_D_19_the_flags_say_with_which_documents_a_file_goes_along(world: World) -> None:
    made = await world.make(debtor_id=fresh())
    attachment = (await world.attach(made["debtor_id"], pdf())).json()
    assert attachment["documents"] == []

    async def patch(revision: int, *roles: str, **body: Any) -> httpx.Response:
        return await world.client.patch(
            attachment["link"], json=body, headers=world.headers(*roles, revision=revision)
        )

    changed = await patch(1, documents=["delivery_note", "invoice"])
    assert changed.json()["documents"] == ["invoice", "delivery_note"]
    assert (await patch(1, documents=[])).status_code == 412
    assert (await patch(2, documents=["poem"])).status_code == 422
    assert (await patch(2, "read-only", documents=[])).status_code == 403
    renamed = await patch(2, name="../Voorwaarden.exe")
    assert (renamed.json()["name"], renamed.json()["documents"]) == (
        "Voorwaarden.exe.pdf",
        ["invoice", "delivery_note"],
    )
    events = await world.told(made["debtor_id"], at_least=4)
    assert [[d.value for d in e.attachments[0].documents] for e in events[1:]] == [
        [],
        ["invoice", "delivery_note"],
        ["invoice", "delivery_note"],
    ]


async def test_FA_65_the_company_has_attachments_of_its_own(world: World) -> None:
    async def upload(*roles: str, content: bytes = b"") -> httpx.Response:
        return await world.client.post(
            "/v1/company-attachments",
            params={"name": "Algemene voorwaarden.pdf", "documents": ["invoice"]},
            content=content or pdf(),
            headers=world.headers(*roles),
        )

    assert (await upload("sales")).status_code == 403
    made = (await upload("ops")).json()
    assert made["debtor_id"] is None
    for document, expected in (("invoice", True), ("quote", False)):
        found = await world.client.get(
            "/v1/company-attachments", params={"document": document}, headers=world.headers("read-only")
        )
        assert (made["attachment_id"] in [a["attachment_id"] for a in found.json()["items"]]) is expected
    assert (await download(world, made)).status_code == 200
    for roles, status in ((("sales",), 403), (("finance",), 204)):
        gone = await world.client.delete(made["link"], headers=world.headers(*roles, revision=1))
        assert gone.status_code == status


async def test_FA_62_attachments_of_a_merged_card_stay_on_the_tombstone_and_move_nowhere(
    world: World,
) -> None:
    removed, target = await world.make(debtor_id=fresh()), await world.make(debtor_id=fresh())
    attachment = (await world.attach(removed["debtor_id"], pdf(), "bestek.pdf")).json()
    preview = await world.client.get(
        f"/v1/debtors/{removed['debtor_id']}/merge-preview",
        params={"into": target["debtor_id"], "fill_empty": True},
        headers=world.headers(),
    )
    assert preview.json()["lost"]["attachments"] == ["bestek.pdf"]
    body = {"into": target["debtor_id"], "into_revision": 1, "confirm": True, "fill_empty": True}
    merged = await world.client.post(
        f"/v1/debtors/{removed['debtor_id']}/merge", json=body, headers=world.headers(revision=2)
    )
    assert merged.status_code == 200, merged.text
    assert merged.json()["target"]["attachments"] == []
    assert [a["name"] for a in await listed(world, removed["debtor_id"])] == ["bestek.pdf"]
    assert (await download(world, attachment)).status_code == 200
    late = await world.attach(removed["debtor_id"], pdf())
    assert (late.status_code, late.json()["errors"][0]["link"]) == (409, f"/v1/debtors/{target['debtor_id']}")
    assert (
        await world.client.delete(attachment["link"], headers=world.headers(revision=1))
    ).status_code == 409


async def test_the_same_file_twice_on_a_card_and_the_same_request_twice(world: World) -> None:
    made = await world.make(debtor_id=fresh())
    content, key = pdf(), {"Idempotency-Key": fresh()}
    answers = await asyncio.gather(
        *(world.attach(made["debtor_id"], content, "x.pdf", **key) for _ in range(4))
    )
    assert {a.status_code for a in answers} == {201}
    assert len({a.json()["attachment_id"] for a in answers}) == 1
    double = await world.attach(made["debtor_id"], content, "anders.pdf")
    assert (double.status_code, "as x.pdf" in double.json()["detail"]) == (409, True)
    same_name = await world.attach(made["debtor_id"], pdf(), "x.pdf")
    assert same_name.json()["name"] == "x (2).pdf"
    assert (await world.attach(fresh(), pdf())).status_code == 404
    reader = world.headers("read-only")
    refused = await world.client.post(
        f"/v1/debtors/{made['debtor_id']}/attachments?name=x.pdf", content=pdf(), headers=reader
    )
    assert refused.status_code == 403


# --- what is taken --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (pdf("x"), "application/pdf"),
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 20, "image/jpeg"),
        (DOCX, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (XLSX, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (zipped(mimetype=b"application/vnd.oasis.opendocument.text", content=b"x"),
         "application/vnd.oasis.opendocument.text"),
        ("Bloemen; 12,50 €\nTweede regel".encode(), "text/plain"),
        ("Caf\xe9 \x80".encode("latin-1").replace(b"\xc2", b""), "text/plain"),
    ],
)  # fmt: skip
def test_what_a_file_is_is_found_in_its_bytes(content: bytes, media_type: str) -> None:
    assert media_type_of(content) == media_type


@pytest.mark.parametrize(
    "content",
    [
        b"MZ\x90\0" + b"\0" * 60, b"\x7fELF" + b"\0" * 60, b"<html><script>alert(1)</script>",
        b"<?xml version='1.0'?><a/>", b"\xef\xbb\xbf  <svg onload='alert(1)'/>",
        zipped(program=b"MZ"), zipped(types=b"x", document=b"x", macros=b"x"), zipped(anything=b"x"),
        b"PK\x03\x04 damaged", b"\0\x01\x02\x03", b"Rar!\x1a\x07\0" + b"\0" * 20, b"{\\rtf1 }",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
    ],
)  # fmt: skip
def test_programs_pages_archives_and_macros_are_not_taken_whatever_their_name_says(content: bytes) -> None:
    with pytest.raises(UnwantedFile) as refused:
        media_type_of(content)
    assert refused.value.cure


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Contract.pdf", "Contract.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\Users\\x\\a.PDF", "a.PDF"),
        ("invoice.pdf.exe", "invoice.pdf.exe.pdf"),
        ("a\r\nContent-Type: text/html\r\n\r\n<b>.pdf", "htmlb.pdf"),
        ("rekening\u202efdp.exe", "rekeningfdp.exe.pdf"),
        ("CON.pdf", "_CON.pdf"),
        ("...", "attachment.pdf"),
        (".pdf", "pdf.pdf"),
        ("é" * 300 + ".pdf", "é" * 116 + ".pdf"),
    ],
)
def test_names_lose_paths_and_control_characters_and_end_as_the_bytes_say(name: str, kept: str) -> None:
    assert safe_name(name, "application/pdf") == kept


@given(st.text(max_size=400), st.sampled_from(["application/pdf", "image/jpeg", "text/plain"]))
def test_any_name_becomes_a_safe_one_and_stays_it(name: str, media_type: str) -> None:
    kept = safe_name(name, media_type)
    assert 1 <= len(kept) <= 120
    assert not set(kept) & set('/\\"\r\n\0:*?<>|')
    assert not kept.startswith(".")
    assert safe_name(kept, media_type) == kept


async def test_a_refused_file_says_why_and_the_uploaders_media_type_is_not_believed(world: World) -> None:
    made = await world.make(debtor_id=fresh())
    for content, words in (
        (b"<html>", "text/html"),
        (b"", "empty"),
        (b"MZ\x90\0" + b"\0" * 60, "x-msdownload"),
    ):
        answer = await world.attach(made["debtor_id"], content, "foto.png", **{"content-type": "image/png"})
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert (error["field"], words in error["message"]) == ("file", True), answer.text
    assert await listed(world, made["debtor_id"]) == []
    assert (await world.attach(made["debtor_id"], PNG, "foto.pdf")).json()["name"] == "foto.pdf.png"


# --- limits and the scanner -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
async def scanned(platform_servers) -> AsyncIterator[tuple[World, ClamdServer]]:
    """A service with a scanner, and little room."""
    address = KafkaAddress(platform_servers.kafka, own_prefix())
    names = topics_of("debtor-service", SaleCompleted, InvoiceCreated, written=[DebtorChanged])
    async with (
        clamd_server() as scanner,
        topics(address, names),
        fresh_database(platform_servers.admin_database_url, "debtor_service") as url,
        start_world(
            url,
            address,
            clamd=f"127.0.0.1:{scanner.port}",
            clamd_timeout_seconds=1.5,
            attachment_most_bytes=2000,
            attachment_most_files=3,
            attachment_quota_bytes=4500,
        ) as world,
    ):
        yield world, scanner


async def test_a_scanner_that_is_set_up_looks_at_every_file(scanned: tuple[World, ClamdServer]) -> None:
    world, scanner = scanned
    made = await world.make(debtor_id=fresh())
    content = pdf()
    assert (await world.attach(made["debtor_id"], content)).json()["scan"] == "clean"
    assert scanner.scanned[-1] == content

    infected = await world.attach(made["debtor_id"], pdf() + MARK, "verrassing.pdf")
    assert infected.status_code == 422
    assert SIGNATURE in infected.json()["errors"][0]["message"]
    assert len(await listed(world, made["debtor_id"])) == 1
    history = await world.client.get(f"/v1/debtors/{made['debtor_id']}/history", headers=world.headers())
    newest = history.json()["items"][0]
    assert (newest["action"], newest["new"]) == (
        "infected file refused",
        {"name": "verrassing.pdf", "signature": SIGNATURE},
    )


@pytest.mark.parametrize("mood", [Mood.HANGS, Mood.DROPS, Mood.TALKS_NONSENSE])
async def test_nothing_is_stored_while_the_scanner_does_not_answer(
    scanned: tuple[World, ClamdServer], mood: Mood
) -> None:
    world, scanner = scanned
    made = await world.make(debtor_id=fresh())
    scanner.mood = mood
    try:
        answer = await world.attach(made["debtor_id"], content := pdf())
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
        assert await listed(world, made["debtor_id"]) == []
    finally:
        scanner.mood = Mood.WELL
    assert (await world.attach(made["debtor_id"], content)).status_code == 201


async def test_a_connection_to_the_scanner_that_breaks_is_tried_once_more(
    scanned: tuple[World, ClamdServer],
) -> None:
    world, scanner = scanned
    made = await world.make(debtor_id=fresh())
    scanner.mood = Mood.DROPS_ONCE
    assert (await world.attach(made["debtor_id"], pdf())).json()["scan"] == "clean"


async def test_size_number_and_room_are_limited(scanned: tuple[World, ClamdServer]) -> None:
    world, _scanner = scanned
    made = await world.make(debtor_id=fresh())
    large = await world.attach(made["debtor_id"], pdf("x" * 3000))
    assert (large.status_code, "0.002 MB" in large.json()["errors"][0]["cure"]) == (422, True)
    for _ in range(2):
        assert (await world.attach(made["debtor_id"], pdf(fresh() + "x" * 1800))).status_code == 201
    full = await world.attach(made["debtor_id"], pdf(fresh() + "x" * 1800))
    assert (full.status_code, full.json()["title"]) == (409, "There is no room for the file")
    assert (await world.attach(made["debtor_id"], pdf())).status_code == 201
    assert "3 files" in (await world.attach(made["debtor_id"], pdf())).json()["detail"]
