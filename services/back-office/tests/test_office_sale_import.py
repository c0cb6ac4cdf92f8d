"""Sales out of a file: handed in, tried, looked at, stored."""

from __future__ import annotations

import pytest
from office_shapes import DAY, body_of, page, sold_page, text_of

IMPORTS = f"/v1/days/{DAY}/imports"
JOB = {
    "id": "j1", "kind": "sales-import", "title": "dag.csv", "state": "done", "done": 4, "total": 4, "revision": 5,
    "message": "Tried", "created_by": "Anna", "created_at": "2026-11-02T09:00:00Z",
    "result": {
        "trial": True, "added": 3, "changed": 0, "unchanged": 0, "refused": 0, "messages": [], "messages_count": 0,
    },
}  # fmt: skip


def job(**result) -> dict:
    return JOB | {"result": JOB["result"] | result}


async def page_of(office, found: dict, query: str = "", name: str = "anna"):
    office.services.on("GET", "sales", "/v1/jobs/j1", found)
    browser = await office.signed_in()
    return await browser.get(f"/sales/import/j1?day={DAY}{query}")


async def hand_in(browser, content: bytes, **fields):
    token = await browser.csrf("/sign-in")
    return await browser.client.post(
        "/sales/import",
        data={"_csrf": token, "day": DAY, "_once": "k1", **fields},
        files={"file": ("C:\\sales\\dag.csv", content, "text/csv")},
    )


async def test_the_page_names_the_columns_that_a_file_may_have(office):
    columns = [
        {"name": "units", "heading": "Units", "imported": True},
        {"name": "amount", "heading": "Amount", "imported": False},
    ]
    office.services.on("GET", "sales", "/v1/imports/columns", page(*columns))
    text = text_of(await (await office.signed_in()).get(f"/sales/import?day={DAY}"))
    assert "<li>Units</li>" in text
    assert "<li>Amount</li>" not in text
    assert f'value="{DAY}"' in text


async def test_a_file_is_handed_in_with_how_it_is_to_be_read(office):
    office.services.on("POST", "sales", IMPORTS, JOB, 202)
    browser = await office.signed_in()
    answer = await hand_in(browser, b"a;b", allocate="on", delimiter=";", encoding="klingon")
    assert answer.headers["location"] == f"/sales/import/j1?day={DAY}"
    request = office.services.last("POST", IMPORTS)
    assert request.content == b"a;b"
    assert dict(request.url.params) == {"file_name": "dag.csv", "allocate": "true", "delimiter": ";"}
    assert request.headers["idempotency-key"] == "k1"


@pytest.mark.parametrize(
    ("content", "day", "words"), [(b"", DAY, "No file was chosen"), (b"x", "soon", "Choose an order day")]
)
async def test_nothing_is_handed_in_without_a_file_and_a_day(office, content, day, words):
    answer = await hand_in(await office.signed_in(), content, day=day)
    assert answer.status_code == 422
    assert words in text_of(answer)


async def test_why_a_file_is_not_taken_is_told(office):
    office.services.on(
        "POST", "sales", IMPORTS, {"title": "The file is too large", "detail": "20 MB is the most"}, 413
    )
    assert "20 MB is the most" in text_of(await hand_in(await office.signed_in(), b"x"))


async def test_while_it_is_tried_the_page_renews_itself(office):
    running = JOB | {"state": "running", "done": 1, "result": {}}
    answer = await page_of(office, running)
    assert f'hx-get="/sales/import/j1?day={DAY}&amp;part=result"' in answer.text
    assert "Store" not in text_of(answer)
    part = await page_of(office, JOB, "&part=result")
    assert "hx-get" not in part.text
    assert "Store 3 rows</button>" in text_of(part)
    assert "<h1>" not in part.text


async def test_with_bad_rows_each_is_named_and_only_the_good_ones_are_offered(office):
    message = {
        "kind": "error",
        "row": 4,
        "column": "Units",
        "value": "=1+1",
        "message": "no number",
        "cure": "write 10",
    }
    note = {"kind": "note", "row": 5, "column": "units", "value": "12", "message": "was 10", "cure": ""}
    found = job(refused=1, messages=[message, note], messages_count=300)
    found["files"] = [{"role": "messages", "name": "messages-dag.csv"}]
    text = text_of(await page_of(office, found))
    assert "Store the 3 good rows only</button>" in text
    assert "Store 3 rows" not in text
    for words in ("=1+1", "no number", "write 10", "was 10", "298", "messages-dag.csv"):
        assert words in text, words


async def test_storing_starts_the_job_once_and_follows_it(office):
    office.services.on("GET", "sales", "/v1/jobs/j1", JOB)
    office.services.on("POST", "sales", "/v1/imports/j1/run", JOB | {"id": "j2"}, 202)
    browser = await office.signed_in()
    answer = await browser.post(
        "/sales/import/j1/run", {"mode": "each", "day": DAY}, page=f"/sales/import/j1?day={DAY}"
    )
    assert answer.headers["location"] == f"/sales/import/j2?day={DAY}&run=1"
    assert body_of(office.services.last("POST", "/v1/imports/j1/run")) == {"mode": "each"}
    office.services.on("POST", "sales", "/v1/imports/j1/run", {"title": "This import can't be run"}, 409)
    await browser.post("/sales/import/j1/run", {"mode": "x", "day": DAY}, page=f"/sales/import/j1?day={DAY}")
    assert "This import can't be run" in text_of(await browser.get(f"/sales/import/j1?day={DAY}"))


async def test_after_storing_the_way_leads_to_the_day(office):
    text = text_of(await page_of(office, job(trial=False), "&run=1"))
    assert f'href="/sales?day={DAY}"' in text
    assert "Store" not in text
    failed = JOB | {"state": "failed", "message": "Nothing was stored: 1 row(s) can't be taken", "result": {}}
    assert "Nothing was stored" in text_of(await page_of(office, failed, "&run=1"))


async def test_who_may_only_look_is_not_offered_storing(office):
    office.services.on("GET", "sales", "/v1/jobs/j1", JOB)
    office.services.on("GET", "sales", f"/v1/days/{DAY}/debtors", sold_page())
    browser = await office.with_roles("read-only", name="reader-import")
    assert "Store" not in text_of(await browser.get(f"/sales/import/j1?day={DAY}"))
