"""Articles out of a file and into one: tried, put right, stored, exported, imported again, taken up after a crash."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from klokwerk import jobs
from klokwerk.access import Person
from klokwerk.clock import FixedClock
from klokwerk.database import Database
from klokwerk.jobs import JobWorker, NewJob
from klokwerk.testing import eventually, fresh_database
from sales_service.domain.article_columns import COLUMNS, Guess, Sureness, column_named, guesses
from sales_service.domain.cells import BadCell
from sales_service.entry import article_importing
from sales_service.entry.article_importing import KIND, ArticleImport
from sales_world import NOON, World

COUNTED = ("added", "changed", "unchanged", "skipped", "refused")
HEADINGS = "Artikelnr;Omschrijving;VBN;Fust;Statiegeld;Inhoud;Btw;Land;Kenmerken;K01"


def table(*rows: str, headings: str = HEADINGS) -> bytes:
    return "\r\n".join([headings, *rows]).encode("cp1252")


def prefix() -> str:
    """Numbers of one test's own."""
    return f"T{uuid4().hex[:8]}"


async def over(world: World, job_id: str) -> dict:
    async def final() -> dict:
        job = (await world.get(f"/jobs/{job_id}")).json()
        return job if job["state"] in ("done", "failed", "cancelled") else {}

    return await eventually(final)


async def hand_in(world: World, content: bytes, **params: object) -> dict:
    answer = await world.ask(
        "POST", "/article-imports", content=content, params={"file_name": "artikelen.csv", **params}
    )
    assert answer.status_code == 202, answer.text
    return await over(world, answer.json()["id"])


async def run(world: World, job: dict, **body: object) -> dict:
    answer = await world.post(f"/article-imports/{job['id']}/run", body)
    assert answer.status_code == 202, answer.text
    return await over(world, answer.json()["id"])


def counted(job: dict) -> tuple[int, ...]:
    return tuple(job["result"][name] for name in COUNTED)


@pytest.mark.parametrize(
    ("headings", "names"),
    [
        (
            ("Artikelnr.", "Omschrijving", "VBN", "Fust", "Statiegeld", "Inhoud", "BTW", "Land", "Foto"),
            ["number", "name", "vbn_code", "packing_code", "packing_price", "pieces_per_unit", "vat_class",
             "country_of_origin", "image_url"],
        ),
        (("Article no", "Description", "Deposit", "S20", "s98", "K07"),
         ["number", "name", "packing_price", "stem_length", "quality", "K07"]),
        (("Artikelnumer", "Naam", "Product", "Opmerking", ""), ["number", "name", "", "", ""]),
    ],
)  # fmt: skip
def test_FA_48_columns_are_guessed_in_dutch_and_english_and_none_twice(headings, names) -> None:
    assert [guess.name for guess in guesses(headings)] == names


def test_a_heading_with_a_typing_error_is_a_guess_that_says_so() -> None:
    assert guesses(["Artikelnumer"]) == [Guess("number", Sureness.ALIKE)]
    assert guesses(["Artikelnummer"]) == [Guess("number", Sureness.KNOWN)]
    names = [column.name for column in COLUMNS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("number", "=HYPERLINK(1)"), ("vbn_code", "ABC"), ("packing_code", "99999"), ("country_of_origin", "Kenya"),
        ("pieces_per_unit", "1e999999999"), ("packing_price", "1e999999999"), ("packing_price", "free"),
        ("other_characteristics", "long"), ("stem_length", "12345678901"), ("vat_class", "21%"),
    ],
)  # fmt: skip
def test_a_cell_of_an_article_that_can_not_be_read_says_so_with_the_cure(name: str, text: str) -> None:
    column = column_named(name)
    assert column is not None
    with pytest.raises(BadCell) as caught:
        column.read(text)
    assert caught.value.cure


