"""Settings > EKT: which ways are possible here, returned mail, other addresses, the confirmation link."""

from __future__ import annotations

from office_shapes import body_of, form_of, problem, text_of

EKT = {
    "active": True,
    "sender_name": "Flower trade",
    "mail_from": "ekt@trade.example",
    "default_language": "en",
    "templates": {"en": {"subject": "EKT {{ order_day }}", "text": "Dear {{ debtor_name }}"}},
    "revision": 2,
    "email_possible": True,
    "folder_possible": False,
}
AROUND = {
    "ways": {"email": True, "folder": False, "sftp": True, "ftps": True, "http": True},
    "confirmation_link_possible": True,
    "returns": {
        "address": "bounce@returns.example",
        "mailbox_read": True,
        "read_at": "2026-11-02T09:42:00Z",
        "trouble": "",
        "trouble_since": None,
        "counts": {"bounced": 3, "unreadable": 1, "forged": 1},
    },
}


async def test_the_ekt_page_shows_every_way_and_how_the_return_mailbox_is_read(office):
    office.services.on("GET", "ekts", "/v1/settings", EKT, ETag='"2"')
    office.services.on("GET", "ekts", "/v1/surroundings", AROUND)
    browser = await office.signed_in()
    shown = text_of(await browser.get("/settings/ekt"))
    assert "SFTP: the customer's own server" in shown
    assert "Last 30 days: 3 bounced, 2 put aside." in shown
    trouble = {**AROUND["returns"], "trouble": "-ERR no", "trouble_since": "2026-11-02T09:42:00Z"}
    office.services.on("GET", "ekts", "/v1/surroundings", {**AROUND, "returns": trouble})
    assert "Since 2 Nov 2026, 10:42:00: -ERR no" in text_of(await browser.get("/settings/ekt"))


async def test_other_addresses_and_the_confirmation_link_are_switched_on_the_ekt_page(office):
    office.services.on("GET", "ekts", "/v1/settings", EKT, ETag='"2"')
    office.services.on("GET", "ekts", "/v1/surroundings", AROUND)
    browser = await office.signed_in()
    values = form_of(await browser.get("/settings/ekt"))
    place = {"field": "templates.en.text", "cure": "write it"}
    refusal = place | {"message": "Line 1: There is no place for the confirmation link"}
    fault = place | {"code": "no_link", "line": 1, "word": "{{ confirm_url }}", "says": "no place"}
    office.services.on("PUT", "ekts", "/v1/settings", problem(422, "No", refusal), 422)
    shown = {"language": "en", "faults": [fault]}
    office.services.on("POST", "ekts", "/v1/settings/preview", {"mails": [shown]})
    typed = {**values, "other_address_allowed": "on", "confirmation_link": "on"}
    answer = await browser.client.post("/settings/ekt", data=typed)
    sent = body_of(office.services.last("PUT", "/v1/settings"))
    assert (sent["other_address_allowed"], sent["confirmation_link"]) == (True, True)
    assert 'id="f-templates-en-text-error">There is no place for the confirmation link' in text_of(answer)
