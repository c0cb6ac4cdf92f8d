"""The issuer: tokens that the services accept, keys at rest, guessing slowed down."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from back_office.issuer.keys import SEALED, KeyRing
from back_office_world import ADMIN, PASSWORD, World, start_world
from joserfc.jwk import KeySet
from klokwerk.access import FixedKeys, Verifier
from klokwerk.clock import SystemClock
from klokwerk.database import Database
from klokwerk.http import Problem
from klokwerk.sealing import Sealer, WrongSecretKey
from klokwerk.testing import fresh_database


async def ask(office: World, address: str = "198.51.100.1", auth=None, **form: str):
    browser = office.browser(address=address)
    return await browser.client.post("/oauth/token", data=form, auth=auth)


async def verifier(office: World, issuer: str = "http://office.test") -> Verifier:
    keys = (await office.client.get("/.well-known/jwks.json")).json()
    return Verifier(issuer, FixedKeys(KeySet.import_key_set(keys)))


async def test_a_users_token_is_accepted_by_what_the_services_check_with(office):
    answer = await ask(office, grant_type="password", username=" Anna ", password=PASSWORD)
    assert answer.status_code == 200, answer.text
    assert answer.json()["expires_in"] == 3600
    assert answer.headers["cache-control"] == "no-store"
    person = await (await verifier(office)).verify(answer.json()["access_token"])
    assert person.name == ADMIN
    assert person.roles == {"sales", "finance", "billing-admin", "ops", "read-only"}


async def test_a_machine_client_gets_just_its_own_roles_by_basic_or_by_form(office):
    by_form = await ask(
        office, grant_type="client_credentials", client_id="webshop", client_secret="shop secret"
    )
    by_header = await ask(office, auth=("webshop", "shop secret"), grant_type="client_credentials")
    check = await verifier(office)
    for answer in (by_form, by_header):
        person = await check.verify(answer.json()["access_token"])
        assert (person.subject, person.roles) == ("client:webshop", {"sales"})


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "implicit"}, 400, "unsupported_grant_type"),
        ({"grant_type": "password", "username": "anna"}, 400, "invalid_request"),
        ({"grant_type": "password", "username": "nobody", "password": "x"}, 400, "invalid_grant"),
        (
            {"grant_type": "client_credentials", "client_id": "webshop", "client_secret": "x"},
            401,
            "invalid_client",
        ),
        ({"grant_type": "client_credentials", "client_id": "", "client_secret": ""}, 401, "invalid_client"),
    ],
)
async def test_a_wrong_token_request_names_the_error(office, form, status, error):
    answer = await ask(office, address=f"198.51.100.{len(str(form)) % 200 + 2}", **form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


async def test_a_token_of_another_issuer_or_an_altered_one_is_refused(office):
    token = (await ask(office, grant_type="password", username="anna", password=PASSWORD)).json()[
        "access_token"
    ]
    with pytest.raises(Problem):
        await (await verifier(office, "http://elsewhere.test")).verify(token)
    head, body, signature = token.split(".")
    with pytest.raises(Problem):
        await (await verifier(office)).verify(f"{head}.{body[:-2]}AA.{signature}")


async def test_the_discovery_document_names_where_everything_is(office):
    found = (await office.client.get("/.well-known/openid-configuration")).json()
    assert found["issuer"] == "http://office.test"
    assert found["token_endpoint"] == "http://office.test/oauth/token"
    assert (await office.client.get(found["jwks_uri"].removeprefix("http://office.test"))).status_code == 200


async def test_the_public_key_set_holds_nothing_private(office):
    keys = (await office.client.get("/.well-known/jwks.json")).json()["keys"]
    assert keys
    assert all(set(key) <= {"kty", "crv", "x", "y", "kid", "use", "alg"} for key in keys)


async def test_guessing_a_password_is_slowed_down_also_for_the_right_one(fresh_office):
    form = {"grant_type": "password", "username": ADMIN}
    for _ in range(5):
        assert (await ask(fresh_office, **form, password="wrong")).status_code == 400
    blocked = await ask(fresh_office, **form, password=PASSWORD)
    assert blocked.status_code == 429
    assert 0 < int(blocked.headers["retry-after"]) <= 5


async def test_one_address_can_not_try_many_users(fresh_office):
    for number in range(20):
        answer = await ask(fresh_office, grant_type="password", username=f"user{number}", password="wrong")
        assert answer.status_code == 400
    assert (
        await ask(fresh_office, grant_type="password", username="another", password="x")
    ).status_code == 429
    elsewhere = await ask(
        fresh_office, address="198.51.100.99", grant_type="password", username=ADMIN, password=PASSWORD
    )
    assert elsewhere.status_code == 200


async def test_right_passwords_never_block(fresh_office):
    for _ in range(25):
        answer = await ask(fresh_office, grant_type="password", username=ADMIN, password=PASSWORD)
        assert answer.status_code == 200


async def test_the_key_survives_a_restart_and_is_unreadable_with_another_secret(platform_servers):
    async with fresh_database(platform_servers.admin_database_url, "back_office") as url:
        async with start_world(url) as before:
            old = (await before.client.get("/.well-known/jwks.json")).json()
        async with start_world(url) as after:
            assert (await after.client.get("/.well-known/jwks.json")).json() == old
        database = Database(url)
        try:
            async with database.connect() as connection:
                sealed = await connection.scalar(sa.text("select sealed from signing_keys"))
            assert b"PRIVATE" not in sealed
            ring = KeyRing(database, Sealer("another secret altogether", SEALED), SystemClock())
            with pytest.raises(WrongSecretKey, match="KLOKWERK_SECRET_KEY"):
                await ring.mint("http://office.test")
        finally:
            await database.close()


async def test_a_renewed_key_signs_and_the_old_one_is_still_shown(fresh_office):
    office = fresh_office.app.state.office
    before = (await fresh_office.client.get("/.well-known/jwks.json")).json()["keys"]
    ring = KeyRing(
        office.database, Sealer(fresh_office.settings.secret_key.get_secret_value(), SEALED), office.wall
    )
    new = await ring.renew()
    renewed = await ring.mint("http://office.test")
    kids = [key["kid"] for key in renewed.key_set()["keys"]]
    assert kids == [new, before[0]["kid"]]


async def test_the_first_user_is_made_once_only(platform_servers):
    async with fresh_database(platform_servers.admin_database_url, "back_office") as url:
        async with start_world(url) as world:
            assert (
                await ask(world, grant_type="password", username=ADMIN, password=PASSWORD)
            ).status_code == 200
        async with start_world(url, admin_user="eve", admin_password="another word") as world:
            assert (
                await ask(world, grant_type="password", username="eve", password="another word")
            ).status_code == 400


@pytest.mark.parametrize(
    ("roles", "password", "words"),
    [
        (("king",), "long enough", "no such role: king"),
        ((), "long enough", "at least one"),
        (("ops",), "short", "8"),
    ],
)
async def test_a_user_needs_known_roles_and_a_password_of_some_length(office, roles, password, words):
    with pytest.raises(ValueError, match=words):
        await office.app.state.office.sign_in.add_user("somebody", password, roles)
