"""What an import says about the rows of its file: as a table, and all of it as a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Response

from back_office.clients.jobs import Job
from back_office.clients.transport import ServiceName
from back_office.domain.badges import Badge, Tone
from back_office.web.components.table import Cell, Column, Empty, Kind, Row, Table
from back_office.web.explain import tried
from back_office.web.pages.translated import Telling, translated
from back_office.web.visit import Visit

MESSAGES = "messages"
"""Role of the file that holds every message of a job."""
OF_ARTICLES = "article-import"
DELIMITER = ";"


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


async def message_file(job: Job, visit: Visit) -> Response:
    """Every message of a job of the sales service, as a CSV file."""
    t = visit.t
    labels = await article_labels(visit) if job.kind == OF_ARTICLES else {}
    telling = Telling(
        "file.messages",
        {
            "kind": lambda kind: t.either(f"file.messages.{kind}", kind),
            "column": lambda name: labels.get(name) or t.either(f"sale_line.{name}", name),
            "message": visit.said,
            "cure": visit.said,
        },
        numbers=frozenset({"row"}),
    )
    name = t("file.messages.name", file=job.title.rsplit(".", 1)[0])
    source = visit.clients.jobs[ServiceName.SALES].file(job.id, MESSAGES)
    return await translated(source, telling, visit, file_name=f"{name}.csv", delimiter=DELIMITER)


async def article_labels(visit: Visit) -> dict[str, str]:
    """What people call the columns of articles; empty while the service is away."""
    found = await tried(visit.clients.articles.import_columns(visit.language), visit.t)
    return {column.name: column.heading for column in found.value or ()}
