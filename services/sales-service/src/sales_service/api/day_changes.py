"""What all routes that change a debtor's day share: the version that was seen, refusals, how it stands afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from klokwerk.http import FieldProblem, Problem, etag

from sales_service.api.sale_views import ChangedDay
from sales_service.store.sales import DayKey, DayRow, Outcome


def check_version(if_match: str | None, row: DayRow) -> None:
    """Refuse a change of a day that somebody else changed since it was read; none was sent, none is checked.

    Raises:
        Problem: 412, with who changed it and when.
    """
    if if_match is None or if_match.removeprefix("W/").strip('"') == str(row.version):
        return
    by = f" by {row.changed_by}" if row.changed_by else ""
    at = f" at {row.changed_at.isoformat(timespec='seconds')}" if row.changed_at else ""
    raise Problem(
        412,
        "It was changed meanwhile",
        f"The distribution was changed{by}{at} and is at {row.version} now. Reload and try again.",
        headers={"ETag": etag(row.version)},
    )


def refuse(problems: Sequence[FieldProblem], *, status: int = 422) -> None:
    """Refuse the whole request when there is any problem with a line.

    Raises:
        Problem: with the first hundred of them.
    """
    if problems:
        raise Problem(
            status,
            "Nothing was stored: some lines can't be taken",
            f"{len(problems)} problem(s), see errors; a request is taken as a whole or not at all.",
            errors=problems[:100],
        )


def changed_days(outcomes: Mapping[DayKey, Outcome]) -> list[ChangedDay]:
    """How each day stands after a change."""
    return [
        ChangedDay(
            debtor_id=key.debtor_id,
            order_day=key.order_day,
            lines=entry.standing.line_count,
            missing=entry.standing.missing_count,
            complete=entry.standing.complete,
            revision=entry.revision,
            published=entry.standing.publish is not None and entry.pending is None,
            publish_at=entry.pending.due if entry.pending else None,
            version=entry.row.version + 1,
        )
        for key, entry in outcomes.items()
    ]
