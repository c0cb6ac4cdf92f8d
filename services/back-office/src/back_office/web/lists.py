"""What all list pages do the same: answer with the page, with the list alone, or with further rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import Response

from back_office import saved_filters
from back_office.web.components.form import new_once
from back_office.web.components.table import Table
from back_office.web.visit import Visit

PAGE_SIZE = "50"
PARTS = ("rows", "search", "table", "bulk")
"""Parts of a list that a browser asks for: further rows, the list of another search, the same list renewed by
itself, the bar above it."""


def cursor_of(visit: Visit) -> str | None:
    """Where the rows go on."""
    return visit.query.get("cursor")


async def answer(
    visit: Visit, table: Table | None, *, title: str, template: str = "pages/list.html", **context: Any
) -> Response:
    """The list in the form that the browser asked for."""
    part = visit.query.get("part", "")
    if table and table.keeps_filters and part not in ("rows", "bulk"):
        async with visit.office.database.connect() as connection:
            table = replace(table, saved=await saved_filters.all_of(connection, visit.user.id, table.path))
    if table and part in PARTS:
        address = table.address() if part == "search" else ""
        return visit.part("parts.html", address=address, table=table, part=part, once=new_once())
    defaults: dict[str, Any] = {
        "lead": "",
        "links": (),
        "primary_first": False,
        "tabs": (),
        "tab_chosen": 0,
        "once": new_once(),
    }
    return await visit.page(template, title=title, table=table, **(defaults | context))
