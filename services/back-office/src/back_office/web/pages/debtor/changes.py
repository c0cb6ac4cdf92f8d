"""What changed on a card, in words: the parts of the old and the new value that differ, each with its label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from back_office.texts.catalogue import Translator

LONGEST = 300


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs; an empty text means that there was, or is, nothing."""

    label: str
    old: str
    new: str


Described = dict[str, str]


def differences(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, t: Translator, own_labels: Mapping[str, str]
) -> tuple[Difference, ...]:
    """What differs between two versions of some fields.

    Args:
        own_labels: labels of own fields by their keys.
    """
    names = list(dict.fromkeys((*(old or {}), *(new or {}))))
    found = []
    for name in names:
        before = described(name, (old or {}).get(name), t, own_labels)
        after = described(name, (new or {}).get(name), t, own_labels)
        for label in dict.fromkeys((*before, *after)):
            pair = before.get(label, ""), after.get(label, "")
            if pair[0] != pair[1]:
                found.append(Difference(label, *(text[:LONGEST] for text in pair)))
    return tuple(found)


def described(name: str, value: Any, t: Translator, own_labels: Mapping[str, str]) -> Described:
    """A field as labels with texts; lists and nested values become one entry for each part."""
    if value in (None, "", [], {}):
        return {}
    if name == "own_fields" and isinstance(value, Mapping):
        return {own_labels.get(key, key): _text(each, t) for key, each in value.items()}
    reader = _READERS.get(name)
    try:
        return reader(value, t) if reader else {_label(name, t): _named(name, value, t)}
    except (AttributeError, KeyError, TypeError):  # written by a version that had it in another form
        return {_label(name, t): str(value)}


def _addresses(value: Any, t: Translator) -> Described:
    return _gathered(
        (t.either(f"debtor.address_{one.get('kind')}", str(one.get("kind"))), _address(one)) for one in value
    )


def _gathered(pairs: Iterable[tuple[str, str]]) -> Described:
    """Labels with all that stands under each: a card may have two addresses of one kind."""
    found: dict[str, str] = {}
    for label, text in pairs:
        found[label] = f"{found[label]}; {text}" if label in found else text
    return found


def _address(one: Mapping[str, Any]) -> str:
    place = f"{one.get('postal_code', '')} {one.get('city', '')}".strip()
    parts = (*one.get("lines", ()), place, one.get("region", ""), one.get("country", ""))
    return ", ".join(part for part in parts if part)


def _emails(value: Any, t: Translator) -> Described:
    return _gathered(
        (t.either(f"debtor.email_{one['document']}", one["document"]), one["address"]) for one in value
    )


def _contacts(value: Any, t: Translator) -> Described:
    found = {}
    for one in value:
        called = one.get("name") or one.get("department") or one["contact_id"]
        address = _address(one["address"]) if one.get("address") else ""
        parts = (one.get("name"), one.get("department"), one.get("email"), one.get("phone"), address)
        found[t("card_timeline.contact", name=called)] = ", ".join(part for part in parts if part)
    return found


def _accounts(value: Any, t: Translator) -> Described:
    return {t("debtor.iban"): ", ".join(f"{one['iban']} {one.get('bic', '')}".strip() for one in value)}


def _attachments(value: Any, t: Translator) -> Described:
    found = {}
    for one in value:
        if isinstance(one, str):  # the names alone, as a merge tells them
            found[t("card_timeline.attachment", name=one)] = one
            continue
        kinds = ", ".join(t.either(f"attachments.document_{each}", each) for each in one.get("documents", ()))
        found[t("card_timeline.attachment", name=one["name"])] = (
            f"{one['name']} ({kinds})" if kinds else one["name"]
        )
    return found


def _delivery(value: Any, t: Translator) -> Described:
    electronic = value.get("electronic")
    found = (
        {t("debtor.einvoice_id"): f"{electronic['scheme']}:{electronic['identifier']}"} if electronic else {}
    )
    ticks = {name: on for name, on in value.items() if isinstance(on, bool)}
    return found | {t.either(f"debtor.{name}", name): _text(on, t) for name, on in ticks.items()}


def _ekt(value: Any, t: Translator) -> Described:
    return {
        t.either(f"configuration.{name}", name): _way(each, t) if name in _WAYS else _text(each, t)
        for name, each in value.items()
        if each not in (None, "", [])
    }


def _way(value: Any, t: Translator) -> str:
    return t.either(f"ekt_method.{value}", str(value))


_WAYS = frozenset({"method", "transfer"})
_READERS: Mapping[str, Callable[[Any, Translator], Described]] = {
    "addresses": _addresses,
    "emails": _emails,
    "contact_persons": _contacts,
    "bank_accounts": _accounts,
    "attachments": _attachments,
    "invoice_delivery": _delivery,
    "ekt": _ekt,
}
_NAMED = {
    "party": "debtor.party_",
    "state": "debtor.state_",
    "vat_regime": "debtor.vat_regime_",
    "discount_kind": "debtor.discount_",
    "language": "settings.language_",
}
_LABELS = {
    "phones": "debtor.phone",
    "payment_term_days": "debtor.payment_term",
    "discount_percent": "debtor.discount",
    "note_for_documents": "debtor.note",
    "kinds": "debtors.kind",
    "state": "card_timeline.state",
    "previous_ids": "card_timeline.previous_ids",
    "merged_into": "card_timeline.merged_into",
    "signature": "card_timeline.signature",
}


def _label(name: str, t: Translator) -> str:
    return t.either(_LABELS.get(name, f"debtor.{name}"), name)


def _named(name: str, value: Any, t: Translator) -> str:
    if name == "kinds":
        return ", ".join(t.either(f"debtor.kind_{kind}", kind) for kind in value)
    prefix = _NAMED.get(name)
    return t.either(prefix + str(value), str(value)) if prefix else _text(value, t)


def _text(value: Any, t: Translator) -> str:
    if isinstance(value, bool):
        return t("form.yes") if value else t("form.no")
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    return {"yes": t("form.yes"), "no": t("form.no")}.get(str(value), str(value))
