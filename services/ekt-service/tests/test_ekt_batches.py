"""Many EKTs in one batch: a fixed number of statements, and each EKT on its own when something is wrong."""

from collections.abc import AsyncIterator
from datetime import date

import pytest
import sqlalchemy as sa
from ekt_desk import Desk, open_desk
from ekt_service.edifact.reader import read
from ekt_world import DAY, World, a_debtor, a_request, a_sale, a_sale_line, address_of
from klokwerk_contracts.sale_completed import Characteristic, SaleLine


@pytest.fixture
async def desk(platform_servers) -> AsyncIterator[Desk]:
    async with open_desk(platform_servers.admin_database_url) as desk:
        yield desk


def _lines(count: int) -> list[SaleLine]:
    return [a_sale_line(f"L{number}", units=number + 1) for number in range(count)]


async def test_a_batch_of_sales_takes_as_many_statements_as_one_sale(desk: Desk) -> None:
    debtors = [a_debtor() for _ in range(41)]
    await desk.handle("on_debtors", *debtors)
    one = await desk.handle("on_sales", a_sale(debtors[0].debtor_id, *_lines(3)))
    forty = await desk.handle("on_sales", *(a_sale(debtor.debtor_id, *_lines(3)) for debtor in debtors[1:]))
    assert forty == one < 30
    resent = await desk.handle("on_requests", *(a_request(debtor.debtor_id) for debtor in debtors))
    assert resent < 30
    assert await desk.rows("select state, count(*) from ekt group by state") == [("planned", 82)]
    assert await desk.rows("select count(*), count(distinct payload) from delivery") == [(82, 82)]
    assert await desk.rows(
        "select count(*), count(distinct agj), count(distinct order_line) from line_number"
    ) == [(123, 123, 123)]


async def test_resends_of_one_day_in_one_batch_share_the_numbers_of_its_lines(desk: Desk) -> None:
    debtor = a_debtor(ekt={"use_ekts": False})
    await desk.handle("on_debtors", debtor)
    await desk.handle("on_sales", a_sale(debtor.debtor_id, *_lines(4)))
    await desk.handle("on_debtors", a_debtor(debtor.debtor_id, 2))
    request = a_request(debtor.debtor_id)
    await desk.handle(
        "on_requests", request, request, a_request(debtor.debtor_id), a_request(debtor.debtor_id)
    )
    files = [read(content) for (content,) in await desk.rows("select content from ekt_file")]
    assert len(files) == 3
    assert (
        len({tuple((line.agj, line.barcode, line.order_line) for line in file.lines) for file in files}) == 1
    )
    assert len({file.envelope.reference for file in files}) == 3


async def test_a_day_that_runs_out_of_numbers_fails_only_the_ekts_that_get_none(desk: Desk) -> None:
    debtors = [a_debtor() for _ in range(4)]
    await desk.handle("on_debtors", *debtors)
    async with desk.database.transaction() as connection:
        await connection.execute(
            sa.text("insert into agj_counter (administration, order_day, last) values ('main', :day, 99994)"),
            {"day": DAY},
        )
    other_day = date(2026, 1, 31)
    await desk.handle(
        "on_sales",
        a_sale(debtors[0].debtor_id, *_lines(2)),
        a_sale(debtors[1].debtor_id, *_lines(3)),
        a_sale(debtors[2].debtor_id, *_lines(3)),
        a_sale(debtors[3].debtor_id, *_lines(3), order_day=other_day),
    )
    found = dict(await desk.rows("select debtor_id, state || ' ' || message from ekt"))
    assert [found[debtor.debtor_id].split()[0] for debtor in debtors] == [
        "planned",
        "planned",
        "failed",
        "planned",
    ]
    assert "All 99999 logistic transaction numbers of 2026-01-30" in found[debtors[2].debtor_id]
    assert await desk.rows("select max(agj) from line_number where order_day = '2026-01-30'") == [(99_999,)]


async def test_a_file_that_a_receiver_would_refuse_is_never_sent_and_hinders_no_other(world: World) -> None:
    good, faulty, also_good = a_debtor(), a_debtor(), a_debtor()
    no_country = a_sale_line("L2").article.model_copy(
        update={"characteristics": (Characteristic(type="S62", value="NLD"),)}
    )
    lines = (a_sale_line("L1"), a_sale_line("L2", article=no_country), a_sale_line("L3"))
    await world.publish(good, faulty, also_good)
    await world.consumed()
    await world.publish(
        a_sale(good.debtor_id, *_lines(3)), a_sale(faulty.debtor_id, *lines), a_sale(also_good.debtor_id)
    )
    (ekt,) = await world.ekts(faulty.debtor_id, 1, "failed")
    assert "The EKT that was built is not correct" in ekt["message"]
    assert "IMD+S62" in ekt["message"]
    assert "'NLD' is no country code" in ekt["message"]
    assert ekt["files"] == []
    for debtor in (good, also_good):
        await world.sink.mails(address_of(debtor), 1)
    assert await world.sink.to(address_of(faulty)) == []
    count = f"select count(*) from delivery where subject = '{ekt['id']}'"
    assert await world.scalar(count) == 0
