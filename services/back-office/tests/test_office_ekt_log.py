"""The EKT log: the list with its filters, one EKT with everything about it, differences and advice in words."""

from __future__ import annotations

import pytest
from office_shapes import DAY, card, debtor_day, difference, ekt, ekt_detail, page, problem, sale, text_of


async def shown_at(office, path: str, language: str = "en") -> str:
    return text_of(await (await office.speaking(language, "sales", "ops")).get(path))


async def test_EF_51_the_log_names_customer_outcome_reason_and_recipient_and_links_to_each(office):
    row = ekt(
        2,
        state="failed",
        message="550 no such box",
        reason="lost",
        note="belde",
        debtor_name="Jansen <Bloemen>",
        debtor_number="10001",
        method="email",
        made_at="2026-11-02T09:02:00Z",
    )
    office.services.on("GET", "ekts", "/v1/ekts", page(row))
    shown = await shown_at(office, "/deliveries")
    assert "Jansen &lt;Bloemen&gt;" in (await (await office.signed_in()).get("/deliveries")).text
    for words in ("550 no such box", "Lost in e-mail - belde", "info@jansen.example", "E-mail", "10001"):
        assert words in shown
    assert 'href="/ekts/00000002"' in shown
    assert 'href="/ekts/00000002/file?number=1"' in shown
    assert f'href="/sales/{DAY}/d1"' in shown
    assert 'hx-trigger="every 5s"' in shown


async def test_filters_go_to_the_service_and_show_as_chips(office):
    office.services.on("GET", "ekts", "/v1/ekts", page(ekt(debtor_name="Jansen")))
    query = (
        "q=jans&state=failed&trigger=resend&method=sftp&from_day=2026-10-01&until_day=2026-10-31&debtor_id=d1"
    )
    shown = await shown_at(office, f"/deliveries?{query}")
    asked = dict(office.services.last("GET", "/v1/ekts").url.params)
    assert asked == {
        "q": "jans",
        "state": "failed",
        "trigger": "resend",
        "method": "sftp",
        "from_day": "2026-10-01",
        "until_day": "2026-10-31",
        "debtor_id": "d1",
        "limit": "50",
    }
    for chip in (
        "<strong>Failed</strong>",
        "<strong>1 Oct 2026</strong>",
        "<strong>Jansen</strong>",
        "<strong>SFTP</strong>",
    ):
        assert chip in shown
    assert (
        '<input type="date" class="pick-day" name="from_day" id="deliveries-from_day" value="2026-10-01">'
        in shown
    )
    assert "/deliveries/ekts.csv?" in shown
    # What is no day is left out instead of breaking the page.
    await shown_at(office, "/deliveries?from_day=soon&days=never")
    assert "from_day" not in office.services.last("GET", "/v1/ekts").url.params


@pytest.mark.parametrize(("preset", "days"), [("today", 0), ("week", 6), ("month", 30)])
async def test_a_preset_becomes_its_days(office, preset, days):
    office.services.on("GET", "ekts", "/v1/ekts", page())
    await shown_at(office, f"/deliveries?days={preset}")
    asked = office.services.last("GET", "/v1/ekts").url.params
    today = office.app.state.office.clock.today()
    assert asked["until_day"] == today.isoformat()
    assert (today - type(today).fromisoformat(asked["from_day"])).days == days


async def test_EF_51_one_ekt_tells_every_attempt_its_files_and_what_changed(office):
    office.services.on("GET", "ekts", "/v1/ekts/e1", ekt_detail(id="e1", reason="corrected", note="typefout"))
    changes = (
        ("changed", 3, "quantity", "10 x 80", "10 x 60"),
        ("changed", 3, "price", "0.560", "0.600"),
        ("added", 4, "", "", "1 x 10, 0.100"),
        ("removed", 2, "", "2 x 10, 0.100", ""),
        ("changed", 1, "order", "", "PO 7"),
        ("head", 0, "buyer", "A", "B"),
    )
    office.services.on("GET", "ekts", "/v1/ekts/e1/difference", difference(*changes, total=9))
    office.services.on("GET", "debtors", "/v1/debtors/d1", card())
    shown = await shown_at(office, "/ekts/e1")
    for words in (
        "For Jansen Bloemen",
        "The mail server took it: 250 OK",
        "1.5 s",
        "The first one was wrong - typefout",
        "ab" * 32,
        "line 3 (ROSE): 10 x 80 became 10 x 60",
        "line 3 (ROSE): price 0.560 became 0.600",
        "line 4 (ROSE) was added: 1 x 10, 0.100",
        "line 2 (ROSE) was removed: 2 x 10, 0.100",
        "line 1 (ROSE): order reference PO 7 was added",
        "Buyer code: A became B",
        "and 3 more changes",
        "€120.00 became €100.00",
        'href="/ekts/e1/explain?number=1"',
    ):
        assert words in shown, words
    dutch = await shown_at(office, "/ekts/e1", "nl")
    assert "regel 3 (ROSE): 10 x 80 werd 10 x 60" in dutch
    assert "regel 2 (ROSE) verviel: 2 x 10, 0.100" in dutch


