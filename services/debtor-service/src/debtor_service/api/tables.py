"""Reads an uploaded customer list into rows by column name."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from klokwerk import tables
from klokwerk.http import FieldProblem, Problem

from debtor_service.domain.layout import check_header


async def read_table(body: bytes, own: Sequence[str]) -> list[dict[str, str]]:
    """The rows of the file by column name, without blank ones.

    Args:
        own: columns of own fields.

    Raises:
        Problem: 422 when it is no such file.
    """
    try:
        table = await asyncio.to_thread(tables.read_table, body)
    except tables.BadTable as bad:
        raise bad.as_problem() from None
    if problems := check_header(list(table.columns), own):
        errors = [FieldProblem(field=p.field, message=p.message, cure=p.cure) for p in problems]
        raise Problem(422, "The first line of the file is not right", "See errors.", errors=errors)
    return [dict(zip(table.columns, row.cells, strict=True)) for row in table.rows]
