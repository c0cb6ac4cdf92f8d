"""A reader that uses some fields of an event reads those, by the same rules, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from klokwerk_contracts import DebtorChanged, narrowed
from pydantic import ValidationError, model_validator

CARD: dict[str, Any] = {
    "debtor_id": "d-1001",
    "revision": 7,
    "name": "De Linde",
    "emails": [{"address": "post@de-linde.example", "document": "invoice"}],
    "vat_number": "NL001234567B01",
    "changed_at": "2026-11-02T09:00:00Z",
}
Narrow = narrowed(DebtorChanged, "debtor_id", "revision", "name", "emails", "country")


def read(**fields: Any) -> DebtorChanged:
    return Narrow.model_validate_json(json.dumps(CARD | fields))


def test_the_fields_that_are_used_are_those_of_the_whole_event() -> None:
    whole = DebtorChanged.model_validate(CARD)
    card = read()
    assert (card.debtor_id, card.revision, card.name, card.emails) == ("d-1001", 7, "De Linde", whole.emails)
    assert (card.country, card.key, card.TOPIC) == ("NL", "d-1001", "debtor.changed")


def test_what_is_not_used_is_neither_checked_nor_kept() -> None:
    card = read(vat_number=["?"], ekt={"method": "by pigeon"}, changed_at="yesterday")
    with pytest.raises(AttributeError, match="vat_number"):
        _ = card.vat_number
    without = {name: value for name, value in CARD.items() if name != "changed_at"}
    assert Narrow.model_validate(without).name == "De Linde"


@pytest.mark.parametrize(
    "wrong", [{"revision": 0}, {"name": ""}, {"emails": [{"address": "no address"}]}, {"debtor_id": None}]
)
def test_what_is_used_is_refused_by_the_same_rules(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        read(**wrong)


def test_a_field_that_the_event_does_not_have_is_a_mistake_of_the_reader() -> None:
    with pytest.raises(ValueError, match=r"debtor\.changed has no field fax"):
        narrowed(DebtorChanged, "debtor_id", "fax")


def test_an_event_that_compares_its_fields_is_read_whole() -> None:
    class Compared(DebtorChanged):
        @model_validator(mode="after")
        def _in_step(self) -> Compared:
            return self

    with pytest.raises(ValueError, match="all of them have to be read"):
        narrowed(Compared, "debtor_id")


def test_the_event_itself_stays_whole() -> None:
    assert DebtorChanged.model_validate(CARD).vat_number == CARD["vat_number"]
    with pytest.raises(ValidationError):
        DebtorChanged.model_validate(CARD | {"vat_number": ["?"]})