async def test_FA_48_a_list_of_articles_is_tried_then_stored_and_numbers_that_are_there_are_decided_on(
    world: World,
) -> None:
    p = prefix()
    for number, name in (("1", "Old name"), ("2", "Kept as it is")):
        answer = await world.post(
            "/articles", {"number": f"{p}-{number}", "name": name, "packing_code": "566"}
        )
        assert answer.status_code == 201, answer.text
    content = table(
        f"{p}-1;R GR RED NAOMI;10120;997;0,25;80;laag;nl;S20=70;",
        f"{p}-3;T STRONG GOLD;ABC;566;;50;hoog;KE;;2",
        f"{p}-2;Kept as it is;;566;;;;;;",
        f"{p}-4;Chrys San\u00e9t;10135;;1.234,50;;nul;;S01=12, S62=NL;3",
        f"{p}-1;Twice;;;;;;;;",
        f"{p}-5;;10120;;;;;;;",
        ";Nameless;;;;;;;;",
    )
    tried = await hand_in(world, content)
    assert (tried["state"], counted(tried)) == ("done", (1, 1, 1, 0, 4))
    assert tried["message"] == "Tried, nothing stored: 1 added, 1 changed, 1 unchanged, 0 skipped, 4 refused."
    errors = {one["row"]: one for one in tried["result"]["messages"] if one["kind"] == "error"}
    assert errors[3] == {
        "kind": "error", "row": 3, "column": "VBN", "value": "ABC", "message": "'ABC' is no VBN code",
        "cure": "write digits only, 7 at most, such as 10120",
    }  # fmt: skip
    assert (errors[6]["message"], errors[6]["value"]) == (f"'{p}-1' stands in row 2 too", f"{p}-1")
    assert (errors[7]["message"], errors[7]["cure"]) == ("Field required", "Add it.")
    assert errors[8]["message"] == "the row has no article number"
    notes = {one["column"]: one["message"] for one in tried["result"]["messages"] if one["kind"] == "note"}
    assert (notes["name"], notes["packing_code"], notes["packing_price"]) == (
        "was Old name", "was 566", "was empty",
    )  # fmt: skip
    assert (await world.get(f"/articles/{p}-4")).status_code == 404

    refused = await run(world, tried)
    assert (refused["state"], refused["result"]["refused"]) == ("failed", 4)
    assert "Nothing was stored: 4 row(s)" in refused["message"]
    assert (await world.get(f"/articles/{p}-4")).status_code == 404

    stored = await run(world, tried, mode="each")
    assert (stored["state"], counted(stored)) == ("done", (1, 1, 1, 0, 4))
    again = await world.post(f"/article-imports/{tried['id']}/run", {"mode": "each"})
    assert again.json()["id"] == stored["id"]
    first = (await world.get(f"/articles/{p}-1")).json()
    assert (first["name"], first["packing_price"], first["country_of_origin"], first["revision"]) == (
        "R GR RED NAOMI", "0.25", "NL", 2,
    )  # fmt: skip
    fourth = (await world.get(f"/articles/{p}-4")).json()
    assert (fourth["name"], fourth["packing_price"], fourth["vat_class"]) == (
        "Chrys San\u00e9t",
        "1234.50",
        "zero",
    )
    assert {one["type"]: one["value"] for one in fourth["characteristics"]} == {
        "S01": "012", "S62": "NL", "K01": "3",
    }  # fmt: skip
    assert (await world.get(f"/articles/{p}-2")).json()["revision"] == 1
    trail = await world.sql(
        "select action, old, new from audit where entity = 'article' and entity_id = :id order by id desc limit 1",
        id=f"{p}-1",
    )
    assert (trail[0][0], trail[0][1]["name"], trail[0][2]["reason"]) == (
        "changed", "Old name", "import of artikelen.csv",
    )  # fmt: skip

    skipped = await hand_in(
        world, table(f"{p}-1;Other;;;;;;;;", f"{p}-6;New;;;;;;;;"), existing="skip", dry_run=False
    )
    assert counted(skipped) == (1, 0, 0, 1, 0)
    assert (await world.get(f"/articles/{p}-1")).json()["name"] == "R GR RED NAOMI"


async def test_FA_48_columns_that_are_not_known_are_named_and_the_file_is_tried_anew(world: World) -> None:
    p = prefix()
    content = table(f"{p}-1;Rose;70", headings="Ons nr;Wat;Hoogte")
    first = await hand_in(world, content)
    assert first["state"] == "failed"
    assert "No column holds the article number" in first["message"]
    assert [(one["name"], one["samples"]) for one in first["result"]["columns"]] == [
        ("", [f"{p}-1"]), ("", ["Rose"]), ("", ["70"]),
    ]  # fmt: skip
    path = f"/article-imports/{first['id']}/try"
    for wrong, field in [
        (["", "name", ""], "columns"), (["number", "number", ""], "columns.1"), (["number", "x", ""], "columns.1"),
        (["number", "S20", "stem_length"], "columns.2"),
    ]:  # fmt: skip
        answer = await world.post(path, {"columns": wrong})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    answer = await world.post(path, {"columns": ["number", "name", "S20"]})
    tried = await over(world, answer.json()["id"])
    assert (tried["state"], counted(tried)) == ("done", (1, 0, 0, 0, 0))
    assert (await world.post(path, {"columns": ["number", "name", "S20"]})).json()["id"] == tried["id"]
    assert (await run(world, tried))["result"]["added"] == 1
    assert (await world.get(f"/articles/{p}-1")).json()["characteristics"] == [
        {"type": "S20", "value": "070"}
    ]


