"""The home page: every service on a panel of its own."""

from __future__ import annotations

from office_shapes import text_of


def summary(value: int = 3, state: str = "ok", link: str = "/sales/2026-11-02/d1"):
    return {
        "counts": [
            {"name": "ekts_failed_today", "label": "EKTs failed today", "value": value, "state": state}
        ],
        "recent": [{"at": "2026-11-02T09:00:00Z", "text": "Sale to Jansen", "state": "ok", "link": link}],
    }


async def test_home_shows_each_service_and_one_that_is_away_does_not_spoil_the_others(office):
    for service in ("debtors", "ekts", "dispatch", "accounting"):
        office.services.on("GET", service, "/v1/summary", summary())
    office.services.away("GET", "sales", "/v1/summary")
    shown = text_of(await (await office.signed_in()).get("/"))
    assert shown.count('class="panel') >= 5
    assert "Does not answer" in shown
    assert shown.count("EKTs failed today") == 4


async def test_home_counts_are_in_the_users_language_and_tell_what_needs_attention(office):
    for service in ("debtors", "sales", "ekts", "dispatch", "accounting"):
        office.services.on("GET", service, "/v1/summary", summary(2, "error"))
    browser = await office.signed_in(language="nl")
    await browser.post("/language", {"language": "nl", "back": "/"}, page="/")
    shown = text_of(await browser.get("/"))
    assert "EKT's vandaag mislukt" in shown
    assert "(vraagt aandacht)" in shown
    await browser.post("/language", {"language": "en", "back": "/"}, page="/")


async def test_the_flow_is_sent_again_only_when_it_changed(office):
    for service in ("debtors", "sales", "ekts", "dispatch", "accounting"):
        office.services.on("GET", service, "/v1/summary", summary(1))
    browser = await office.signed_in()
    first = (await browser.get("/flow")).text
    seen = first.split("/flow?seen=")[1].split('"')[0]
    assert (await browser.get(f"/flow?seen={seen}")).status_code == 204
    office.services.on("GET", "sales", "/v1/summary", summary(2))
    assert (await browser.get(f"/flow?seen={seen}")).status_code == 200
