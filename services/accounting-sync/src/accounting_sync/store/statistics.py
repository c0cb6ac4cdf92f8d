"""Telling the planner about tables that were just filled.

Until the server's own turn comes, a table filled a moment ago looks nearly empty to it, and a join over a
hundred thousand lines is then planned as if there were one. Only the columns that are joined by are looked at:
the documents are most of the bytes.
"""

from typing import Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

MANY = 1_000

Table = Literal["relation", "line", "export_line"]
_ANALYZE: dict[Table, sa.TextClause] = {
    "relation": sa.text("analyze relation (administration, kind, debtor_id, number, pending)"),
    "line": sa.text("analyze line (id, administration, kind, debtor_id, export_id, state)"),
    "export_line": sa.text("analyze export_line (export_id, line_id, debtor_id, number, outcome)"),
}
_THOUGHT = sa.text("select relname, reltuples from pg_class where oid = any(cast(:tables as regclass[]))")


async def refresh(connection: AsyncConnection, rows: int, *tables: Table) -> None:
    """Look at those of `tables` anew that are thought to be far smaller than the `rows` that just changed."""
    if rows < MANY:
        return
    thought = {
        row.relname: row.reltuples for row in await connection.execute(_THOUGHT, {"tables": list(tables)})
    }
    for table in tables:
        if thought.get(table, 0) * 4 < rows:
            await connection.execute(_ANALYZE[table])
