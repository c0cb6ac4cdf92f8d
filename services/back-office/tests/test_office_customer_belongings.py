"""What hangs on a customer: contact persons, attachments, timeline, merging."""

from __future__ import annotations

import html
import re

import httpx
from office_shapes import body_of, card, form_of, page, problem, surroundings, text_of

FILE = {
    "attachment_id": "a1",
    "debtor_id": "d1",
    "name": "Contract <1>.pdf",
    "media_type": "application/pdf",
    "size": 48_211,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "documents": ["invoice"],
    "scan": "not_scanned",
    "revision": 3,
    "uploaded_at": "2026-11-02T09:42:00Z",
    "uploaded_by": "Piet",
}


async def test_FA_40_the_green_button_opens_a_blank_contact_card_which_is_added(office):
    office.services.on("GET", "debtors", "/v1/debtors/d1", card(), ETag='"4"')
    office.services.on("POST", "debtors", "/v1/debtors/d1/contacts", {"contact_id": "c1", "name": "Els"}, 201)
    browser = await office.signed_in()
    listed = text_of(await browser.get("/debtors/d1/contacts"))
    assert '<a class="button add" href="/debtors/d1/contacts/new">Add contact person</a>' in listed
    assert "No contact persons yet" in listed
    values = form_of(await browser.get("/debtors/d1/contacts/new"))
    answer = await browser.client.post("/debtors/d1/contacts/new", data=values | {"name": "Els"})
    assert answer.headers["location"] == "/debtors/d1/contacts"
    sent = office.services.last("POST", "/v1/debtors/d1/contacts")
    assert (sent.headers["if-match"], body_of(sent)["address"]) == ('"4"', None)
    own = {"name": "Els", "address.lines": "Postbus 4\r\n", "address.city": "Lisse", "address.country": "NL"}
    await browser.client.post("/debtors/d1/contacts/new", data=values | own)
    address = body_of(office.services.last("POST", "/v1/debtors/d1/contacts"))["address"]
    assert (address["lines"], address["city"]) == (["Postbus 4"], "Lisse")


async def test_a_contact_is_edited_removed_and_stale_or_wrong_ones_come_back_with_the_typing(office):
    els = {"contact_id": "c:1", "name": "Els", "email": "els@x.example"}
    office.services.on("GET", "debtors", "/v1/debtors/d1", card(contact_persons=[els]), ETag='"4"')
    browser = await office.signed_in()
    assert "Attn. Els" in text_of(await browser.get("/debtors/d1/contacts"))
    values = form_of(await browser.get("/debtors/d1/contacts/c%3A1"))
    path = "/v1/debtors/d1/contacts/c:1"
    office.services.on("PUT", "debtors", path, problem(412, "It was changed meanwhile"), 412)
    stale = await browser.client.post("/debtors/d1/contacts/c%3A1", data=values | {"phone": "mijn"})
    assert (stale.status_code, 'value="mijn"' in stale.text) == (409, True)
    assert '<a href="/debtors/d1/contacts/c%3A1">Reload</a>' in text_of(stale)
    wrong = {"field": "address.lines.0", "message": "holds a line break", "cure": "mend it"}
    office.services.on("PUT", "debtors", path, problem(422, "No", wrong), 422)
    refused = text_of(await browser.client.post("/debtors/d1/contacts/c%3A1", data=values))
    assert 'id="f-address-lines-error">holds a line break mend it' in refused
    office.services.on("DELETE", "debtors", path, None, 204)
    gone = await browser.post("/debtors/d1/contacts/c%3A1/remove", page="/settings")
    assert gone.headers["location"] == "/debtors/d1/contacts"
    assert office.services.last("DELETE", path).headers["if-match"] == '"4"'
    assert (await browser.get("/debtors/d1/contacts/nobody")).status_code == 404


# --- attachments ----------------------------------------------------------------------------------------------


