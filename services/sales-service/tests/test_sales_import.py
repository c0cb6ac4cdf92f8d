"""A day's sales out of a file: tried, stored, imported again, and taken up after a crash."""

from __future__ import annotations

import asyncio
import csv
import io
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from klokwerk import jobs
from klokwerk.access import Person
from klokwerk.clock import FixedClock
from klokwerk.database import Database
from klokwerk.http.exports import _text as as_text
from klokwerk.jobs import JobWorker, NewJob
from klokwerk.outbox import Outbox
from klokwerk.testing import eventually, fresh_database
from klokwerk_contracts.sale_completed import Bought, Characteristic
from sales_service.app import SOURCE
from sales_service.domain.cells import BadCell
from sales_service.domain.lines import Line
from sales_service.domain.sale_columns import COLUMNS, SoldLine, column_of
from sales_service.domain.sale_sheet import SheetReader
from sales_service.entry import importing
from sales_service.entry.bodies import LineBody, merged
from sales_service.entry.entering import Entering
from sales_service.entry.importing import KIND, SalesImport
from sales_service.selling import Distributions
from sales_world import NOON, World, line

DAY = date(2026, 1, 20)
ZONE = ZoneInfo("Europe/Amsterdam")
HEADINGS = "Debiteurnummer;Artikel;VBN-code;Steellengte;Fustcode;Stuks per eenheid;Eenheden;Prijs per stuk"


def table(*rows: str, headings: str = HEADINGS) -> bytes:
    return "\r\n".join([headings, *rows]).encode("cp1252")


async def hand_in(world: World, content: bytes, day: date = DAY, **params: object) -> dict:
    """Hand in a file and await the end of its job."""
    params = {"file_name": "verkoop.csv", **params}
    answer = await world.ask("POST", f"/days/{day}/imports", content=content, params=params)
    assert answer.status_code == 202, answer.text
    return await over(world, answer.json()["id"])


async def over(world: World, job_id: str) -> dict:
    async def final() -> dict:
        job = (await world.get(f"/jobs/{job_id}")).json()
        return job if job["state"] in ("done", "failed", "cancelled") else {}

    return await eventually(final)


async def run(world: World, job: dict, **body: object) -> dict:
    answer = await world.post(f"/imports/{job['id']}/run", body)
    assert answer.status_code == 202, answer.text
    return await over(world, answer.json()["id"])


def errors(job: dict) -> list[tuple[int, str]]:
    return [(one["row"], one["column"]) for one in job["result"]["messages"] if one["kind"] == "error"]


# --- cells --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.56", "0.56"), ("0,56", "0.56"), ("1.234,56", "1234.56"), ("1,234.56", "1234.56"),
        ("€ 0,56", "0.56"), ("0.560", "0.560"), ("12", "12"), ("1 234,5", "1234.5"),
    ],
)  # fmt: skip
def test_amounts_are_read_with_either_separator(text: str, value: str) -> None:
    column = column_of("Prijs per stuk")
    assert column is not None
    assert column.read(text) == value


@pytest.mark.parametrize(
    ("heading", "text"),
    [
        ("price", "a lot"), ("price", "NaN"), ("units", "1,5"), ("units", "ten"), ("bought", "auction"),
        ("other characteristics", "S20"), ("vat class", "21%"), ("stem length", "12345678901"),
        ("grower number", "x" * 36),
    ],
)  # fmt: skip
def test_a_cell_that_can_not_be_read_says_so_with_the_cure(heading: str, text: str) -> None:
    column = column_of(heading)
    assert column is not None
    with pytest.raises(BadCell) as caught:
        column.read(text)
    assert caught.value.cure


def test_headings_are_known_in_every_language_and_writing() -> None:
    for heading in ("debtor_number", "Debiteurnummer", "DEBTOR NUMBER", "klantnr", "Debtor-number"):
        found = column_of(heading)
        assert found is not None
        assert found.name == "debtor_number", heading
    assert column_of("Opmerking") is None
    names = [column.name for column in COLUMNS]
    assert len(names) == len(set(names))


def test_the_same_row_has_the_same_id_and_the_second_of_its_kind_another() -> None:
    reader = SheetReader([column_of("debtor number"), column_of("units")], ZONE)
    first, second, other = (reader.read(cells) for cells in (("1", "2"), ("1", "2"), ("1", "3")))
    assert len({first.line_id, second.line_id, other.line_id}) == 3
    again = SheetReader([column_of("debtor number"), column_of("units")], ZONE)
    assert again.read(("1", "2")).line_id == first.line_id


TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=0x24F), max_size=20).map(str.strip)
SOLD = st.builds(
    Line,
    line_id=st.just("L-1"),
    units=st.integers(0, 500),
    allocated=st.integers(0, 500),
    name=TEXTS.filter(lambda text: not text.startswith("'")),
    vbn_code=st.sampled_from(["", "10120"]),
    characteristics=st.lists(
        st.sampled_from([("S20", "070"), ("S20", "70"), ("L11", "010"), ("K01", "2"), ("S62", "NL")]),
        max_size=3,
        unique_by=lambda pair: pair[0],
    ).map(lambda pairs: tuple(Characteristic(type=code, value=value) for code, value in pairs)),
    packing_code=st.sampled_from(["", "999"]),
    packing_price=st.one_of(st.none(), st.decimals("0", "9", places=2)),
    pieces_per_unit=st.one_of(st.none(), st.integers(1, 500)),
    price=st.one_of(st.none(), st.decimals("0", "99", places=4)),
    customer_price=st.one_of(st.none(), st.decimals("0", "99", places=2)),
    bought=st.sampled_from(Bought),
    clock_number=st.one_of(st.none(), st.integers(1, 98)),
    plate=TEXTS.filter(lambda text: not text.startswith("'")),
    transaction_at=st.one_of(st.none(), st.just(NOON)),
)


@given(SOLD, st.sampled_from(["nl", "en"]))
def test_what_goes_out_and_comes_in_again_changes_nothing(sold: Line, language: str) -> None:
    cells = [as_text(column.write(SoldLine("D-1", "1", "Jansen", sold)), language) for column in COLUMNS]
    row = SheetReader([column_of(column.heading(language)) for column in COLUMNS], ZONE).read(
        [str(cell) for cell in cells]
    )
    assert row.problems == ()
    assert (row.debtor_id, row.debtor_number, row.line_id, row.given_id) == ("D-1", "1", "L-1", True)
    assert merged(sold, LineBody.model_validate(row.body), {}) == sold


# --- jobs ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
async def jansen(world: World) -> str:
    return (await world.debtor(name="Jansen", debtor_number="71001")).debtor_id


async def test_a_file_is_tried_first_and_then_stored(world: World, jansen: str) -> None:
    day = date(2026, 1, 21)
    content = table(
        "71001;R GR RED NAOMI;10120;70;997;80;10;0,56", "71001;T STRONG GOLD;11850;40;566;50;4;0,2"
    )
    tried = await hand_in(world, content, day, allocate=True)
    assert (tried["state"], tried["message"]) == (
        "done",
        "Tried, nothing stored: 2 added, 0 changed, 0 unchanged, 0 refused.",
    )
    assert (await world.get(f"/days/{day}/debtors")).json()["items"] == []
    stored = await run(world, tried)
    assert (stored["state"], stored["result"]["added"]) == ("done", 2)
    shown = await world.day(jansen, day)
    assert (shown["complete"], shown["revision"]) == (True, 1)
    first = shown["lines"][0]
    assert (first["name"], first["units"], first["price"]["amount"]) == ("R GR RED NAOMI", 10, "0.56")
    assert [(one["type"], one["value"]) for one in first["characteristics"]] == [("S20", "070")]
    # Asked twice, it is the same job.
    again = await world.post(f"/imports/{tried['id']}/run", {})
    assert again.json()["id"] == stored["id"]
    # The same file once more is the same rows: nothing comes in twice, and each row says so.
    once_more = await hand_in(world, content, day, dry_run=False)
    assert once_more["result"]["unchanged"] == 2
    assert once_more["result"]["messages"][0]["kind"] == "note"
    assert len((await world.day(jansen, day))["lines"]) == 2
    history = (await world.get(f"/days/{day}/debtors/{jansen}/history")).json()["items"]
    assert "import of verkoop.csv" in {entry["reason"] for entry in history}


async def test_every_bad_row_is_named_with_value_and_cure_and_all_or_nothing_stores_nothing(
    world: World, jansen: str
) -> None:
    day = date(2026, 1, 22)
    content = table(
        "71001;ROSE;10120;70;997;80;10;0,56",
        "71001;ROSE;ABC;70;997;80;10;0,56",
        "99999;ROSE;10120;70;997;80;10;0,56",
        "71001;ROSE;10120;70;997;80;ten;0,56",
        ";ROSE;10120;70;997;80;10;0,56",
    )
    tried = await hand_in(world, content, day)
    assert errors(tried) == [(3, "VBN-code"), (5, "Eenheden"), (4, "Debiteurnummer"), (6, "")]
    message = tried["result"]["messages"][1]
    assert (message["value"], message["cure"]) == ("ten", "write a whole number such as 10")
    refused = await run(world, tried, mode="all")
    assert refused["state"] == "failed"
    assert "4 row(s) can't be taken" in refused["message"]
    assert (await world.get(f"/days/{day}/debtors")).json()["items"] == []
    each = await run(world, tried, mode="each")
    assert (each["state"], each["result"]["added"], each["result"]["refused"]) == ("done", 1, 4)
    assert len((await world.day(jansen, day))["lines"]) == 1
    (file,) = [file for file in each["files"] if file["role"] == "messages"]
    told = await world.get(file["link"].removeprefix("/v1"))
    rows = list(csv.reader(io.StringIO(told.content.decode("utf-8-sig")), delimiter=";"))
    assert rows[0] == ["kind", "row", "column", "value", "message", "cure"]
    assert len(rows) == 5


