"""Settings > Number ranges: whether debtors and creditors share one list of numbers, and what waits for a number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import APIRouter, Response

from back_office.clients.accounting import Administration
from back_office.clients.debtors import NumberRange, Waiting
from back_office.clients.shapes import Page
from back_office.clients.transport import ServiceFailure
from back_office.web.components.addresses import segment
from back_office.web.components.message import Message, Weight, done
from back_office.web.components.table import Cell, Column, Empty, Kind, Row, Table
from back_office.web.explain import explained
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
ADDRESS = "/settings/number-ranges"


@dataclass(frozen=True, slots=True)
class Space:
    """The numbers of one administration; shared: its ranges must not overlap."""

    administration: str
    shared: bool
    address: str


def spaces(ranges: Iterable[NumberRange]) -> tuple[Space, ...]:
    """The administrations that have ranges."""
    shared = {one.administration: one.shared_number_space for one in ranges}
    return tuple(Space(name, is_, f"{ADDRESS}/{segment(name)}") for name, is_ in sorted(shared.items()))


def waiting_table(waiting: Page[Waiting], visit: Visit) -> Table:
    """The triggers that wait, each with the reason and the card, a page at a time (EP-14)."""
    t = visit.t
    return Table(
        id="waiting",
        caption=t("settings.ranges.waiting"),
        path=ADDRESS,
        columns=(
            Column("debtor", t("settings.ranges.waiting_card"), Kind.MAIN),
            Column("kind", t("settings.ranges.kind")),
            Column("trigger", t("settings.ranges.trigger")),
            Column("since", t("settings.ranges.since"), Kind.SHORT),
            Column("reason", t("settings.ranges.reason")),
        ),
        rows=tuple(_row(one, visit) for one in waiting.items),
        empty=Empty(t("settings.ranges.nothing_waits"), t("settings.ranges.nothing_waits_why")),
        next=waiting.next,
    )


def _row(one: Waiting, visit: Visit) -> Row:
    t = visit.t
    return Row(
        str(one.id),
        (
            Cell(one.name or one.debtor_id, f"/debtors/{segment(one.debtor_id)}"),
            Cell(t.either(f"settings.ranges.kind_{one.number_kind}", one.number_kind)),
            Cell(t.either(f"settings.ranges.trigger_{one.trigger.replace('.', '_')}", one.trigger)),
            Cell(at=one.parked_at),
            Cell(one.reason),
        ),
    )


@router.post(ADDRESS + "/{administration}")
async def save(administration: str, visit: SignedIn) -> Response:
    """Say whether debtors and creditors share one list; refused while their ranges overlap."""
    shared = (await visit.form()).get("shared") == "on"
    await visit.say(await _saved(administration, visit, shared=shared))
    return visit.go(ADDRESS)


async def _saved(administration: str, visit: Visit, *, shared: bool) -> Message:
    """What came of it. Two lists are refused where an accounting system that is fed from here keeps one."""
    t = visit.t
    try:
        if not shared:
            links = await visit.clients.accounting.administrations()
            if (one := _keeps_one_list(administration, links)) is not None:
                why = t(
                    "settings.ranges.must_be_one_why",
                    system=one.system or one.name,
                    name=one.name or one.code,
                )
                return Message(Weight.WARNING, t("settings.ranges.must_be_one"), why)
        await visit.clients.debtors.save_number_space(administration, shared=shared)
    except ServiceFailure as failure:
        return explained(failure, t)
    key = "settings.ranges.now_one_list" if shared else "settings.ranges.now_two_lists"
    return done(t(key, administration=administration))


def _keeps_one_list(administration: str, links: Iterable[Administration]) -> Administration | None:
    fed = (one for one in links if administration == (one.source_administration or one.code))
    return next((one for one in fed if one.shared_numbers), None)