async def test_attachments_are_listed_uploaded_flagged_downloaded_and_removed(office):
    office.services.on("GET", "debtors", "/v1/debtors/d1", card(), ETag='"4"')
    office.services.on("GET", "debtors", "/v1/debtors/d1/attachments", page(FILE))
    office.services.on("POST", "debtors", "/v1/debtors/d1/attachments", FILE, 201)
    browser = await office.signed_in()
    shown = text_of(await browser.get("/debtors/d1/attachments"))
    for words in ("Contract <1>.pdf", "48 kB", "Goes along with: Invoices.", "Not scanned", "Added by Piet"):
        assert words in shown, words
    values = form_of(await browser.get("/debtors/d1/attachments"))
    answer = await browser.client.post(
        "/debtors/d1/attachments",
        data={"_csrf": values["_csrf"], "_once": "k1", "documents": ["invoice", "quote"]},
        files={"file": ("a&b.pdf", b"%PDF-1.7" + b"x" * 3_000_000, "text/html")},
    )
    assert answer.headers["location"] == "/debtors/d1/attachments", "files of more than 2 MB are taken here"
    sent = office.services.last("POST", "/v1/debtors/d1/attachments")
    assert sent.url.params.get_list("documents") == ["invoice", "quote"]
    assert (sent.url.params["name"], sent.headers["idempotency-key"]) == ("a&b.pdf", "k1")
    assert len(sent.content) == 3_000_008

    office.services.on("PATCH", "debtors", "/v1/attachments/a1", FILE | {"documents": []})
    await browser.client.post(
        "/debtors/d1/attachments/a1",
        data={"_csrf": values["_csrf"], "_revision": "3", "name": "Nieuw.pdf", "documents": ["reminder"]},
    )
    patch = office.services.last("PATCH", "/v1/attachments/a1")
    assert (patch.headers["if-match"], body_of(patch)) == (
        '"3"',
        {"name": "Nieuw.pdf", "documents": ["reminder"]},
    )

    office.services.answers[("GET", "debtors.test/v1/attachments/a1")] = httpx.Response(
        200, content=b"%PDF", headers={"content-type": "application/pdf", "content-disposition": "attachment"}
    )
    file = await browser.get("/debtors/d1/attachments/a1/file")
    assert (file.content, file.headers["x-content-type-options"]) == (b"%PDF", "nosniff")
    assert file.headers["content-disposition"].startswith("attachment")
    office.services.on("DELETE", "debtors", "/v1/attachments/a1", None, 204)
    await browser.client.post(
        "/debtors/d1/attachments/a1/remove", data={"_csrf": values["_csrf"], "_revision": "3", "name": "x"}
    )
    assert office.services.last("DELETE", "/v1/attachments/a1").headers["if-match"] == '"3"'


async def test_a_refused_file_is_told_with_the_reason_and_none_at_all_as_well(office):
    office.services.on("GET", "debtors", "/v1/debtors/d1", card(), ETag='"4"')
    office.services.on("GET", "debtors", "/v1/debtors/d1/attachments", page())
    found = {"field": "file", "message": "the virus scanner found Eicar", "cure": "Do not open it."}
    refusal = problem(
        422, "The file can't be attached", found, detail="'x.pdf': the virus scanner found Eicar."
    )
    office.services.on("POST", "debtors", "/v1/debtors/d1/attachments", refusal, 422)
    browser = await office.signed_in()
    token = await browser.csrf("/settings")
    files = {"file": ("x.pdf", b"%PDF", "application/pdf")}
    answer = await browser.client.post("/debtors/d1/attachments", data={"_csrf": token}, files=files)
    assert answer.status_code == 422
    assert "the virus scanner found Eicar" in text_of(answer)
    empty = await browser.client.post("/debtors/d1/attachments", data={"_csrf": token})
    assert "No file was chosen" in text_of(empty)
    large = await browser.client.post("/settings/customers", data={"_csrf": token, "x": "y" * 3_000_000})
    assert large.status_code == 413, "only pages that take files take so much"


# --- timeline and merging -------------------------------------------------------------------------------------


