"""EKTs in words, for every page that shows some: state, why it was made, what changed, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from back_office.clients.ekts import Change, Difference, Ekt, Hint
from back_office.domain import badges
from back_office.domain.badges import Badge
from back_office.texts.catalogue import Translator
from back_office.texts.formats import Formats
from back_office.web.components.addresses import segment
from back_office.web.own_links import own_page

UNDER_WAY = frozenset({"waiting", "planned", "sending", "unknown"})
"""States that change by themselves."""
BY_LINK = "customer"
"""Who confirmed, where the customer did so by the link in the mail."""


def address(ekt: Ekt) -> str:
    """The page of one EKT."""
    return f"/ekts/{segment(ekt.id)}"


def file_address(ekt: Ekt, number: int | None = None) -> str:
    """Where a file of it is saved from."""
    first = ekt.files[0].number if ekt.files else 1
    return f"{address(ekt)}/file?number={number or first}"


def badge(ekt: Ekt) -> Badge:
    """State of an EKT with what the other side said."""
    if ekt.bounced_at is not None:
        return badges.delivery("bounced", ekt.message)
    return badges.delivery(ekt.state, ekt.message)


def standing(ekt: Ekt, t: Translator) -> str:
    """What stands under the state: who confirmed it, else what went wrong."""
    if ekt.confirmed_at is not None:
        if ekt.confirmed_by == BY_LINK:
            return t("ekt_log.confirmed_by_link")
        key = "confirmed" if ekt.confirmed_by else "confirmed_nobody"
        return t(f"ekt_log.{key}", name=ekt.confirmed_by)
    return "" if ekt.state == "sent" and ekt.bounced_at is None else ekt.message


def why(ekt: Ekt, t: Translator) -> str:
    """Reason and note in one line; empty for the first EKT of a day."""
    reason = "" if ekt.reason in ("", "unsaid") else t.either(f"ekt.reason_{ekt.reason}", ekt.reason)
    return " - ".join(part for part in (reason, ekt.note) if part)


def what_to_do(ekt: Ekt, t: Translator) -> str:
    """What a person can do about it now."""
    if ekt.confirmed_at is not None:
        return t("ekt_todo.confirmed")
    if ekt.bounced_at is not None:
        return t("ekt_todo.bounced")
    return t.either(f"ekt_todo.{ekt.state}", "")


def change(one: Change, t: Translator) -> str:
    """One difference: ``line 3 (R GR AVALANCHE+): 10 x 80 became 10 x 60``."""
    field = t.either(f"ekt_field.{one.field}", one.field)
    if one.kind in ("added", "removed"):
        key = one.kind
    elif one.kind == "head":
        key = "head" if one.before and one.after else "head_came" if one.after else "head_went"
    elif one.field == "quantity":
        key = "quantity"
    else:
        key = "changed" if one.before and one.after else "came" if one.after else "went"
    return t(
        f"ekt_change.{key}", line=one.line, name=one.name, field=field, before=one.before, after=one.after
    )


def changes(found: Difference, t: Translator, formats: Formats) -> list[str]:
    """All differences that were asked for, and how many more there are."""
    told = [change(one, t) for one in found.changes]
    left = found.total - len(found.changes)
    if left > 0:
        told.append(t("ekt_log.more_changes", count=formats.number(left)))
    return told


@dataclass(frozen=True, slots=True)
class Advice:
    """A hint in the reader's language, with the page where something can be done."""

    text: str
    link: str = ""


def advice(hints: Iterable[Hint], t: Translator) -> tuple[str, tuple[Advice, ...]]:
    """What happened, and what to do about it (EF-48, EF-49)."""
    found = list(hints)
    if not found:
        return "", ()
    first = found[0]
    known = t.has(f"ekt_hint.{first.sign}")
    happened = t(f"ekt_hint.{first.sign}", count=first.count, recipient=first.recipient) if known else ""
    words = {"EF-48": t("ekt_hint.address"), "EF-49": t("ekt_hint.spam")}
    return happened, tuple(Advice(words.get(hint.code, hint.text), own_page(hint.link)) for hint in found)
