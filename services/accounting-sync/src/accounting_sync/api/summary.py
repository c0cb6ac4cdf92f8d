"""What the home page shows of this service."""

from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Depends
from klokwerk.access import SignedIn

from accounting_sync.api.models import Count, Recent, SummaryOut
from accounting_sync.parts import Accounting, accounting

router = APIRouter(tags=["summary"])

_FIGURES = sa.text(
    "select (select count(*) from relation where pending) as pending, count(*) as lines, "
    "count(*) filter (where message <> '') as messages, "
    "count(*) filter (where state = 'sending') as under_way, "
    "(select count(*) from connection where needs_consent) as locked_out, "
    "(select count(*) from connection c join administration a on a.code = c.administration and a.target = c.target "
    "where not c.needs_consent and not c.check_ok) as failing from line"
)
_RECENT = sa.text(
    "select administration, kind, mode, state, lines, created_by_name, created_at from export "
    "order by created_at desc, id desc limit 10"
)
_STATE = {"failed": "error", "import_failed": "error", "planned": "warn", "running": "warn", "done": "ok"}
_WORDS = {"import_failed": "import failed"}


@router.get("/summary")
async def summary(parts: Annotated[Accounting, Depends(accounting)], _: SignedIn) -> SummaryOut:
    """Figures and the last exports."""
    async with parts.database.connect() as connection:
        figures = (await connection.execute(_FIGURES)).one()
        recent = (await connection.execute(_RECENT)).all()
    return SummaryOut(
        counts=[
            Count(name="accounting_to_fetch", label="Changed, to fetch", value=figures.pending, state="ok"),
            Count(name="accounting_lines", label="Lines in the list", value=figures.lines, state="ok"),
            Count(name="accounting_under_way", label="Under way", value=figures.under_way, state="ok"),
            Count(
                name="accounting_messages",
                label="Lines with a message",
                value=figures.messages,
                state="warn" if figures.messages else "ok",
            ),
            Count(
                name="accounting_consent",
                label="Connections without consent",
                value=figures.locked_out,
                state="error" if figures.locked_out else "ok",
            ),
            Count(
                name="accounting_failing",
                label="Connections that failed their last test",
                value=figures.failing,
                state="error" if figures.failing else "ok",
            ),
        ],
        recent=[
            Recent.model_validate(
                {
                    "at": row.created_at,
                    "text": f"{row.lines} {row.kind} of {row.administration} exported by "
                    f"{row.created_by_name} ({row.mode}): {_WORDS.get(row.state, row.state)}",
                    "state": _STATE[row.state],
                    "link": f"/accounting/{row.administration}/{row.kind}",
                }
            )
            for row in recent
        ],
    )
