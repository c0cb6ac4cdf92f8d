"""A line of the accounting lists in words: what will be sent, what changed, what is in the way (EP-31, EP-51)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from back_office.clients.accounting import LineChange, SyncLine
from back_office.domain.badges import Badge, Tone
from back_office.web.components.addresses import segment
from back_office.web.components.table import Cell, Column, Filter, Kind, Option, Row
from back_office.web.visit import Visit

ACTIONS = ("Insert", "Update", "Ignore")
FILTERS = ("q", "action", "with_message", "never_synced")
TONES = {"Insert": Tone.BUSY, "Update": Tone.CALM, "Ignore": Tone.WARN}


def columns(visit: Visit) -> tuple[Column, ...]:
    """What is shown of a line."""
    t = visit.t
    return (
        Column("name", t("accounting.name"), Kind.MAIN),
        Column("number", t("accounting.number")),
        Column("action", t("accounting.action"), Kind.SHORT),
        Column("message", t("accounting.message")),
        Column("changes", t("accounting.changes")),
        Column("data", t("accounting.data")),
        Column("open", t("accounting.relation"), Kind.SHORT),
    )


def filters(visit: Visit) -> tuple[Filter, ...]:
    """By action, with or without a message, new or forwarded before."""
    t = visit.t

    def choice(name: str, label: str, yes: str, no: str) -> Filter:
        return Filter(name, t(label), (Option("true", t(yes)), Option("false", t(no))))

    return (
        Filter(
            "action",
            t("accounting.action"),
            tuple(Option(one, t(f"accounting.action_{one}")) for one in ACTIONS),
        ),
        choice(
            "with_message",
            "accounting.filter_message",
            "accounting.with_message",
            "accounting.without_message",
        ),
        choice(
            "never_synced", "accounting.filter_synced", "accounting.never_synced", "accounting.synced_before"
        ),
    )


def row(line: SyncLine, visit: Visit) -> Row:
    """One line."""
    t = visit.t
    origin = t.either(f"accounting.origin_{line.message_origin}", line.message_origin)
    trouble = line.message or "; ".join(line.preflight)
    note = origin if line.message else (t("accounting.before_export") if line.preflight else "")
    if line.state in ("exporting", "sending"):
        note = t("accounting.under_way")
    elif line.retry_at:
        note = f"{note} · {t('accounting.retry', time=visit.formats.instant(line.retry_at))}"
    by_hand = t("accounting.by_hand") if line.by_hand else ""
    return Row(
        id=line.id,
        name=line.name,
        cells=(
            Cell(line.name, note=t("accounting.never_synced") if line.never_synced else ""),
            Cell(line.number),
            Cell(
                badge=Badge(TONES.get(line.action, Tone.CALM), f"accounting.action_{line.action}"),
                note=by_hand,
            ),
            Cell(trouble, note=note),
            Cell(_changes(line.changes, visit)),
            Cell(
                data_words({k: v for k, v in line.data.items() if v not in (line.number, line.name)}, visit)
            ),
            Cell(t("accounting.open_relation"), f"/debtors/{segment(line.debtor_id)}"),
        ),
    )


def _changes(changes: Sequence[LineChange], visit: Visit) -> str:
    """What accounting was told before and what it will be told, value by value."""
    t = visit.t
    nothing = t("accounting.nothing")
    return "; ".join(
        f"{field_words(change.field, visit)}: {change.before or nothing} → {change.after or nothing}"
        for change in changes
    )


def field_words(path: str, visit: Visit) -> str:
    """Words for a field of a relation, such as ``addresses.invoice.city``."""
    parts = [part for part in path.split(".") if part != "addresses"]
    return " ".join(visit.t.either(f"accounting.field.{part}", part) for part in parts)


def data_words(data: Mapping[str, Any], visit: Visit) -> str:
    """The values that will be sent, each with its name, in one line."""
    told = []
    for field, value in data.items():
        for each in value if isinstance(value, list | tuple) else (value,):
            words = _value_words(each)
            if not words and each is not True:
                continue
            kind = each.get("type") if isinstance(each, dict) else None
            label = field_words(kind if isinstance(kind, str) else field, visit)
            told.append(f"{label} {words}".strip())
    return " · ".join(told)


def _value_words(value: Any) -> str:
    """One value; of an address or an account its parts, without what kind it is, for that is its name."""
    if isinstance(value, dict):
        return ", ".join(
            words for key, part in value.items() if key != "type" and (words := _value_words(part))
        )
    return "" if value is None or isinstance(value, bool) else str(value)