@pytest.mark.parametrize(("suffix", "language"), [("csv", "nl"), ("csv", "en"), ("xlsx", "nl")])
async def test_the_own_export_is_imported_again_and_changes_nothing(
    world: World, suffix: str, language: str
) -> None:
    day = date(2026, 1, 23)
    debtor = await world.debtor(name="=HYPERLINK(1)", debtor_number=f"5{suffix}{language}")
    article = {
        **line()["article"],
        "name": '-Rose & "thorn"; é',
        "characteristics": [{"type": "K01", "value": "2"}, {"type": "S20", "value": "70"}],
        "country_of_origin": "KE",
    }
    await world.sell(
        debtor.debtor_id,
        line(article=article, plate="=1+1", packing={"code": "997", "price": "0.25"}, clock_number=11),
        line(price=None, order_reference="0012", bought="clock"),
        day=day,
    )
    before = await world.day(debtor.debtor_id, day)
    params = {"language": language, "q": debtor.debtor_id}
    exported = await world.get(f"/days/{day}/lines.{suffix}", params=params)
    assert exported.status_code == 200
    if suffix == "csv":
        assert "'=HYPERLINK(1)" in exported.text
        assert "'-Rose" in exported.text
    job = await hand_in(world, exported.content, day, dry_run=False, file_name=f"sales.{suffix}")
    assert job["state"] == "done", job["message"]
    assert {name: job["result"][name] for name in ("added", "changed", "unchanged", "refused")} == {
        "added": 0, "changed": 0, "unchanged": 2, "refused": 0,
    }  # fmt: skip
    assert await world.day(debtor.debtor_id, day) == before


async def test_an_import_with_line_ids_says_what_it_changes(world: World, jansen: str) -> None:
    day = date(2026, 1, 24)
    await world.sell(jansen, line(line_id="A-1"), line(line_id="A-2"), day=day)
    content = table(f"{jansen};A-1;12", f"{jansen};A-2;10", headings="Debtor id;Line id;Units")
    tried = await hand_in(world, content, day)
    assert (tried["result"]["changed"], tried["result"]["unchanged"]) == (1, 1)
    notes = {(one["row"], one["column"], one["value"], one["message"]) for one in tried["result"]["messages"]}
    assert notes == {(2, "units", "12", "was 10"), (2, "allocated", "12", "was 10")}
    await run(world, tried)
    assert [one["units"] for one in (await world.day(jansen, day))["lines"]] == [12, 10]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x00\x01\x02", "neither text nor a workbook"),
        (b"PK\x03\x04 no workbook", "no workbook"),
        (table("1", headings="Eenheden"), "No column names the debtor"),
        (table("1;2", headings="Debiteurnummer;Artikel"), "No column holds the units"),
        (table("1;2;3", headings="Debiteurnummer;Aantal;Units"), "Two columns say the same: units"),
        (table("1;2;3;4", headings="Debiteurnummer;Units"), "more or fewer cells"),
    ],
)
async def test_a_file_that_is_no_such_table_is_refused_with_the_reason(
    world: World, content: bytes, words: str
) -> None:
    job = await hand_in(world, content)
    assert job["state"] == "failed"
    assert words in job["message"]


async def test_what_is_asked_of_an_import_is_checked(world: World) -> None:
    path = f"/days/{DAY}/imports"
    for params, status in [
        ({}, 422),
        ({"file_name": "../x"}, 422),
        ({"file_name": "x.csv", "encoding": "klingon"}, 422),
        ({"file_name": "x.csv", "delimiter": "x"}, 422),
        ({"file_name": "x.csv", "mode": "some"}, 422),
    ]:
        assert (await world.ask("POST", path, content=b"x", params=params)).status_code == status, params
    empty = await world.ask("POST", path, content=b"", params={"file_name": "x.csv"})
    assert empty.json()["title"] == "There is no file"
    read_only = await world.ask("POST", path, content=b"x", params={"file_name": "x.csv"}, roles=("finance",))
    assert read_only.status_code == 403
    assert (await world.post("/imports/0198c000-0000-7000-8000-000000000000/run", {})).status_code == 404
    columns = (await world.get("/imports/columns", params={"language": "nl"})).json()["items"]
    (units,) = [column for column in columns if column["name"] == "units"]
    assert (units["heading"], units["imported"]) == ("Eenheden", True)


