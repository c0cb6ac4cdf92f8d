"""A job under way: its page, its progress as server-sent events, its files, stopping it."""

from __future__ import annotations

import json

import httpx
from office_shapes import text_of

JOB = {
    "id": "j1",
    "kind": "counting",
    "title": "klanten.csv",
    "state": "running",
    "done": 250,
    "total": 1000,
    "result": {"created": 240},
    "message": "",
    "revision": 3,
    "created_by": "Anna",
    "created_at": "2026-11-02T09:00:00Z",
}


async def test_the_page_of_a_job_says_how_far_it_is_and_follows_it(office):
    office.services.on("GET", "debtors", "/v1/jobs/j1", JOB)
    answer = await (await office.signed_in()).get("/jobs/debtors/j1")
    shown = text_of(answer)
    assert "250 of 1,000" in shown
    assert "Running" in shown
    assert 'sse-connect="/jobs/debtors/j1/live"' in answer.text
    assert 'value="25"' in answer.text


async def test_progress_comes_as_events_until_the_job_is_over(office):
    steps = [JOB, JOB | {"done": 600, "revision": 4}, JOB | {"state": "done", "done": 1000, "revision": 5}]
    asked = iter(steps)
    office.services.on("GET", "debtors", "/v1/jobs/j1", JOB)
    office.services.answers[("GET", "debtors.test/v1/jobs/j1")] = lambda _: httpx.Response(
        200, content=json.dumps(next(asked)).encode(), headers={"content-type": "application/json"}
    )
    answer = await (await office.signed_in()).get("/jobs/debtors/j1/live")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [block for block in answer.text.split("\n\n") if block]
    assert [event.splitlines()[0] for event in events] == ["event: progress"] * 3 + ["event: end"]
    assert "600 of 1,000" in " ".join(events[1].split())
    assert office.services.last("GET", "/v1/jobs/j1").url.params["after"] == "4"


async def test_a_stream_ends_quietly_when_its_service_goes_away(office):
    office.services.on("GET", "debtors", "/v1/jobs/j1", JOB)
    calls = iter([JOB])

    def once_then_away(_: httpx.Request) -> httpx.Response:
        found = next(calls, None)
        if found is None:
            raise httpx.ReadError("gone")
        return httpx.Response(200, json=found)

    office.services.answers[("GET", "debtors.test/v1/jobs/j1")] = once_then_away
    answer = await (await office.signed_in()).get("/jobs/debtors/j1/live")
    assert answer.text.count("event: progress") == 1
    assert "event: end" not in answer.text


async def test_a_job_that_is_over_offers_its_files_and_no_stopping(office):
    over = JOB | {
        "state": "failed",
        "message": "Row 3 has no name",
        "files": [{"role": "output", "name": "errors <b>.csv", "size": 3}],
    }
    office.services.on("GET", "debtors", "/v1/jobs/j1", over)
    answer = await (await office.signed_in()).get("/jobs/debtors/j1")
    assert "Row 3 has no name" in answer.text
    assert "errors &lt;b&gt;.csv" in answer.text
    assert "/cancel" not in answer.text
    assert "sse-connect" not in answer.text


async def test_stopping_a_job_tells_its_service_or_why_not(office):
    office.services.on("GET", "debtors", "/v1/jobs/j1", JOB)
    office.services.on("POST", "debtors", "/v1/jobs/j1/cancel", {"title": "The job is over"}, status=409)
    browser = await office.signed_in()
    answer = await browser.post("/jobs/debtors/j1/cancel", page="/jobs/debtors/j1")
    assert answer.status_code == 303
    assert "The job is over" in (await browser.get("/jobs/debtors/j1")).text
