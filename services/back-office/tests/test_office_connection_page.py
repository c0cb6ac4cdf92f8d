"""Debtor > Configuration: the way to the customer's own server, its secrets, its test and its key."""

from __future__ import annotations

import pytest
from office_shapes import body_of, card, form_of, problem, text_of

PATH = "/v1/debtors/d1/connection"
PAGE = "/debtors/d1/configuration"


def connection(**changes):
    return {
        "debtor_id": "d1",
        "address": {"way": "sftp", "host": "files.jansen.example", "port": 22, "user": "ekt", "folder": "in"},
        "place": "sftp://ekt@files.jansen.example:22/in",
        "held": ["password"],
        "fingerprint": "",
        "revision": 3,
        "changed_at": "2026-11-02T09:42:00Z",
        "changed_by": "Piet",
        "test": None,
        **changes,
    }


def found(*steps, ok=False, asks=False, fingerprint=""):
    return {
        "ok": ok,
        "asks": asks,
        "at": "2026-11-02T09:43:00Z",
        "by": "Piet",
        "steps": [{"name": n, "outcome": o, "message": m} for n, o, m in steps],
        "fingerprint": fingerprint,
    }


def on_page(office, ekt, kept=None):
    office.services.on("GET", "debtors", "/v1/debtors/d1", card(ekt={"use_ekts": True, **ekt}), ETag='"4"')
    if kept is None:
        office.services.on("GET", "ekts", PATH, problem(404, "No connection yet"), 404)
    else:
        office.services.on("GET", "ekts", PATH, kept, ETag=f'"{kept["revision"]}"')


def part_of(answer, action: str) -> dict[str, str]:
    """The fields of one of the page's forms."""
    html = next(form for form in answer.text.split("<form") if f'action="{action}' in form)

    class Part:
        text = html.split("</form>")[0]

    return form_of(Part)


async def test_without_a_transfer_the_page_asks_for_no_connection(office):
    on_page(office, {"method": "folder", "folder": "jansen"})
    shown = text_of(await (await office.signed_in()).get(PAGE))
    assert 'value="folder" selected' in shown
    assert "Save the connection" not in shown
    assert office.services.count("GET", PATH) == 0


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("sftp", {"transfer": "sftp"}),
        ("http", {"transfer": "http"}),
        ("email", {"method": "email", "transfer": None}),
        ("folder", {"method": "folder", "transfer": None}),
    ],
)
async def test_one_choice_sets_method_or_transfer(office, chosen, expected):
    on_page(office, {"transfer": "ftps"}, connection())
    office.services.on("PATCH", "debtors", "/v1/debtors/d1/ekt", card(), ETag='"5"')
    browser = await office.signed_in()
    values = part_of(await browser.get(PAGE), f'{PAGE}"')
    assert values["method"] == "ftps"
    await browser.client.post(PAGE, data={**values, "method": chosen})
    sent = body_of(office.services.last("PATCH", "/v1/debtors/d1/ekt"))
    assert {name: sent[name] for name in ("method", "transfer") if name in sent} == expected


async def test_a_transfer_without_connection_says_so_and_is_filled_in(office):
    on_page(office, {"transfer": "sftp"})
    office.services.on("PUT", "ekts", PATH, connection(), ETag='"1"')
    browser = await office.signed_in()
    page = await browser.get(PAGE)
    assert "Without a connection no EKT goes to this customer" in text_of(page)
    assert "/connection/test" not in page.text
    values = part_of(page, f"{PAGE}/connection?way=")
    typed = {"host": " files.jansen.example ", "user": "ekt", "folder": "in", "password": "s3cret"}
    answer = await browser.client.post(f"{PAGE}/connection?way=sftp", data={**values, **typed})
    assert answer.headers["location"] == f"{PAGE}#connection"
    request = office.services.last("PUT", PATH)
    assert request.headers["if-match"] == '"0"'
    assert body_of(request) == {
        "address": {"way": "sftp", "host": "files.jansen.example", "port": 22, "user": "ekt", "folder": "in"},
        "secrets": {"password": "s3cret"},
    }


async def test_secrets_are_never_shown_and_stay_unless_typed(office):
    on_page(office, {"transfer": "sftp"}, connection())
    office.services.on("PUT", "ekts", PATH, connection(revision=4), ETag='"4"')
    browser = await office.signed_in()
    page = await browser.get(PAGE)
    values = part_of(page, f"{PAGE}/connection?way=")
    assert values["password"] == ""
    assert "Is filled in. Leave empty to keep it." in text_of(page)
    await browser.client.post(f"{PAGE}/connection?way=sftp", data=values)
    request = office.services.last("PUT", PATH)
    assert (request.headers["if-match"], body_of(request)["secrets"]) == ('"3"', {})


