"""How services are called: with the user's own token, tried again or not, trouble in words."""

from __future__ import annotations

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet
from office_shapes import DAY, page, sale, text_of


async def test_services_are_called_with_the_users_own_token_and_one_correlation(office):
    office.services.on("GET", "debtors", "/v1/debtors", page())
    browser = await office.signed_in()
    await browser.get("/debtors", headers={"X-Correlation-Id": "abc-123"})
    request = office.services.last("GET", "/v1/debtors")
    keys = KeySet.import_key_set((await office.client.get("/.well-known/jwks.json")).json())
    claims = jwt.decode(request.headers["authorization"].removeprefix("Bearer "), keys).claims
    assert (claims["name"], claims["aud"]) == ("anna", "klokwerk")
    assert request.headers["x-correlation-id"] == "abc-123"


async def test_a_read_is_tried_again_a_few_times_and_a_change_never(office):
    office.services.away("GET", "debtors", "/v1/debtors")
    office.services.away("POST", "sales", f"/v1/days/{DAY}/debtors/d1/resend")
    office.services.on("GET", "sales", f"/v1/days/{DAY}/debtors/d1", sale())
    browser = await office.signed_in()
    assert (await browser.get("/debtors")).status_code == 502
    assert office.services.count("GET", "/v1/debtors") == 3
    await browser.post(f"/sales/{DAY}/d1/resend", page="/accounting/nowhere")
    assert office.services.count("POST", f"/v1/days/{DAY}/debtors/d1/resend") == 1


async def test_ids_of_others_stay_one_part_of_a_path(office):
    browser = await office.signed_in()
    await browser.get("/debtors/a%3Fkind=x%23y")
    assert office.services.asked[-1].url.raw_path == b"/v1/debtors/a%3Fkind%3Dx%23y"


async def test_a_service_that_is_away_gives_a_page_that_says_so_with_a_reference(office):
    office.services.away("GET", "debtors", "/v1/debtors")
    answer = await (await office.signed_in()).get("/debtors", headers={"X-Correlation-Id": "ref-7"})
    shown = text_of(answer)
    assert answer.status_code == 502
    assert "Debtors does not answer" in shown
    assert "<code>ref-7</code>" in shown
    assert "+31 71 000 00 00" in shown


async def test_an_unreadable_answer_counts_as_away_too(office):
    office.services.answers[("GET", "debtors.test/v1/debtors")] = httpx.Response(
        200, content=b"<html>proxy</html>"
    )
    assert (await (await office.signed_in()).get("/debtors")).status_code == 502