async def test_the_timeline_says_who_changed_what_from_what_into_what(office):
    office.services.on("GET", "debtors", "/v1/debtors/d1", card(), ETag='"4"')
    address = {
        "kind": "visit",
        "lines": ["Kade 1"],
        "postal_code": "2225 AA",
        "city": "Katwijk",
        "country": "NL",
    }
    change = {
        "at": "2026-11-02T09:42:00Z",
        "person_name": "Piet",
        "action": "changed",
        "old": {
            "addresses": [address],
            "payment_term_days": None,
            "own_fields": {"route": "Noord"},
            "odd": [1],
            "ekt": {"method": "email"},
        },
        "new": {
            "addresses": [address | {"city": "Lisse"}],
            "payment_term_days": 30,
            "own_fields": {"route": "<Zuid>"},
            "odd": "x",
            "ekt": {"method": "folder", "transfer": "sftp"},
        },
    }
    made = {
        "at": "2026-11-01T09:42:00Z",
        "person_name": "Anna",
        "action": "created",
        "new": {"name": "Jansen"},
    }
    surroundings(office)
    office.services.on("GET", "debtors", "/v1/debtors/d1/history", page(change, made))
    answer = await (await office.signed_in()).get("/debtors/d1/timeline")
    shown = text_of(answer)
    assert "Card changed" in shown
    assert "Kade 1, 2225 AA Katwijk, NL</del>" in shown
    assert "Kade 1, 2225 AA Lisse, NL</ins>" in shown
    assert re.search(r"<dt>Payment term in days</dt><dd><span class=\"none\">empty</span>.*?30</ins>", shown)
    assert "<dt>Route</dt>" in shown
    assert re.search(r"E-mail</del>.*?Folder</ins>", shown)
    assert re.search(r"<dt>To the customer's own server</dt>.*?SFTP</ins>", shown)
    assert "<Zuid>" not in answer.text
    assert shown.index("Card changed") < shown.index("Card made")


async def test_FA_54_both_contacts_are_picked_with_a_magnifier_and_what_happens_is_shown(office):
    for debtor_id, name in (("d1", "Jansen Bloemen"), ("d2", "Jansen Bloemen B.V.")):
        office.services.on(
            "GET",
            "debtors",
            f"/v1/debtors/{debtor_id}",
            card(debtor_id=debtor_id, name=name, debtor_number="77"),
            ETag='"4"',
        )
    office.services.on("GET", "debtors", "/v1/debtors", page(card(), card(debtor_id="d2")))
    side = {"revision": 4, "name": "Jansen Bloemen"}
    preview = {
        "removed": side | {"debtor_id": "d1"}, "target": side | {"debtor_id": "d2", "revision": 7},
        "lost": {"phones": ["+31 1"], "debtor_number": "77", "attachments": ["a.pdf"]}, "kept": {"name": "Jansen B.V."},
        "filled": {}, "moves": ["Sales"], "notices": ["Number 77 is never given again."], "warning": "!",
    }  # fmt: skip
    office.services.on("GET", "debtors", "/v1/debtors/d1/merge-preview", preview)
    office.services.on("POST", "debtors", "/v1/debtors/d1/merge", {})
    browser = await office.signed_in()
    blank = text_of(await browser.get("/debtors/merge"))
    for slot in ("remove", "target"):
        assert f'<button type="button" data-opens="pick-{slot}"' in blank
    picks = (await browser.get("/debtors/merge/pick?slot=target&remove=d1&q=jan")).text
    assert re.findall(r'href="([^"]+)"', html.unescape(picks)) == ["/debtors/merge?remove=d1&target=d2"]

    both = await browser.get("/debtors/merge?remove=d1&target=d2")
    shown = text_of(both)
    for words in (
        "can NOT be undone",
        "Debtor number 77 of the card that goes is never given again",
        "Is lost",
        "a.pdf",
        "Sales of all order days",
        "Jansen B.V.",
    ):
        assert words in shown, words
    values = {"_csrf": form_of(both)["_csrf"], "_revision": "4", "target_revision": "7", "_once": "m1"}
    values |= {"remove": "d1", "target": "d2"}
    unticked = await browser.client.post("/debtors/merge", data=values)
    assert (unticked.status_code, "Not merged yet" in unticked.text) == (422, True)
    assert office.services.count("POST", "/v1/debtors/d1/merge") == 0
    merged = await browser.client.post("/debtors/merge", data=values | {"confirm": "on"})
    assert merged.headers["location"] == "/debtors/d2"
    sent = office.services.last("POST", "/v1/debtors/d1/merge")
    assert body_of(sent) == {"into": "d2", "into_revision": 7, "fill_empty": False, "confirm": True}
    assert (sent.headers["if-match"], sent.headers["idempotency-key"]) == ('"4"', "m1")

    refusal = problem(409, "The cards can't be merged", detail="Card d1 was merged into d2 already.")
    office.services.on("GET", "debtors", "/v1/debtors/d1/merge-preview", refusal, 409)
    assert "was merged into d2 already" in text_of(await browser.get("/debtors/merge?remove=d1&target=d2"))
