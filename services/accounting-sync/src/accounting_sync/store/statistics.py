"""Telling the planner about tables that were just filled.

Until the server's own turn comes, a table filled a moment ago looks nearly empty to it, and a join over a
hundred thousand lines is then planned as if there were one.
"""

from typing import Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

MANY = 1_000

Table = Literal["relation", "line", "export_line"]
_ANALYZE: dict[Table, sa.TextClause] = {
    "relation": sa.text("analyze relation"),
    "line": sa.text("analyze line"),
    "export_line": sa.text("analyze export_line"),
}


async def refresh(connection: AsyncConnection, rows: int, *tables: Table) -> None:
    """Look at `tables` anew if as many as `rows` of them changed that it matters."""
    if rows >= MANY:
        for table in tables:
            await connection.execute(_ANALYZE[table])
