"""AGJ, barcode and VN are given to a line once: whatever is corrected, resent, merged, replayed or done at once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from ekt_desk import Desk, open_desk
from ekt_service.edifact.reader import read
from ekt_world import a_debtor, a_request, a_sale, a_sale_line
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from klokwerk.database import Database
from klokwerk_contracts import DebtorChanged, Event, SaleCompleted
from klokwerk_contracts.sale_completed import SaleLine

_days = itertools.count()
_WHO = st.integers(0, 2)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), _WHO, st.integers(1, 4)),
        st.tuples(st.just("own number"), _WHO, st.integers(1, 6)),
        st.tuples(st.just("units"), _WHO, st.integers(1, 50)),
        st.tuples(st.just("remove"), _WHO, st.integers(0, 9)),
        st.tuples(st.just("resend"), _WHO, st.integers(1, 2)),
        st.tuples(st.just("merge"), _WHO, _WHO),
        st.tuples(st.just("replay"), _WHO, st.integers(0, 9)),
    ),
    min_size=6,
    max_size=14,
)


@dataclass
class History:
    """What other services would publish, step by step. Every line carries its own name as its article number."""

    day: date
    debtors: list[DebtorChanged] = field(default_factory=lambda: [a_debtor() for _ in range(3)])
    lines: dict[str, dict[str, SaleLine]] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    told: list[Event] = field(default_factory=list)
    _names: itertools.count = field(default_factory=itertools.count)

    def events(self, step: tuple[str, int, int]) -> list[tuple[str, Event]]:
        """The events of a step, each with the handler that takes it."""
        what, who, number = step
        if what == "replay":
            return [self._handled(self.told[number % len(self.told)])] if self.told else []
        debtor = self.debtors[who].debtor_id
        if debtor in self.gone:
            # Somebody who has not heard of the merge asks for the removed card.
            return [("on_requests", a_request(debtor, order_day=self.day))] if what == "resend" else []
        lines = self.lines.setdefault(debtor, {})
        match what:
            case "add" | "own number":
                for _ in range(number if what == "add" else 1):
                    own = {"logistic_number": str(number)} if what == "own number" else {}
                    self._add(lines, own)
            case "units" if lines:
                name = list(lines)[number % len(lines)]
                lines[name] = lines[name].model_copy(update={"units": number})
            case "remove" if len(lines) > 1:
                del lines[list(lines)[number % len(lines)]]
            case "resend" if debtor in self.revisions:
                requests = [
                    a_request(debtor, self.revisions[debtor], order_day=self.day) for _ in range(number)
                ]
                return self._tell(*(("on_requests", request) for request in requests))
            case "merge" if self.debtors[number].debtor_id not in self.gone | {debtor}:
                return self._merge(debtor, self.debtors[number].debtor_id)
            case _:
                return []
        return self._tell(self._sale(debtor))

    def _add(self, lines: dict[str, SaleLine], own: dict[str, str]) -> None:
        name = f"N{next(self._names)}"
        article = a_sale_line().article.model_copy(update={"number": name})
        lines[name] = a_sale_line(name, article=article, **own)

    def _merge(self, source: str, target: str) -> list[tuple[str, Event]]:
        """The card goes, and the sales service moves its lines to the target's day."""
        self.gone.add(source)
        card = a_debtor(source, 2, state="merged", merged_into=target)
        moved = self.lines.pop(source, {})
        events: list[tuple[str, Event]] = [("on_debtors", card)]
        if moved:
            self.lines.setdefault(target, {}).update(moved)
            events.append(self._sale(target))
        return self._tell(*events)

    def _sale(self, debtor: str) -> tuple[str, Event]:
        self.revisions[debtor] = self.revisions.get(debtor, 0) + 1
        lines = tuple(self.lines[debtor].values())
        sale = a_sale(debtor, *lines, revision=self.revisions[debtor], order_day=self.day)
        return "on_sales", sale

    def _tell(self, *events: tuple[str, Event]) -> list[tuple[str, Event]]:
        self.told += [event for _, event in events]
        return list(events)

    @staticmethod
    def _handled(event: Event) -> tuple[str, Event]:
        kinds = {DebtorChanged: "on_debtors", SaleCompleted: "on_sales"}
        return kinds.get(type(event), "on_requests"), event


@pytest.fixture(scope="module")
async def replicas(platform_servers) -> AsyncIterator[tuple[Desk, Desk]]:
    """Two processes' worth of handlers on one database."""
    async with open_desk(platform_servers.admin_database_url) as first:
        database = Database(first.database.url)
        yield first, Desk(database)
        await database.close()


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=_STEPS)
async def test_numbers_stay_with_their_line_and_no_agj_comes_twice_on_a_day(replicas, steps) -> None:
    history = History(date(2026, 2, 1) + timedelta(days=next(_days)))
    first, second = replicas
    await first.handle("on_debtors", *history.debtors)
    pending: list[tuple[str, Event]] = []
    for step in steps:
        pending += history.events(step)
        # Both replicas take what came since, split between them, at the same moment.
        if len(pending) >= 2:
            await asyncio.gather(*(_take(desk, pending[n::2]) for n, desk in enumerate((first, second))))
            pending = []
    await _take(first, pending)
    await _nothing_changed_hands(first, history.day)


async def _take(desk: Desk, events: list[tuple[str, Event]]) -> None:
    for handler, event in events:
        await desk.handle(handler, event)


async def _nothing_changed_hands(desk: Desk, day: date) -> None:
    rows = await desk.rows(
        "select f.content, e.state from ekt_file f join ekt e on e.id = f.ekt_id "
        f"where e.order_day = '{day.isoformat()}'"
    )
    by_line: dict[str, set[tuple[str, str, str]]] = {}
    by_number: dict[str, set[str]] = {}
    for content, state in rows:
        assert state == "planned"
        in_file = [line.agj for line in read(content).lines]
        assert len(in_file) == len(set(in_file))
        for line in read(content).lines:
            by_line.setdefault(line.article, set()).add((line.agj, line.barcode, line.order_line))
            for number in (f"agj {line.agj}", f"bt {line.barcode}", f"vn {line.order_line}"):
                by_number.setdefault(number, set()).add(line.article)
    assert {name: numbers for name, numbers in by_line.items() if len(numbers) > 1} == {}
    assert {number: lines for number, lines in by_number.items() if len(lines) > 1} == {}
    failed = await desk.rows(
        f"select message from ekt where state = 'failed' and order_day = '{day.isoformat()}'"
    )
    assert failed == []


async def test_lines_of_one_name_at_both_debtors_of_a_merge_keep_their_own_numbers(replicas) -> None:
    desk, day = replicas[0], date(2025, 12, 1)
    source, target = a_debtor(), a_debtor()
    await desk.handle("on_debtors", source, target)
    of_source = a_sale_line(article=a_sale_line().article.model_copy(update={"number": "SRC"}))
    of_target = a_sale_line(article=a_sale_line().article.model_copy(update={"number": "TRG"}))
    await desk.handle("on_sales", a_sale(source.debtor_id, of_source, order_day=day))
    await desk.handle("on_sales", a_sale(target.debtor_id, of_target, order_day=day))
    gone = a_debtor(source.debtor_id, 2, state="merged", merged_into=target.debtor_id)
    await desk.handle("on_debtors", gone)
    for debtor in (source, target):
        await desk.handle("on_requests", a_request(debtor.debtor_id, order_day=day))
    assert len(await desk.rows(f"select 1 from ekt where order_day = '{day}' and state = 'planned'")) == 4
    await _nothing_changed_hands(desk, day)
