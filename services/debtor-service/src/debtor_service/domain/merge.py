"""What a merge of two cards does, and when it is refused (FA-52, FA-55, FA-59, FA-60, FA-62; D-17, D-18).

The target's data stay as they are. What the removed card says beyond that is lost to the target, also where the
target says nothing; only where the user asks for it ("fill empty fields", off by default) empty ones are filled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from klokwerk_contracts.debtor_changed import CardState, Kind

from debtor_service.domain.card import Card, CardContent
from debtor_service.domain.checks import check_card

WARNING = (
    "A merge can't be undone. The removed card stays readable, but can't be edited and never comes back; "
    "its documents belong to the target from then on."
)

NEVER_CARRIED_OVER = ("internal_note", "note_for_documents", "contact_persons", "own_fields")
"""Lost whatever is chosen, as the attachments are (FA-62)."""

FILLABLE = (
    "search_name",
    "addresses",
    "vat_number",
    "chamber_number",
    "emails",
    "phones",
    "website",
    "payment_term_days",
    "discount_percent",
    "category",
    "price_tier",
    "bank_accounts",
    "invoice_delivery",
)
"""Fields that may be filled where the target's are empty, if the user asks for it (D-17)."""

_KEPT_ONLY = (
    "name", "kinds", "party", "country", "language", "currency", "vat_regime", "discount_kind", "ekt"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why two cards can't be merged.

    Attributes:
        field: ``debtor_id`` for the card to remove, ``into`` for the target.
        card: the card to go to instead; empty where there is none.
    """

    field: str
    message: str
    cure: str
    card: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a merge would do, field by field, values as plain JSON.

    Attributes:
        lost: what the removed card says and the target will not say.
        kept: what the target says; nothing of it changes.
        filled: what the target takes over, because the user asked for it.
    """

    lost: dict[str, Any]
    kept: dict[str, Any]
    filled: dict[str, Any]


def obstacle(removed: Card, target: Card) -> Obstacle | None:
    """What forbids to merge `removed` into `target`; none when nothing does."""
    if removed.debtor_id == target.debtor_id:
        return Obstacle("into", "a card can't be merged with itself", "Choose another card as the target.")
    if removed.state is CardState.MERGED:
        return Obstacle(
            "debtor_id",
            f"card {removed.debtor_id} was merged into {removed.merged_into} already",
            f"Merge card {removed.merged_into} if that one is superfluous too.",
            removed.merged_into or "",
        )
    if target.state is CardState.MERGED:
        circle = " That would be a circle." if target.merged_into == removed.debtor_id else ""
        return Obstacle(
            "into",
            f"card {target.debtor_id} was merged into {target.merged_into} itself.{circle}",
            f"Choose card {target.merged_into} as the target."
            if not circle
            else "Nothing is left to merge: both are one card.",
            target.merged_into or "",
        )
    for field, card in (("debtor_id", removed), ("into", target)):
        if card.state is CardState.ANONYMISED:
            return Obstacle(field, f"card {card.debtor_id} was anonymised", "Leave it out of merges.")
    if removed.administration != target.administration:
        return Obstacle(
            "into",
            f"card {removed.debtor_id} belongs to administration {removed.administration}, "
            f"card {target.debtor_id} to {target.administration}",
            "Choose a target of the same administration: documents can't move to another legal entity.",
        )
    return None


def filled(removed: CardContent, target: CardContent) -> CardContent:
    """`target` with its empty fields filled from `removed`; what would make it wrong is left out."""
    for name in FILLABLE:
        value = _fill_value(name, removed, target)
        if value is None:
            continue
        candidate, problems = check_card(target.model_copy(update={name: value}))
        if not problems:
            target = candidate
    return target


def preview(removed: Card, target: Card, *, fill_empty: bool) -> Preview:
    """What merging `removed` into `target` would do."""
    after = filled(removed.content, target.content) if fill_empty else target.content
    theirs, ours, result = (_plain(content) for content in (removed.content, target.content, after))
    names = (*_KEPT_ONLY, *FILLABLE, *NEVER_CARRIED_OVER)
    return Preview(
        lost={name: theirs[name] for name in names if _says(theirs[name]) and theirs[name] != result[name]}
        | _own(removed),
        kept={name: ours[name] for name in names if _says(ours[name])} | _own(target),
        filled={name: result[name] for name in names if result[name] != ours[name]},
    )


def merged(removed: Card, target: Card, *, fill_empty: bool) -> tuple[Card, Card]:
    """Both cards after the merge: the tombstone and the target, revisions not yet raised."""
    tombstone = replace(removed, state=CardState.MERGED, merged_into=target.debtor_id)
    content = filled(removed.content, target.content) if fill_empty else target.content
    previous = dict.fromkeys((*target.previous_ids, *removed.previous_ids, removed.debtor_id))
    return tombstone, replace(target, content=content, previous_ids=tuple(previous))


def _own(card: Card) -> dict[str, Any]:
    """What a card has beside its content: numbers and files, which stay with it."""
    own: dict[str, Any] = {
        f"{kind.value}_number": number for kind in Kind if (number := card.number_of(kind))
    }
    if card.customer_number:
        own["customer_number"] = card.customer_number
    if card.attachments:
        own["attachments"] = [attachment.name for attachment in card.attachments]
    return own


def _fill_value(name: str, removed: CardContent, target: CardContent) -> Any:
    """What `target` would get for a field; none when it has it, or there is nothing to get."""
    if name == "chamber_number" and removed.country != target.country:
        return None  # a number of another country's register
    theirs, ours = getattr(removed, name), getattr(target, name)
    if name == "discount_percent" and theirs is not None and ours is None:
        return (
            theirs if removed.discount_kind is target.discount_kind else None
        )  # it would mean something else
    if name == "invoice_delivery":
        if ours.electronic is not None or theirs.electronic is None:
            return None
        return ours.model_copy(update={"electronic": theirs.electronic})
    return theirs if _says(theirs) and not _says(ours) else None


def _says(value: Any) -> bool:
    return value not in (None, "", (), [], {})


def _plain(content: CardContent) -> dict[str, Any]:
    return content.model_dump(mode="json")