async def test_the_first_file_of_a_day_says_that_there_is_nothing_to_compare(office):
    office.services.on("GET", "ekts", "/v1/ekts/e1", ekt_detail(id="e1", debtor_name="Jansen"))
    office.services.on("GET", "ekts", "/v1/ekts/e1/difference", difference(previous_id=None))
    assert "This is the first file of this customer and day" in await shown_at(office, "/ekts/e1")
    # Without the comparison the rest is shown all the same.
    office.services.away("GET", "ekts", "/v1/ekts/e1/difference")
    shown = await shown_at(office, "/ekts/e1")
    assert "250 OK" in shown
    assert "does not answer" in shown


async def test_an_unknown_outcome_says_what_to_do_and_is_settled_by_a_person(office):
    unknown = ekt_detail(id="e1", state="unknown", message="The connection ended.", debtor_name="Jansen")
    office.services.on("GET", "ekts", "/v1/ekts/e1", unknown)
    office.services.on("GET", "ekts", "/v1/ekts/e1/difference", difference(previous_id=None))
    office.services.on("POST", "ekts", "/v1/ekts/e1/settle", ekt(id="e1"))
    browser = await office.signed_in()
    shown = text_of(await browser.get("/ekts/e1"))
    assert "It is not sent again blindly" in shown
    assert "what did you find?" in shown
    assert "The customer has received it" not in shown
    assert 'hx-get="/ekts/e1?part=standing"' in shown
    part = await browser.get("/ekts/e1?part=standing")
    assert "<html" not in part.text
    answer = await browser.post(
        "/ekts/e1/settle", {"outcome": "received", "note": "said Piet", "_once": "k1"}, page="/ekts/e1"
    )
    assert answer.headers["location"] == "/ekts/e1"
    request = office.services.last("POST", "/v1/ekts/e1/settle")
    assert b'"outcome":"received"' in request.content.replace(b" ", b"")
    assert request.headers["idempotency-key"] == "k1"
    assert "Put down what became of it" in text_of(await browser.get("/ekts/e1"))


async def test_EF_47_a_confirmation_by_phone_is_put_down_and_shown(office):
    office.services.on("GET", "ekts", "/v1/ekts/e1", ekt_detail(id="e1", debtor_name="Jansen"))
    office.services.on("GET", "ekts", "/v1/ekts/e1/difference", difference(previous_id=None))
    office.services.on("POST", "ekts", "/v1/ekts/e1/confirm", ekt(id="e1"))
    browser = await office.signed_in()
    assert "The customer has received it" in text_of(await browser.get("/ekts/e1"))
    await browser.post("/ekts/e1/confirm", {"note": "by phone"}, page="/ekts/e1")
    assert b"by phone" in office.services.last("POST", "/v1/ekts/e1/confirm").content
    said = {"confirmed_at": "2026-11-02T10:00:00Z", "confirmed_by": "anna", "confirm_note": "by phone"}
    office.services.on("GET", "ekts", "/v1/ekts/e1", ekt_detail(id="e1", debtor_name="Jansen", **said))
    shown = text_of(await browser.get("/ekts/e1"))
    assert "Confirmed by anna" in shown
    assert ": by phone" in shown
    assert "Put down a confirmation again" in shown
    said["confirmed_by"] = "customer"
    office.services.on("GET", "ekts", "/v1/ekts/e1", ekt_detail(id="e1", debtor_name="Jansen", **said))
    assert "Confirmed by the customer, by link" in text_of(await browser.get("/ekts/e1"))