async def test_what_is_refused_stands_beside_its_field_without_the_secret(office):
    on_page(office, {"transfer": "sftp"}, connection())
    errors = (
        {"field": "address.sftp.host", "message": "is no host name", "code": "string_pattern_mismatch"},
        {"field": "secrets.password", "message": "The server is another one.", "cure": "Type it again."},
    )
    office.services.on("PUT", "ekts", PATH, problem(422, "No", *errors), 422)
    browser = await office.signed_in()
    values = part_of(await browser.get(PAGE), f"{PAGE}/connection?way=")
    typed = {**values, "host": "bad host", "private_key": "TOP SECRET KEY", "password": "TOP SECRET"}
    answer = await browser.client.post(f"{PAGE}/connection?way=sftp", data=typed)
    shown = text_of(answer)
    assert answer.status_code == 422
    assert 'value="bad host"' in shown
    assert 'id="f-host-error">is no host name' in shown
    assert 'id="f-password-error">The server is another one. Type it again.' in shown
    assert "TOP SECRET" not in shown


async def test_a_connection_changed_by_somebody_else_says_so(office):
    on_page(office, {"transfer": "sftp"}, connection())
    office.services.on("PUT", "ekts", PATH, problem(412, "It was changed meanwhile"), 412)
    browser = await office.signed_in()
    values = part_of(await browser.get(PAGE), f"{PAGE}/connection?way=")
    answer = await browser.client.post(f"{PAGE}/connection?way=sftp", data=values)
    assert answer.status_code == 409
    assert "Changed by Piet at 10:42: reload" in text_of(answer)


async def test_the_steps_of_a_test_are_shown_and_a_key_is_accepted_by_a_person(office):
    key = "ssh-ed25519 SHA256:abc+/="
    asks = found(
        ("connect", "done", ""), ("host_key", "asks", "nobody has accepted"), asks=True, fingerprint=key
    )
    on_page(office, {"transfer": "sftp"}, connection(test=asks))
    office.services.on("POST", "ekts", f"{PATH}/test", found(("connect", "done", ""), ok=True))
    browser = await office.signed_in()
    page = await browser.get(PAGE)
    shown = text_of(page)
    assert "Key not accepted yet" in shown
    assert "<strong>Key of the server</strong>" in shown
    assert f"<code>{key}</code>" in shown
    forms = [form for form in page.text.split("<form") if f'action="{PAGE}/connection/test"' in form]
    assert len(forms) == 2
    accepting = part_of(type("P", (), {"text": "<form" + forms[1]}), f"{PAGE}/connection/test")
    answer = await browser.client.post(f"{PAGE}/connection/test", data=accepting)
    assert answer.status_code == 303
    assert body_of(office.services.last("POST", f"{PATH}/test")) == {"accept": key}
    assert "every step was done" in text_of(await browser.get(PAGE))


async def test_a_failed_test_shows_the_servers_words(office):
    bad = found(("connect", "done", ""), ("sign_in", "failed", "530 <b>Authentication</b> failed"))
    on_page(office, {"transfer": "ftps"}, connection(address={"way": "ftps"}, test=bad))
    office.services.on("POST", "ekts", f"{PATH}/test", bad)
    browser = await office.signed_in()
    await browser.post(f"{PAGE}/connection/test", page=PAGE)
    page = await browser.get(PAGE)
    assert "The connection does not work yet" in text_of(page)
    assert ">Failed</span>" in text_of(page)
    assert "<b>Authentication" not in page.text
    assert "530" in page.text


async def test_a_connection_for_another_way_is_not_taken_for_this_one(office):
    on_page(office, {"transfer": "http"}, connection())
    browser = await office.signed_in()
    page = await browser.get(PAGE)
    assert "Not filled in yet" in text_of(page)
    values = part_of(page, f"{PAGE}/connection?way=")
    assert set(values) >= {"url", "status_url", "signing_secret"}
    assert values["_revision"] == "3"


async def test_a_connection_is_removed_on_the_revision_that_was_seen(office):
    on_page(office, {"transfer": "sftp"}, connection())
    office.services.on("DELETE", "ekts", PATH, None, 204)
    browser = await office.signed_in()
    values = part_of(await browser.get(PAGE), f"{PAGE}/connection/remove")
    answer = await browser.client.post(f"{PAGE}/connection/remove", data=values)
    assert answer.status_code == 303
    assert office.services.last("DELETE", PATH).headers["if-match"] == '"3"'


async def test_a_reader_sees_no_way_to_change_or_test_it(office):
    on_page(office, {"transfer": "sftp"}, connection())
    shown = (await (await office.with_roles("read-only", name="reader9")).get(PAGE)).text
    assert "/connection/test" not in shown
    assert "data-save" not in shown


async def test_the_page_stands_while_the_ekt_service_is_away(office):
    on_page(office, {"transfer": "sftp"})
    office.services.away("GET", "ekts", PATH)
    answer = await (await office.signed_in()).get(PAGE)
    assert answer.status_code == 200
    assert "EKTs does not answer" in text_of(answer)
