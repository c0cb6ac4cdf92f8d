"""The history of a sale in words: who did what when and why, and what each line was and became."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from back_office.clients.sale_shapes import FieldChange, Happened, History
from back_office.web.components.addresses import segment
from back_office.web.visit import Visit

MOST_CHANGES = 12
"""Lines of one entry that are shown; the others are counted."""
CODED = ("bought", "vat_class")
"""Fields of a line whose values are codes, with words under ``sale_line``."""
KNOWN = {
    "lines entered": "entered",
    "distribution changed": "changed",
    "lines moved": "moved",
    "published": "published",
    "received": "received",
    "resend requested": "resend",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the timeline.

    Attributes:
        changes: old and new, a line each.
        more: how many changes are not shown.
    """

    at: datetime
    title: str
    who: str
    reason: str
    changes: tuple[str, ...]
    more: str = ""
    other_debtor: str = ""


def entries(history: History, visit: Visit) -> tuple[Entry, ...]:
    """The timeline, newest first."""
    return tuple(_entry(one, visit) for one in history.items)


def _entry(one: Happened, visit: Visit) -> Entry:
    t = visit.t
    key = KNOWN.get(one.what)
    title = t(f"timeline.{key}", revision=one.revision or "") if key else visit.said(one.what)
    reason = "" if one.reason == "unsaid" else t.either(f"ekt.reason_{one.reason}", visit.said(one.reason))
    left = len(one.changes) - MOST_CHANGES
    return Entry(
        at=one.at,
        title=title.strip(),
        who=one.who or t("timeline.by_itself"),
        reason=reason,
        changes=tuple(_change(change, visit) for change in one.changes[:MOST_CHANGES]),
        more=t("timeline.more", count=left) if left > 0 else "",
        other_debtor=segment(one.other_debtor),
    )


def _change(change: FieldChange, visit: Visit) -> str:
    t = visit.t
    if change.kind == "added":
        return t("timeline.line_added", label=change.label, new=change.new)
    if change.kind == "removed":
        return t("timeline.line_removed", label=change.label, old=change.old)
    field = t.either(f"sale_line.{change.field}", change.field)
    old, new = (
        t.either(f"sale_line.{change.field}_{value}", value) if change.field in CODED else value
        for value in (change.old, change.new)
    )
    nothing = t("timeline.nothing")
    return t("timeline.line_changed", label=change.label, field=field, old=old or nothing, new=new or nothing)
