"""The HTTP layer: a small service of the test's own, on a real database."""

from __future__ import annotations

import asyncio
import csv
import io
import zipfile
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi import APIRouter, FastAPI, Request, Response
from klokwerk import access, http
from klokwerk.access import Person, SignedIn, allow, audit, check_routes, trail
from klokwerk.clock import SystemClock
from klokwerk.database import Database
from klokwerk.http import (
    Column,
    Expected,
    FieldProblem,
    Once,
    Problem,
    check_revision,
    csv_response,
    etag,
    problems,
)
from klokwerk.http.limits import BodyLimit
from klokwerk.http.pages import decode_cursor, encode_cursor, page_of
from klokwerk.testing import TokenIssuer
from pydantic import BaseModel
from python_calamine import CalamineWorkbook

ISSUER = TokenIssuer()


class Thing(BaseModel):
    name: str
    amount: Decimal = Decimal(0)


def service(database: Database) -> FastAPI:
    router = APIRouter(prefix="/v1")
    work = {"done": 0}

    @router.post("/things")
    async def make(thing: Thing, once: Once, _: Person = allow("sales")) -> Response:
        async with database.transaction() as connection:
            if answer := await once.answered(connection):
                return answer
            work["done"] += 1
            await connection.execute(
                sa.text("insert into stored values (:id, 1)"), {"id": f"{thing.name}-{work['done']}"}
            )
            return await once.keep(connection, {"number": work["done"]}, headers={"ETag": etag(1)})

    @router.put("/things/1")
    async def change(
        expected: Expected, thing: Thing, person: Person = allow("sales", "finance")
    ) -> dict[str, Any]:
        check_revision(expected, 3, changed_by="Bram", changed_at="10:42")
        async with database.transaction() as connection:
            await audit(
                connection, person, SystemClock().now(), "changed", "thing", "1",
                old={"name": "a"}, new={"name": thing.name},
            )  # fmt: skip
            return {"trail": await trail(connection, "thing", "1")}

    @router.post("/files/{name}")
    async def upload(request: Request, name: str, _: SignedIn) -> int:
        return len(await request.body())

    @router.get("/me")
    async def me(person: SignedIn) -> dict[str, str]:
        return {"name": person.name}

    @router.get("/problem")
    async def problem(_: SignedIn) -> None:
        raise Problem(
            409, "Not now", "The day is closed.", errors=[FieldProblem(field="day", message="closed")]
        )

    @router.get("/crash")
    async def crash(_: SignedIn) -> None:
        raise ZeroDivisionError("secret detail")

    @router.get("/export")
    async def export(_: SignedIn, form: str = "csv", language: str = "nl") -> Response:
        columns = [Column[Thing]("Naam", lambda r: r.name), Column[Thing]("Bedrag", lambda r: r.amount)]
        if form == "xlsx":
            return await http.xlsx_response(rows(), columns, file_name="things.xlsx")
        return csv_response(rows(), columns, file_name="things.csv", language=language)

    app = FastAPI()
    problems.install(app)
    app.add_middleware(BodyLimit, most=1000, larger={r"/v1/files/[a-z]+": 3000})
    app.state.verifier = ISSUER.verifier
    app.include_router(router)
    check_routes(app)
    return app


async def rows() -> AsyncIterator[Thing]:
    yield Thing(name='=HYPERLINK("http://x.example")', amount=Decimal("-12.50"))
    yield Thing(name="Sjöberg; & zonen", amount=Decimal("1000.00"))
    for hostile in ("+1", "-1", "@SUM(A1)", "\tx"):
        yield Thing(name=hostile)


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=service(database), raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers=ISSUER.headers("sales")
    ) as client:
        yield client


async def test_a_post_with_an_idempotency_key_is_done_once(client: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "abc"}
    first = await client.post("/v1/things", json={"name": "a"}, headers=key)
    again = await client.post("/v1/things", json={"name": "a"}, headers=key)
    assert (first.status_code, first.json()) == (201, {"number": 1})
    assert (again.status_code, again.json(), again.headers["etag"]) == (201, {"number": 1}, '"1"')
    assert again.headers["idempotent-replay"] == "true"
    other = await client.post("/v1/things", json={"name": "b"}, headers=key)
    assert other.status_code == 422
    assert "another request" in other.json()["title"]
    somebody = await client.post(
        "/v1/things", json={"name": "a"}, headers={**key, **ISSUER.headers("sales", subject="bram")}
    )
    assert somebody.json() == {"number": 2}, "keys of two people have nothing to do with each other"
    assert (await client.post("/v1/things", json={"name": "a"})).json() == {"number": 3}


async def test_requests_with_one_key_at_the_same_moment_are_done_once(client: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "same"}
    answers = await asyncio.gather(
        *(client.post("/v1/things", json={"name": "a"}, headers=key) for _ in range(8))
    )
    assert {a.text for a in answers} == {'{"number":1}'}


