"""The simulated Mailchimp answers as Mailchimp's documentation says: statuses, bodies, limits, archives."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from klokwerk_platform.simulators.mailchimp import API_KEY, LIST_ID, create_app
from klokwerk_platform.simulators.mailchimp_members import hash_of

LIST = f"/3.0/lists/{LIST_ID}"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app())
    async with httpx.AsyncClient(
        transport=transport, base_url="http://mailchimp.test", auth=("anystring", API_KEY)
    ) as http:
        yield http


def member(email: str) -> str:
    return f"{LIST}/members/{hash_of(email)}"


async def put(client: httpx.AsyncClient, email: str, **body: Any) -> httpx.Response:
    return await client.put(
        member(email), json={"email_address": email, "status_if_new": "subscribed", **body}
    )


async def test_a_key_that_is_not_valid_gets_mailchimps_problem_document(client: httpx.AsyncClient) -> None:
    answer = await client.get("/3.0/ping", auth=("anystring", "wrong-us1"))
    assert (answer.status_code, answer.json()["title"]) == (401, "API Key Invalid")
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert (await client.get("/3.0/ping")).json() == {"health_status": "Everything's Chimpy!"}
    assert (await client.get("/3.0/lists/other")).json()["title"] == "Resource Not Found"


async def test_the_status_for_new_contacts_never_moves_one_that_is_there(client: httpx.AsyncClient) -> None:
    made = await put(client, "Anna@Bloem.example", merge_fields={"FNAME": "Anna"})
    assert (made.status_code, made.json()["status"]) == (200, "subscribed")
    assert made.json()["id"] == hash_of("anna@bloem.example")
    await client.put(f"/_happens/{LIST_ID}/anna@bloem.example", json={"status": "unsubscribed"})
    again = await put(client, "anna@bloem.example", merge_fields={"FNAME": "Ans"})
    assert (again.json()["status"], again.json()["merge_fields"]["FNAME"]) == ("unsubscribed", "Ans")
    forced = await put(client, "anna@bloem.example", status="subscribed")
    assert (forced.status_code, forced.json()["title"]) == (400, "Member In Compliance State")


async def test_who_was_forgotten_can_not_be_put_back_and_a_fake_address_is_invalid(
    client: httpx.AsyncClient,
) -> None:
    await put(client, "ans@bloem.example")
    gone = await client.post(f"{member('ans@bloem.example')}/actions/delete-permanent")
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await client.get(member("ans@bloem.example"))).status_code == 404
    assert (await put(client, "ans@bloem.example")).json()["title"] == "Forgotten Email Not Subscribed"
    assert (await put(client, "x@fake.example")).json()["title"] == "Invalid Resource"


async def test_what_changed_since_is_read_in_pages(client: httpx.AsyncClient) -> None:
    for number in range(5):
        await put(client, f"p{number}@bloem.example")
    later = (await client.get(member("p4@bloem.example"))).json()["last_changed"]
    everything = (await client.get(f"{LIST}/members", params={"count": 2, "offset": 4})).json()
    assert (everything["total_items"], len(everything["members"])) == (5, 1)
    newer = (await client.get(f"{LIST}/members", params={"since_last_changed": later})).json()
    assert "p4@bloem.example" in [each["email_address"] for each in newer["members"]]


async def test_more_than_ten_at_a_time_are_refused(client: httpx.AsyncClient) -> None:
    await client.put("/_limits", json={"thinking_seconds": 0.05})
    answers = await asyncio.gather(*(client.get("/3.0/ping") for _ in range(14)))
    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [429] * 4


async def test_a_batch_is_worked_off_between_polls_and_its_archive_takes_no_credentials(
    client: httpx.AsyncClient,
) -> None:
    assert (await client.post("/3.0/batches", json={"operations": []})).status_code == 400
    await client.put("/_limits", json={"polls": 1})
    operations = [
        {
            "method": "PUT",
            "path": f"lists/{LIST_ID}/members/{hash_of(email)}",
            "operation_id": f"put:{email}",
            "body": json.dumps({"email_address": email, "status_if_new": "subscribed"}),
        }
        for email in ("b1@bloem.example", "b2@fake.example")
    ]
    batch = (await client.post("/3.0/batches", json={"operations": operations})).json()
    assert batch["status"] == "pending"
    states = [(await client.get(f"/3.0/batches/{batch['id']}")).json() for _ in range(2)]
    assert [state["status"] for state in states] == ["started", "finished"]
    assert (states[1]["finished_operations"], states[1]["errored_operations"]) == (2, 1)
    link = states[1]["response_body_url"]
    assert (await client.get(link)).status_code == 400
    packed = await client.get(link, auth=httpx.Auth())
    with tarfile.open(fileobj=io.BytesIO(packed.content), mode="r:gz") as archive:
        files = [archive.extractfile(entry) for entry in archive if entry.isfile()]
        results = [result for file in files if file for result in json.load(file)]
    assert {result["operation_id"]: result["status_code"] for result in results} == {
        "put:b1@bloem.example": 200,
        "put:b2@fake.example": 400,
    }
