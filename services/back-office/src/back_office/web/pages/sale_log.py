"""The EKTs of one customer and day, as the page of the sale shows them (EF-50, EF-51)."""

from __future__ import annotations

from datetime import date

from back_office.clients.ekts import DebtorDay, Ekt
from back_office.web.components import ekt_words
from back_office.web.components.addresses import segment
from back_office.web.components.table import Cell, Column, Empty, Row, Table
from back_office.web.visit import Visit

POLL_SECONDS = 2


def table(log: DebtorDay, day: date, debtor_id: str, visit: Visit) -> Table:
    """Newest first; renewed quickly while something is on its way, slowly else."""
    t = visit.t
    moving = any(ekt.state in ekt_words.UNDER_WAY for ekt in log.ekts)
    return Table(
        id="ekts",
        caption=t("ekt.log"),
        path=f"/sales/{day.isoformat()}/{segment(debtor_id)}",
        columns=(
            Column("when", t("ekt.when")),
            Column("state", t("ekt.state")),
            Column("trigger", t("ekt.trigger")),
            Column("recipient", t("ekt.recipient")),
            Column("file", t("ekt.file")),
            Column("who", t("ekt.who")),
        ),
        rows=tuple(_row(ekt, log, visit) for ekt in sorted(log.ekts, key=_asked_at, reverse=True)),
        empty=Empty(t("ekt.log_empty"), t("ekt.log_empty_why")),
        poll_seconds=POLL_SECONDS if moving or not log.ekts else POLL_SECONDS * 5,
    )


def _asked_at(ekt: Ekt) -> float:
    moment = ekt.requested_at or ekt.changed_at
    return moment.timestamp() if moment else 0.0


def _row(ekt: Ekt, log: DebtorDay, visit: Visit) -> Row:
    t = visit.t
    revision = t("ekt.revision_short", revision=ekt.sale_revision) if ekt.sale_revision else ""
    found = log.differences.get(ekt.id)
    changed = "; ".join(ekt_words.changes(found, t, visit.formats)) if found else ""
    trigger = t.either(f"ekt.trigger_{ekt.trigger}", ekt.trigger)
    return Row(
        id=ekt.id,
        cells=(
            Cell(at=ekt.changed_at),
            Cell(badge=ekt_words.badge(ekt), note=ekt_words.standing(ekt, t)),
            Cell(trigger, ekt_words.address(ekt), note=revision),
            Cell(ekt.recipient),
            Cell(ekt.file_name, ekt_words.file_address(ekt), note=changed) if ekt.file_name else Cell(),
            Cell(ekt.requested_by, note=ekt_words.why(ekt, t)),
        ),
    )