async def test_what_the_service_refuses_is_told_on_the_page(office):
    office.services.on("GET", "ekts", "/v1/ekts/e1", ekt_detail(id="e1", debtor_name="Jansen"))
    office.services.on("GET", "ekts", "/v1/ekts/e1/difference", difference(previous_id=None))
    refusal = problem(409, "Nothing to settle", detail="Only an EKT whose outcome is unknown can be settled.")
    office.services.on("POST", "ekts", "/v1/ekts/e1/settle", refusal, 409)
    browser = await office.signed_in()
    await browser.post("/ekts/e1/settle", {"outcome": "not_received"}, page="/ekts/e1")
    assert "Nothing to settle" in text_of(await browser.get("/ekts/e1"))


async def test_a_mail_that_came_back_is_shown_as_such_with_what_to_do(office):
    back = ekt_detail(
        id="e1", state="failed", bounced_at="2026-11-02T11:00:00Z", message="5.1.1 unknown user"
    )
    back |= {
        "debtor_name": "Jansen",
        "notes": [{"at": "2026-11-02T11:00:00Z", "kind": "bounced", "words": "5.1.1"}],
    }
    office.services.on("GET", "ekts", "/v1/ekts/e1", back)
    office.services.on("GET", "ekts", "/v1/ekts/e1/difference", difference(previous_id=None))
    shown = await shown_at(office, "/ekts/e1")
    assert ">Came back<" in shown
    assert "Check the e-mail address on the customer" in shown
    assert "Came back: 5.1.1" in shown
    office.services.on("GET", "ekts", "/v1/ekts", page(back))
    assert "5.1.1 unknown user" in await shown_at(office, "/deliveries")


async def test_who_may_only_look_sees_no_buttons_to_confirm_or_settle(office):
    office.services.on(
        "GET", "ekts", "/v1/ekts/e1", ekt_detail(id="e1", state="unknown", debtor_name="Jansen")
    )
    office.services.on("GET", "ekts", "/v1/ekts/e1/difference", difference(previous_id=None))
    browser = await office.with_roles("read-only", name="log-looker")
    shown = text_of(await browser.get("/ekts/e1"))
    assert "Outcome unknown" in shown
    assert "/settle" not in shown
    assert "/confirm" not in shown


async def test_EF_41_the_page_of_the_sale_says_what_changed_from_file_to_file(office):
    office.services.on("GET", "sales", f"/v1/days/{DAY}/debtors/d1", sale())
    found = {"00000002": difference(("changed", 3, "quantity", "10 x 80", "10 x 60"))}
    log = debtor_day(ekt(1), ekt(2), differences=found)
    office.services.on("GET", "ekts", f"/v1/debtors/d1/days/{DAY}", log)
    shown = await shown_at(office, f"/sales/{DAY}/d1")
    assert "line 3 (ROSE): 10 x 80 became 10 x 60" in shown
    assert 'href="/ekts/00000002"' in shown


HINTS = [
    {
        "code": "EF-48",
        "sign": "missing",
        "count": 2,
        "recipient": "a@b.example",
        "text": "x",
        "link": "/debtors/d1",
    },
    {"code": "EF-49", "sign": "missing", "count": 2, "recipient": "a@b.example", "text": "y", "link": ""},
]


async def test_EF_48_EF_49_the_sale_and_the_card_advise_where_ekts_keep_not_arriving(office):
    office.services.on("GET", "sales", f"/v1/days/{DAY}/debtors/d1", sale())
    office.services.on("GET", "ekts", f"/v1/debtors/d1/days/{DAY}", debtor_day(hints=HINTS))
    shown = await shown_at(office, f"/sales/{DAY}/d1")
    assert "The customer says that 2 EKTs in a row to a@b.example did not come." in shown
    assert "Check the e-mail address on the card" in shown
    assert '<a href="/debtors/d1">Open the card</a>' in shown
    assert "Ask the customer to look in the spam or junk folder." in shown
    office.services.on("GET", "debtors", "/v1/debtors/d1", card(), ETag='"4"')
    office.services.on("GET", "ekts", "/v1/debtors/d1/hints", HINTS)
    browser = await office.speaking("nl", "sales", "ops")
    assert 'hx-get="/debtors/d1/ekt-hints"' in (await browser.get("/debtors/d1")).text
    part = text_of(await browser.get("/debtors/d1/ekt-hints"))
    assert "Vraag de klant in de map met spam" in part
    office.services.on("GET", "ekts", "/v1/debtors/d1/hints", [])
    assert (await browser.get("/debtors/d1/ekt-hints")).text.strip() == ""
    office.services.away("GET", "ekts", "/v1/debtors/d1/hints")
    assert (await browser.get("/debtors/d1/ekt-hints")).status_code == 200
