"""A simulator over real HTTP: it records, stores, and misbehaves exactly as told."""

from collections.abc import AsyncIterator

import httpx
import pytest
from klokwerk_platform.http_server import serving
from klokwerk_platform.ports import free_ports
from klokwerk_platform.simulators.behaviour import STATE_FOLDER_VARIABLE, Store, simulator_app
from pydantic import BaseModel


class Letter(BaseModel):
    text: str


def post_office():
    letters: Store[Letter] = Store("letters", Letter)
    app = simulator_app("post-office", "Post office", {"letters": letters})

    @app.post("/letters/{key}", status_code=201)
    async def post(key: str, letter: Letter) -> Letter:
        letters.put(key, letter)
        return letter

    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    (port,) = free_ports(1)
    async with (
        serving([(post_office(), port)]),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        yield http


async def post(client: httpx.AsyncClient, key: str = "a") -> httpx.Response:
    return await client.post(f"/letters/{key}", json={"text": "hello"})


async def test_what_is_accepted_is_stored_and_journaled(client):
    assert (await post(client)).status_code == 201
    assert (await client.get("/_stored")).json() == {"letters": [{"key": "a", "item": {"text": "hello"}}]}
    (request,) = (await client.get("/_requests", params={"method": "post"})).json()
    assert (request["path"], request["status"], request["behaviour"]) == ("/letters/a", 201, "normal")
    assert request["body"] == '{"text":"hello"}'


async def test_it_fails_the_next_n_requests_and_then_behaves(client):
    await client.put("/_control", json={"fail_next": 2, "status": 429, "retry_after": 3})
    answers = [await post(client) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 201]
    assert answers[0].headers["retry-after"] == "3"
    assert answers[0].json()["status"] == 429


@pytest.mark.parametrize(("body", "expected"), [(False, b""), ("<oops>", b"<oops>")])
async def test_a_failing_answer_can_be_empty_or_odd(client, body, expected):
    await client.put("/_control", json={"status": 500, "body": body})
    answer = await post(client)
    assert (answer.status_code, answer.content) == (500, expected)
    assert (await client.get("/_stored")).json() == {"letters": []}


async def test_an_answer_is_lost_after_the_work_was_done(client):
    await client.put("/_control", json={"lose_answer_after_accepting": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        await post(client)
    assert (await client.get("/_stored")).json()["letters"][0]["key"] == "a"
    (request,) = (await client.get("/_requests")).json()
    assert (request["status"], request["behaviour"]) == (None, "answer lost")
    assert (await post(client, "b")).status_code == 201


async def test_only_the_named_paths_misbehave_and_only_so_often(client):
    await client.put("/_control", json={"wrong_credentials": True, "only_paths": ["/letters/x"], "times": 1})
    assert [(await post(client, key)).status_code for key in ("a", "x", "x")] == [201, 401, 201]


async def test_slow_answers_outlast_an_impatient_caller(client):
    await client.put("/_control", json={"slow_seconds": 5})
    with pytest.raises(httpx.ReadTimeout):
        await client.post("/letters/a", json={"text": "x"}, timeout=0.05)
    await client.delete("/_control")
    assert (await post(client)).status_code == 201


async def test_a_setting_it_does_not_know_is_refused_by_name(client):
    answer = await client.put("/_control", json={"slow_second": 5})
    assert answer.status_code == 422
    assert "slow_second" in answer.text


async def test_a_restarted_simulator_still_knows_what_it_accepted(tmp_path, monkeypatch):
    monkeypatch.setenv(STATE_FOLDER_VARIABLE, str(tmp_path))
    first: Store[Letter] = Store("letters", Letter)
    first.put("a", Letter(text="one"))
    first.put("a", Letter(text="two"))
    with (tmp_path / "letters.jsonl").open("a") as out:
        out.write('{"key": "b", "it')
    again: Store[Letter] = Store("letters", Letter)
    assert again.items() == [("a", Letter(text="two"))]


async def test_the_settings_page_names_every_setting(client):
    page = (await client.get("/_settings")).text
    assert "lose_answer_after_accepting" in page
    assert "Post office" in page