async def test_an_xlsx_file_is_read_as_a_csv_is(world: World, jansen: str) -> None:
    day = date(2026, 1, 26)
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer)
    sheet = book.add_worksheet()
    for column, (heading, value) in enumerate(
        [("Klantnr", 71001), ("Product", "ROSE"), ("VBN", 10120), ("Fust", 997), ("Inhoud", 80), ("Aantal", 10),
         ("Prijs", 0.56)]
    ):  # fmt: skip
        sheet.write(0, column, heading)
        sheet.write(1, column, value)
    book.close()
    job = await hand_in(world, buffer.getvalue(), day, dry_run=False, allocate=True, file_name="dag.xlsx")
    assert job["state"] == "done", job["message"]
    (stored,) = (await world.day(jansen, day))["lines"]
    assert (stored["units"], stored["price"]["amount"], stored["vbn_code"]) == (10, "0.56", "10120")


async def test_two_debtors_of_one_number_are_told_apart_by_id(world: World) -> None:
    one = await world.debtor(debtor_number="72001")
    await world.debtor(debtor_number="72001", administration="second")
    job = await hand_in(world, table("72001;ROSE;10120;70;997;80;10;0,56"))
    (message,) = job["result"]["messages"]
    assert (message["message"], message["cure"]) == ("2 debtors have number 72001", "name the debtor id")
    content = table(f"{one.debtor_id};10", headings="Debiteur-id;Units")
    assert (await hand_in(world, content))["result"]["added"] == 1


async def test_an_import_whose_process_dies_goes_on_behind_its_last_step(
    platform_servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the second step: what the first one stored stays, nothing comes in twice."""
    monkeypatch.setattr(importing, "STEP_ROWS", 2)
    day = date(2026, 1, 27)
    clock = FixedClock(NOON)
    async with fresh_database(platform_servers.admin_database_url, "sales_service") as url:
        database = Database(url, pool=4)
        async with database.transaction() as connection:
            for number in range(3):
                await connection.exec_driver_sql(
                    "insert into debtors (debtor_id, revision, state, is_debtor, number, name, search, use_ekts, card) "
                    f"values ('D-{number}', 1, 'active', true, '{number}', 'N', 'n', true, '{{}}')"
                )
            rows = [f"{n % 3};ROSE;10120;70;997;80;{n + 1};0,56" for n in range(6)]
            wanted = {"day": str(day), "dry_run": False, "mode": "each", "allocate": True}
            wanted |= {"encoding": "", "delimiter": "", "reason": "import"}
            person = Person("anna", "Anna", frozenset())
            job = await jobs.start(connection, clock, NewJob(KIND, "x.csv", wanted), person)
            await jobs.keep_file(connection, job.id, "input", "x.csv", "text/csv", table(*rows))
        distributions = Distributions(Outbox(SOURCE), clock)
        reached, never = asyncio.Event(), asyncio.Event()
        steps: list[int] = []

        class Dying(Entering):
            async def enter(self, *given, **options):
                result = await Entering.enter(self, *given, **options)
                steps.append(len(result.lines))
                if len(steps) == 2:
                    reached.set()
                    await never.wait()
                return result

        stop = asyncio.Event()
        dying = SalesImport(Dying(distributions), clock)
        first = asyncio.create_task(JobWorker(database, clock, {KIND: dying}).run(stop))
        await asyncio.wait_for(reached.wait(), 20)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        work = SalesImport(Entering(distributions), clock)
        second = asyncio.create_task(JobWorker(database, clock, {KIND: work}, poll_seconds=0.05).run(stop))

        async def done():
            async with database.connect() as connection:
                found = await jobs.get(connection, job.id)
            return found if found and found.state.final else None

        finished = await eventually(done)
        stop.set()
        await second
        assert (finished.state, finished.result["added"], finished.done) == ("done", 6, 6)
        async with database.connect() as connection:
            lines = await connection.exec_driver_sql("select count(*), sum(units) from sale_lines")
            assert tuple(lines.one()) == (6, Decimal(21))
            events = await connection.exec_driver_sql("select count(*) from outbox")
            assert events.scalar_one() == 3
        await database.close()
