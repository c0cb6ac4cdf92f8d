"""Browser sessions: signed cookies, tokens on every form, headers."""

from __future__ import annotations

import re

import pytest
from back_office_world import ADMIN, PASSWORD


async def test_a_page_asks_to_sign_in_first_and_goes_on_to_where_one_was_going(office):
    browser = office.browser()
    first = await browser.get("/debtors?q=jansen")
    assert first.status_code == 303
    assert first.headers["location"] == "/sign-in?next=%2Fdebtors%3Fq%3Djansen"
    page = await browser.get(first.headers["location"])
    assert 'name="next" value="/debtors?q=jansen"' in page.text
    answer = await browser.post(
        "/sign-in", {"user": ADMIN, "password": PASSWORD, "next": "/debtors?q=jansen"}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/debtors?q=jansen")


@pytest.mark.parametrize(
    "target", ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)"]
)
async def test_signing_in_never_leads_to_another_site(office, target):
    answer = await office.browser().post("/sign-in", {"user": ADMIN, "password": PASSWORD, "next": target})
    assert answer.headers["location"] == "/"


async def test_a_part_of_a_page_says_401_so_that_the_page_can_reload(office):
    answer = await office.browser().get("/flow", headers={"HX-Request": "true"})
    assert answer.status_code == 401


async def test_the_session_cookie_is_http_only_lax_and_signed(office):
    browser = office.browser()
    answer = await browser.sign_in()
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("klokwerk_session="))
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    value = browser.client.cookies["klokwerk_session"]
    browser.client.cookies.set("klokwerk_session", value[:-1] + ("0" if value[-1] != "0" else "1"))
    browser.client.cookies.delete("klokwerk_session", domain="office.test")
    assert (await browser.get("/debtors")).status_code == 303


async def test_secure_cookies_and_strict_transport_where_there_is_https(platform_servers):
    from back_office_world import start_world
    from klokwerk.testing import fresh_database

    async with (
        fresh_database(platform_servers.admin_database_url, "back_office") as url,
        start_world(url, secure_cookies=True) as world,
    ):
        answer = await world.client.get("/sign-in")
        assert "Secure" in answer.headers["set-cookie"]
        assert "strict-transport-security" in answer.headers


async def test_a_wrong_password_says_so_without_telling_which_part_was_wrong(office):
    wrong = await office.browser(address="203.0.113.7").sign_in(password="not this one")
    unknown = await office.browser(address="203.0.113.8").sign_in(name="nobody-here")
    assert wrong.status_code == unknown.status_code == 401
    for page in (wrong, unknown):
        assert "User name or password is not right" in page.text
    assert 'value="nobody-here"' in unknown.text


async def test_signing_out_ends_the_session_in_the_database_too(office):
    browser = await office.signed_in()
    kept = browser.client.cookies["klokwerk_session"]
    assert (await browser.post("/sign-out", page="/")).status_code == 303
    thief = office.browser()
    thief.client.cookies.set("klokwerk_session", kept)
    assert (await thief.get("/debtors")).status_code == 303


async def test_a_form_without_the_browsers_own_token_changes_nothing(office):
    browser = await office.signed_in()
    other = await office.browser().csrf()
    for data in ({}, {"_csrf": "0" * 64}, {"_csrf": other}):
        answer = await browser.client.post("/sign-out", data=data)
        assert answer.status_code == 403
        assert "Nothing was changed" in answer.text
    assert (await browser.get("/sign-in")).status_code == 303, "still signed in"


async def test_a_form_from_another_site_is_refused_even_with_the_token(office):
    browser = await office.signed_in()
    token = await browser.csrf("/")
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.test"}):
        answer = await browser.client.post("/sign-out", data={"_csrf": token}, headers=headers)
        assert answer.status_code == 403


async def test_every_page_has_security_headers_and_no_script_of_its_own(office):
    browser = await office.signed_in()
    for path in ("/", "/sign-in", "/nowhere"):
        answer = await browser.get(path, follow_redirects=True)
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert not re.findall(r"<script(?![^>]*\bsrc=)", answer.text)
        assert not re.findall(r"\son\w+=|\sstyle=|hx-on", answer.text)


async def test_the_language_follows_the_browser_until_the_user_chooses_one(office):
    browser = office.browser(language="nl-NL,nl;q=0.9,en;q=0.5")
    assert "Wachtwoord" in (await browser.get("/sign-in")).text
    await browser.sign_in()
    assert (await browser.post("/language", {"language": "en", "back": "/"}, page="/")).status_code == 303
    assert 'lang="en"' in (await browser.get("/")).text
    again = await office.signed_in(language="nl")
    assert "Sign out" in (await again.get("/")).text, "the choice is the user's, on every browser"
    await again.post("/language", {"language": "nl", "back": "/"}, page="/")
    assert "Afmelden" in (await again.get("/")).text
    await again.post("/language", {"language": "en", "back": "/"}, page="/")


async def test_a_body_that_is_too_large_is_refused(office):
    answer = await office.client.post("/sign-in", content=b"x" * 26_000_000)
    assert answer.status_code == 413


async def test_static_files_may_be_kept_for_ever_and_htmx_comes_without_django(office):
    page = (await office.client.get("/sign-in")).text
    address = re.search(r'src="(/static/[0-9a-f]{12}/htmx.js)"', page).group(1)
    answer = await office.client.get(address)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert "htmx" in answer.text[:200]
    stale = await office.client.get("/static/000000000000/app.css")
    assert stale.headers["cache-control"] == "no-cache"
    assert (await office.client.get("/static/000000000000/nothing.css")).status_code == 404


async def test_an_unknown_address_gets_a_page_that_says_so(office):
    browser = await office.signed_in()
    answer = await browser.get("/no/such/page")
    assert answer.status_code == 404
    assert "There is no such page" in answer.text
    assert "Main navigation" in answer.text


@pytest.mark.parametrize("path", ["/docs", "/docs/oauth2-redirect", "/redoc"])
async def test_pages_that_load_scripts_from_elsewhere_are_not_served(office, path):
    assert (await office.client.get(path)).status_code == 404
