"""A line of the sync queue: which action it gets, and when a relation needs a line at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from accounting_sync.domain.relation import RelationData, to_json

CLEARABLE = frozenset(
    {"search_code", "phone", "email", "website", "vat_number", "chamber_number", "addresses", "bank_accounts"}
)
"""Fields that may become empty; the others are codes, which accounting keeps until it is given another."""


class Action(StrEnum):
    """What accounting is asked to do. `IGNORE` keeps a line listed but out of every export."""

    INSERT = "Insert"
    UPDATE = "Update"
    IGNORE = "Ignore"


class Origin(StrEnum):
    """Who said the message on a line (EP-49)."""

    OWN = "own"
    ACCOUNTING = "accounting"


@dataclass(frozen=True, slots=True)
class Message:
    """Why a line could not be synced, and who says so."""

    text: str
    origin: Origin


class Need(StrEnum):
    """What a fetch does with one relation that changed."""

    LIST = "list"
    DROP = "drop"
    LEAVE = "leave"


def action_for(*, synced_before: bool, by_hand: Action | None) -> Action:
    """Insert for a relation never synced, Update for one that was (EP-26, EP-27); a hand-made choice
    stands until it has been sent (EP-30)."""
    if by_hand is not None:
        return by_hand
    return Action.UPDATE if synced_before else Action.INSERT


def need_of(
    *,
    has_role: bool,
    merged: bool,
    anonymised: bool = False,
    listed: bool,
    synced: str | None,
    fingerprint: str,
) -> Need:
    """Decide whether a changed relation belongs in the queue.

    `synced` is the fingerprint of what accounting was last told, None if it was told nothing. A relation
    whose data went back to what was synced needs no line (EP-22). A card that lost its role is not
    forwarded. A merged card is listed, never sent, where accounting or the user knows it already (D-18).
    Of an anonymised card accounting is told the blanked data if it was told of the card before, and else
    nothing: a recipient of personal data must hear of their erasure, nobody else must hear of the person.
    """
    if merged:
        return Need.LIST if listed or synced is not None else Need.LEAVE
    if not has_role or fingerprint == synced or (anonymised and synced is None):
        return Need.DROP if listed else Need.LEAVE
    return Need.LIST


def cleared_fields(data: RelationData, synced: Sequence[str]) -> tuple[str, ...]:
    """Fields that accounting was told and that are empty now, by name; they have to be emptied there.

    `synced` are the names of the fields it was told. What it was never told is left as it is, for somebody
    over there may have filled it in.
    """
    if not synced:
        return ()
    filled = to_json(data)
    return tuple(sorted(name for name in synced if name not in filled and name in CLEARABLE))
