"""Lines of a sale, or some of their units, moved to another customer of the same order day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from urllib.parse import urlencode

from fastapi import APIRouter, Response

from back_office.clients.debtors import Card
from back_office.clients.sale_shapes import SaleLine, SaleOfDebtor
from back_office.clients.transport import Refused, ServiceFailure, Stale
from back_office.web.components.message import Message, Weight, done
from back_office.web.explain import explained, tried
from back_office.web.pages.sale import address_of, changeable
from back_office.web.visit import SignedIn, Visit

router = APIRouter(prefix="/sales/{day}/{debtor_id}", include_in_schema=False)
MOST_LINES = 100
FOUND = "12"


@router.post("/move")
async def begin(day: date, debtor_id: str, visit: SignedIn) -> Response:
    """From the lines that were ticked to the page that asks to whom."""
    chosen = await visit.chosen()
    if not chosen or len(chosen) > MOST_LINES:
        key = "sale_move.too_many" if chosen else "sale_move.choose_first"
        await visit.say(Message(Weight.WARNING, visit.t(key, count=MOST_LINES)))
        return visit.go(address_of(day, debtor_id))
    return visit.go(f"{address_of(day, debtor_id)}/move?{_lines_query(chosen)}")


@router.get("/move")
async def choose(day: date, debtor_id: str, visit: SignedIn) -> Response:
    """Which units go, and to whom: customers are searched by name or number."""
    answer = await visit.clients.sales.sale_at(day, debtor_id)
    if not changeable(answer.value, visit):
        return visit.go(address_of(day, debtor_id))
    return await _page(visit, answer.value, answer.revision)


@router.post("/move/confirm")
async def confirm(day: date, debtor_id: str, visit: SignedIn) -> Response:
    """Move them; both customers' days change together."""
    typed, t = await visit.form(), visit.t
    revision = typed.get("_revision", "")
    chosen = await visit.chosen("line")
    units = {line_id: _count(typed.get(f"units.{line_id}", "")) for line_id in chosen}
    to = typed.get("to", "")
    found = await visit.clients.sales.sale(day, debtor_id)
    if not to:
        return await _page(visit, found, revision, problem=t("sale_move.nobody"), chosen=chosen, status=422)
    try:
        await visit.clients.sale_changes.move(day, debtor_id, to, units, typed.get("reason", ""), revision)
    except Stale:
        now = await visit.clients.sales.sale(day, debtor_id)
        time = visit.formats.clock(now.changed_at)
        text = t("form.stale", name=now.changed_by, time=time)
        return await _page(visit, now, str(now.version), problem=text, chosen=chosen, status=409)
    except Refused as refused:
        said = " ".join(f"{error.message}. {error.cure}." for error in refused.problem.errors[:5])
        text = said or refused.said
        return await _page(visit, found, revision, problem=text, chosen=chosen, status=refused.status)
    except ServiceFailure as failure:
        await visit.say(explained(failure, t))
        return visit.go(address_of(day, debtor_id))
    name = typed.get(f"name.{to}", to)
    await visit.say(done(t.many("sale_move.moved", len(units), name=name), t("sale_move.both")))
    return visit.go(address_of(day, debtor_id))


async def _page(
    visit: Visit,
    found: SaleOfDebtor,
    revision: str,
    *,
    problem: str = "",
    chosen: Sequence[str] = (),
    status: int = 200,
) -> Response:
    t = visit.t
    wanted = list(chosen) or visit.request.query_params.getlist("line")
    lines = [line for line in found.lines if line.line_id in wanted]
    here = address_of(found.order_day, found.debtor_id)
    if not lines:
        await visit.say(Message(Weight.WARNING, t("sale_move.choose_first")))
        return visit.go(here)
    query = visit.query.get("q", "")[:200]
    cards: Sequence[Card] = ()
    trouble: Message | None = None
    if query:
        answer = await tried(visit.clients.debtors.find(q=query, kind="debtor", limit=FOUND), t)
        cards = [
            card
            for card in (answer.value.items if answer.value else ())
            if card.debtor_id != found.debtor_id and card.state in ("active", "blocked")
        ]
        trouble = answer.trouble
    messages = [Message(Weight.ERROR, t("sale_move.not_moved"), problem)] if problem else []
    if trouble:
        messages.append(trouble)
    return await visit.page(
        "pages/sale_move.html",
        status=status,
        messages=messages,
        sale=found,
        here=here,
        lines=lines,
        units={line.line_id: line.units for line in lines},
        ids=[line.line_id for line in lines],
        billed=[_name(line) for line in lines if line.invoice_id],
        q=query,
        cards=cards,
        revision=revision,
    )


def _name(line: SaleLine) -> str:
    return line.name or line.article_number or line.line_id


def _lines_query(ids: Sequence[str]) -> str:
    return urlencode([("line", line_id) for line_id in ids])


def _count(text: str) -> int | str | None:
    """Units as they were typed; what is no number goes along, so that the service says what is wrong."""
    bare = text.strip()
    return int(bare) if bare.isdecimal() else bare or None
