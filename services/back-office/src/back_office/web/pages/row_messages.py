"""What an import says about the rows of its file, as a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from back_office.clients.jobs import Job
from back_office.domain.badges import Badge, Tone
from back_office.web.components.table import Cell, Column, Empty, Kind, Row, Table
from back_office.web.visit import Visit


def messages_of(job: Job, visit: Visit, label: Callable[[str], str]) -> Table | None:
    """The first messages of a job; none where it has none.

    Args:
        label: what people call a column; headings of their own file are given back as they are.
    """
    t = visit.t
    found = job.result.get("messages", [])
    if not found:
        return None
    left = int(job.result.get("messages_count", len(found))) - len(found)
    return Table(
        id="row-messages",
        caption=t("sale_import.messages"),
        path="",
        columns=(
            Column("row", t("sale_import.row"), Kind.NUMBER),
            Column("kind", t("ekt.state")),
            Column("column", t("sale_import.column")),
            Column("value", t("sale_import.value")),
            Column("message", t("sale_import.message"), Kind.MAIN),
            Column("cure", t("sale_import.cure")),
        ),
        rows=tuple(_row(one, number, visit, label) for number, one in enumerate(found)),
        empty=Empty(""),
        sums=((t("sale_import.more_messages"), visit.formats.number(left)),) if left > 0 else (),
    )


def _row(one: dict[str, Any], number: int, visit: Visit, label: Callable[[str], str]) -> Row:
    error = one.get("kind") == "error"
    badge = Badge(Tone.BAD, "check.error") if error else Badge(Tone.CALM, "sale_import.note")
    return Row(
        str(number),
        (
            Cell(visit.formats.number(int(one.get("row", 0)))),
            Cell(badge=badge),
            Cell(label(str(one.get("column", "")))),
            Cell(str(one.get("value", ""))),
            Cell(visit.said(str(one.get("message", "")))),
            Cell(visit.said(str(one.get("cure", "")))),
        ),
    )
