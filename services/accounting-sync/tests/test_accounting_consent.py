"""Consent at Exact Online: bound to who began it, good once, worthless to whoever picks up the code."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
from accounting_world import World

WITHOUT_TOKENS = {"division": 102030, "client_id": "klokwerk", "client_secret": "klokwerk-secret"}


async def fresh(world: World) -> str:
    """An administration that has credentials and no consent yet."""
    code = (await world.books()).code + "x"
    credentials = WITHOUT_TOKENS | {"base_url": world.exact.url}
    body = {"name": "Books", "target": "exact-direct", "credentials": credentials}
    assert (await world.ask("PUT", f"/administrations/{code}", json=body)).status_code == 201
    return code


async def test_a_person_gives_consent_and_the_connection_works(world: World) -> None:
    code = await fresh(world)
    shown = (await world.ask("GET", f"/administrations/{code}")).json()["connection"]
    assert (shown["has_credentials"], shown["needs_consent"]) == (True, True)
    page = await world.authorize(code)
    query = parse_qs(urlsplit(page).query)
    assert page.startswith(f"{world.exact.url}/api/oauth2/auth?")
    assert (query["redirect_uri"], query["response_type"]) == (["http://here/back"], ["code"])
    assert (query["code_challenge_method"], len(query["state"][0])) == (["S256"], 43)
    answer = await world.ask("POST", "/consents", json=await world.exact.visit(page))
    assert (answer.status_code, answer.json()["administration"]) == (200, code)
    assert answer.json()["connection"]["needs_consent"] is False
    assert (await world.ask("GET", f"/{code}/health")).json()["ok"] is True
    trail = await world.rows("select action from audit where entity_id = :code order by id", code=code)
    assert [row.action for row in trail] == ["made", "consent given"]


async def test_a_state_serves_once_for_ten_minutes_and_for_who_began_it(world: World) -> None:
    code = await fresh(world)
    back = await world.exact.visit(await world.authorize(code))
    other = world.issuer.headers("finance", subject="bert", name="Bert")
    answer = await world.client.post("/v1/consents", json=back, headers=other)
    assert (answer.status_code, answer.json()["title"]) == (409, "This consent was not begun here")
    assert (await world.ask("POST", "/consents", json=back | {"state": "guessed"})).status_code == 409
    assert (await world.ask("POST", "/consents", json=back, roles=("sales",))).status_code == 403
    assert (await world.ask("POST", "/consents", json=back)).status_code == 200
    assert (await world.ask("POST", "/consents", json=back)).status_code == 409, "a second time"
    late = await world.exact.visit(await world.authorize(code))
    world.clock.advance(timedelta(minutes=11))
    assert (await world.ask("POST", "/consents", json=late)).status_code == 409, "too late"


async def test_a_code_that_was_picked_up_on_the_way_is_of_no_use_without_what_we_keep(world: World) -> None:
    code = await fresh(world)
    back = await world.exact.visit(await world.authorize(code))
    form = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": "http://here/back"}
    secrets = {"client_id": "klokwerk", "client_secret": "klokwerk-secret"}
    async with httpx.AsyncClient() as thief:
        answer = await thief.post(f"{world.exact.url}/api/oauth2/token", data=form | secrets)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_grant")


async def test_a_consent_needs_credentials_and_a_system_that_asks_for_it(world: World) -> None:
    books = await world.books()
    back = {"redirect_uri": "http://here/back"}
    path = f"/administrations/{books.code}/consents"
    assert (await world.ask("POST", path, json=back)).json()["title"] == "No consent is needed"
    body = {"name": "Books", "target": "exact-direct"}
    code = books.code + "y"
    await world.ask("PUT", f"/administrations/{code}", json=body)
    answer = await world.ask("POST", f"/administrations/{code}/consents", json=back)
    assert (answer.status_code, answer.json()["title"]) == (409, "No credentials")
    bad = await world.ask("POST", path, json={"redirect_uri": "javascript:alert(1)"})
    assert bad.status_code == 422


async def test_a_consent_page_that_does_not_answer_is_told_apart_from_a_refused_code(world: World) -> None:
    code = await fresh(world)
    back = await world.exact.visit(await world.authorize(code))
    await world.exact.behave(status=503, only_paths=["/api/oauth2/token"])
    answer = await world.ask("POST", "/consents", json=back)
    assert (answer.status_code, answer.json()["title"]) == (503, "Exact Online does not answer")
