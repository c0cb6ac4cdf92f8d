"""(Sold) Per debtor over millions of stored lines, against adding up the lines of the day.

The lines are made by the database itself: days of 2,000 debtors with 20 lines each, as many days as fill up the
number asked for, and EKTs that ended in every way.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from ground import Ground
from klokwerk.database import Database, raw
from klokwerk.testing import fresh_database
from measure import Comparison, Side, Watch, compare

LINES = 5_000_000
DEBTORS = 2_000
LINES_EACH = 20
CARDS = 100_000
MOST_MILLISECONDS = 150
PAGE = 200
DAYS_AT_ONCE = 5
_LAST = date(2026, 11, 20)

_CARDS = """
insert into debtors (debtor_id, revision, state, is_debtor, number, name, search, use_ekts, card)
select 'D-' || n, 1, 'active', true, (10000 + n)::text, 'Bloemist ' || md5(n::text),
    'bloemist ' || md5(n::text) || ' ' || (10000 + n) || ' nl' || n || 'b01', n % 10 < 7, '{}'
from generate_series(1, $1::int) n
"""
_DAYS = """
insert into distributions (debtor_id, order_day, source, version, line_count, allocated_count, goods_total,
    missing_count, revision, digest, completed_at, changed_at)
select 'D-' || (1 + (n * 7 + d * 13) % $2::int), $3::date - d, '/sales-service', 1, $5::int, $5::int,
    (n % 97) * 10.5, (n % 20 = 0)::int, 1, '', now(), now()
from generate_series(0, $4::int - 1) d, generate_series(1, $1::int) n
on conflict do nothing
"""
_LINES = """
insert into sale_lines (debtor_id, order_day, line_id, units, allocated, article_number, name, vbn_code,
    characteristics, image_url, packing_code, pieces_per_unit, price, currency, grower_number, grower_name, bought,
    supply_letter, supply_letter_line, sequence, logistic_number, barcode, plate, order_reference, vat_class)
select debtor_id, order_day, 'L-' || l, 1 + l % 9, 1 + l % 9, 'A-' || l, 'R GR RED NAOMI ' || l, '10120',
    '[]', '', '997', 80, 0.56, 'EUR', '8622', 'De Zonnehoek', 'clock', '', '', '', '', '', '', '', 'reduced'
from distributions, generate_series(1, $1::int) l where order_day > $2::date - $3::int and order_day <= $2::date
"""
_EKTS = """
insert into ekt_deliveries (ekt_id, debtor_id, order_day, revision, trigger, state, method, recipient, file_name,
    message, link, changed_at)
select debtor_id || order_day || t, debtor_id, order_day, 1, case t when 0 then 'first' else 'resend' end,
    case hashtext(debtor_id || order_day) % 9 when 0 then 'failed' else 'sent' end, 'email', '', '', '250 ok', '',
    now() + t * interval '1 minute'
from distributions, generate_series(0, 1) t
where hashtext(debtor_id) % 10 < 7 and (t = 0 or hashtext(debtor_id) % 8 = 0)
"""
_ADDED_UP = sa.text(
    "select l.debtor_id, d.name, count(*), sum(units * pieces_per_unit * price) from sale_lines l "
    "join debtors d using (debtor_id) where order_day = :day group by l.debtor_id, d.name order by d.name"
)
_TOTALS = sa.text(
    "select count(*), sum(units * pieces_per_unit * price) from sale_lines where order_day = :day"
)


async def run(ground: Ground) -> list[Comparison]:
    """A first page with the sums of the day, and the whole day at once."""
    from sales_service.store import sold
    from sales_service.store.sold import SoldFilter, SoldSort

    lines = ground.count(LINES)
    debtors = min(DEBTORS, max(20, lines // LINES_EACH // 2))
    days = max(2, lines // (debtors * LINES_EACH))
    async with fresh_database(ground.admin_url, "sales_service") as url:
        database = Database(url)
        try:
            await _fill(database, debtors, days)
            some_day = _LAST - timedelta(days=days // 2)
            everybody = SoldFilter()

            async def page(_watch: Watch) -> int:
                async with database.connect() as connection:
                    rows = await sold.per_debtor(connection, some_day, everybody, limit=PAGE + 1)
                    found = await sold.totals(connection, some_day, everybody)
                assert len(rows) == min(PAGE + 1, debtors)
                assert found.lines == debtors * LINES_EACH
                return 1

            async def whole(_watch: Watch) -> int:
                async with database.connect() as connection:
                    rows = await sold.per_debtor(
                        connection, some_day, everybody, sort=SoldSort.TOTAL_DOWN, limit=None
                    )
                    await sold.totals(connection, some_day, everybody)
                assert len(rows) == debtors
                return 1

            async def added_up(_watch: Watch) -> int:
                async with database.connect() as connection:
                    rows = (await connection.execute(_ADDED_UP, {"day": some_day})).all()
                    await connection.execute(_TOTALS, {"day": some_day})
                assert len(rows) == debtors
                return 1

            other = Side("adding up the lines of the day", added_up)
            options: dict[str, Any] = {"unit": "answers", "pace": ground.pace}
            floor = 1000 / MOST_MILLISECONDS if ground.scale >= 1 else None
            first = Side(f"first {PAGE} of {debtors} debtors and the sums", page)
            all_of_it = Side(f"all {debtors} debtors and the sums", whole)
            found = [
                await compare("sold per debtor, first page", first, other, floor=floor, **options),
                await compare("sold per debtor, whole day", all_of_it, other, floor=floor, **options),
            ]
            for one in found:
                one.notes["lines"] = debtors * LINES_EACH * days
            return found
        finally:
            await database.close()


async def _fill(database: Database, debtors: int, days: int) -> None:
    async with database.transaction() as connection:
        bare = await raw(connection)
        cards = max(CARDS, debtors) if debtors == DEBTORS else debtors * 2
        await bare.execute(_CARDS, cards)
        await bare.execute(_DAYS, debtors, cards, _LAST, days, LINES_EACH)
        await bare.execute(_EKTS)
    for day in range(0, days, DAYS_AT_ONCE):
        async with database.transaction() as connection:
            bare = await raw(connection)
            await bare.execute(_LINES, LINES_EACH, _LAST - timedelta(days=day), DAYS_AT_ONCE)
    async with database.transaction() as connection:
        for table in ("debtors", "distributions", "sale_lines", "ekt_deliveries"):
            await connection.execute(sa.text(f"analyze {table}"))