@pytest.mark.parametrize(("suffix", "language"), [("csv", "nl"), ("csv", "en"), ("xlsx", "nl")])
async def test_FA_48_the_export_is_imported_again_and_changes_nothing_and_runs_no_formula(
    world: World, suffix: str, language: str
) -> None:
    p = prefix()
    evil = '=HYPERLINK("http://evil.test","click")'
    articles = [
        {"number": f"{p}-0012", "name": evil, "image_url": "=1+1", "packing_price": "0.250"},
        {
            "number": f"{p}.b", "name": f' {p} -Rose & "thorn"; \u00e9 ', "vbn_code": "0010120", "packing_code": "0997",
            "pieces_per_unit": 80, "vat_class": "standard", "country_of_origin": "KE",
            "characteristics": [{"type": "K01", "value": "2"}, {"type": "S20", "value": "70"}],
        },
    ]  # fmt: skip
    for article in articles:
        assert (await world.post("/articles", article)).status_code == 201
    before = (await world.get("/articles", params={"q": p})).json()["items"]
    assert len(before) == 2
    exported = await world.get(f"/articles.{suffix}", params={"language": language, "q": p})
    assert exported.status_code == 200
    if suffix == "csv":
        assert "'=HYPERLINK" in exported.text
        assert exported.text.count("=HYPERLINK") == 1
    job = await hand_in(world, exported.content, dry_run=False, file_name=f"articles.{suffix}")
    assert (job["state"], counted(job)) == ("done", (0, 0, 2, 0, 0)), job
    assert (await world.get("/articles", params={"q": p})).json()["items"] == before


async def test_who_may_import_articles_and_with_what(world: World) -> None:
    path, name = "/article-imports", {"file_name": "x.csv"}
    finance = await world.ask("POST", path, content=b"x", params=name, roles=("finance",))
    assert finance.status_code == 403
    for params in (
        {},
        name | {"encoding": "klingon"},
        name | {"existing": "replace"},
        name | {"column": "x"},
    ):
        assert (await world.ask("POST", path, content=b"x", params=params)).status_code == 422, params
    assert (await world.ask("POST", path, content=b"", params=name)).json()["title"] == "There is no file"
    bad = await hand_in(world, b"\x00\x01")
    assert "neither text nor a workbook" in bad["message"]
    job = await hand_in(world, table(f"{prefix()};Rose;;;;;;;;"), dry_run=False)
    assert (await world.post(f"{path}/{job['id']}/run", {})).status_code == 409
    sale = await world.post(f"/imports/{job['id']}/run", {})
    assert sale.status_code == 404
    found = (await world.get("/article-imports/columns", params={"language": "nl"})).json()["items"]
    assert found[0]["heading"] == "Artikelnummer"


async def test_FA_48_an_import_of_articles_whose_process_dies_goes_on_behind_its_last_step(
    platform_servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the third step: what was stored stays, the next process goes on, nothing comes in twice."""
    monkeypatch.setattr(article_importing, "STEP_ROWS", 200)
    count, clock = 800, FixedClock(NOON)
    rows = [f"A-{n};ROSE {n};10120;997;0,25;80;laag;NL;S20=70;2" for n in range(count)]
    async with fresh_database(platform_servers.admin_database_url, "sales_service") as url:
        database = Database(url, pool=4)
        wanted = {"dry_run": False, "mode": "all", "existing": "update", "columns": None}
        wanted |= {"encoding": "", "delimiter": "", "reason": "import"}
        async with database.transaction() as connection:
            new = NewJob(KIND, "x.csv", wanted)
            job = await jobs.start(connection, clock, new, Person("anna", "Anna", frozenset()))
            await jobs.keep_file(connection, job.id, "input", "x.csv", "text/csv", table(*rows))
        reached, never, enter = asyncio.Event(), asyncio.Event(), article_importing.enter

        async def dying(connection, chunk, *given, trial, **options):
            result = await enter(connection, chunk, *given, trial=trial, **options)
            if not trial and chunk[0].number == "A-400":
                reached.set()
                await never.wait()
            return result

        monkeypatch.setattr(article_importing, "enter", dying)
        stop = asyncio.Event()
        runners = {KIND: ArticleImport(clock)}
        soon = timedelta(milliseconds=50)
        first = asyncio.create_task(JobWorker(database, clock, runners, retry=soon).run(stop))
        await asyncio.wait_for(reached.wait(), 30)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        monkeypatch.setattr(article_importing, "enter", enter)
        worker = JobWorker(database, clock, runners, poll_seconds=0.05)
        second = asyncio.create_task(worker.run(stop))

        async def done():
            async with database.connect() as connection:
                found = await jobs.get(connection, job.id)
            return found if found and found.state.final else None

        finished = await eventually(done)
        stop.set()
        await second
        assert (finished.state, finished.result["added"], finished.done) == ("done", count, count)
        async with database.connect() as connection:
            stored = await connection.exec_driver_sql(
                "select count(*), min(revision), max(revision) from articles"
            )
            assert tuple(stored.one()) == (count, 1, 1)
            told = await connection.exec_driver_sql("select count(*) from audit where entity = 'article'")
            assert told.scalar_one() == count
        await database.close()