async def test_an_edit_names_the_revision_it_saw(client: httpx.AsyncClient) -> None:
    body = {"name": "b"}
    missing = await client.put("/v1/things/1", json=body)
    assert missing.status_code == 428
    stale = await client.put("/v1/things/1", json=body, headers={"If-Match": '"2"'})
    assert stale.status_code == 412
    assert "changed by Bram at 10:42" in stale.json()["detail"]
    assert stale.headers["etag"] == '"3"'
    nonsense = await client.put("/v1/things/1", json=body, headers={"If-Match": "yesterday"})
    assert nonsense.status_code == 400
    good = await client.put("/v1/things/1", json=body, headers={"If-Match": '"3"'})
    (entry,) = good.json()["trail"]
    assert (entry["person_name"], entry["action"], entry["old"], entry["new"]) == (
        "Anna",
        "changed",
        {"name": "a"},
        {"name": "b"},
    )


async def test_errors_are_problem_details_that_name_the_field(client: httpx.AsyncClient) -> None:
    invalid = await client.post("/v1/things", json={"amount": "x"})
    assert invalid.status_code == 422
    assert invalid.headers["content-type"] == "application/problem+json"
    assert {error["field"] for error in invalid.json()["errors"]} == {"name", "amount"}
    stated = (await client.get("/v1/problem")).json()
    assert (stated["title"], stated["status"], stated["errors"][0]["field"]) == ("Not now", 409, "day")
    crash = await client.get("/v1/crash")
    assert crash.status_code == 500
    assert "secret" not in crash.text
    missing = await client.get("/v1/nothing")
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Basic YTpi"}, 401),
        ({"Authorization": "Bearer not.a.token"}, 401),
        (ISSUER.headers("sales", seconds=-120), 401),
        (TokenIssuer().headers("sales"), 401),
        (TokenIssuer(issuer="http://else", key=ISSUER.key).headers("sales"), 401),
        (ISSUER.headers("finance"), 403),
        (ISSUER.headers(), 403),
        (ISSUER.headers("sales"), 201),
    ],
)
async def test_who_may_do_what(database: Database, headers: dict[str, str], status: int) -> None:
    transport = httpx.ASGITransport(app=service(database))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.post("/v1/things", json={"name": "a"}, headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert "this needs sales" in answer.json()["detail"]


def test_a_route_that_does_not_say_who_may_use_it_stops_the_start() -> None:
    app = FastAPI()

    @app.get("/v1/open")
    async def forgotten() -> None: ...

    with pytest.raises(RuntimeError, match="/v1/open"):
        access.check_routes(app)


async def test_a_body_that_is_too_large_is_refused(client: httpx.AsyncClient) -> None:
    declared = await client.post("/v1/things", content=b"x" * 2000)
    assert declared.status_code == 413

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b"x" * 100

    streamed = await client.post("/v1/things", content=endless())
    assert streamed.status_code == 413
    assert streamed.json()["title"] == "The request is too large"


async def test_a_path_for_files_takes_more_than_the_others(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/files/one", content=b"x" * 2000)).json() == 2000
    assert (await client.post("/v1/files/one", content=b"x" * 4000)).status_code == 413
    assert (await client.post("/v1/files/one/two", content=b"x" * 2000)).status_code == 413


async def test_csv_is_readable_by_spreadsheets_and_runs_no_formula(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/export")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    table = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert table[0] == ["Naam", "Bedrag"]
    assert table[1] == ['\'=HYPERLINK("http://x.example")', "-12,50"]
    assert table[2] == ["Sjöberg; & zonen", "1000,00"]
    assert [row[0][0] for row in table[3:]] == ["'"] * 4
    english = await client.get("/v1/export", params={"language": "en"})
    assert english.text.splitlines()[1].endswith(",-12.50")


async def test_xlsx_holds_text_as_text_and_numbers_as_numbers(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/export", params={"form": "xlsx"})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    (header, first, *_) = (
        CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_index(0).to_python()
    )
    assert header == ["Naam", "Bedrag"]
    assert first == ['\'=HYPERLINK("http://x.example")', -12.5]


def test_a_cursor_goes_round_and_a_foreign_one_is_refused() -> None:
    page = page_of(list(range(11)), 10, lambda number: (number, f"n{number}"))
    assert len(page.items) == 10
    assert decode_cursor(page.next, 2) == [9, "n9"]
    assert page_of([1], 10, lambda n: (n,)).next is None
    assert decode_cursor(None, 2) is None
    for cursor in ("%%%", encode_cursor([1]), encode_cursor([1, 2, 3]), "bm90IGpzb24"):
        with pytest.raises(Problem):
            decode_cursor(cursor, 2)
