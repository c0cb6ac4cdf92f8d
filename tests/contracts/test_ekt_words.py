"""The pages have words, in every language, for every code that the EKT service gives."""

from __future__ import annotations

import pytest
from back_office.texts.catalogue import LANGUAGES, catalogue
from ekt_service.domain.default_templates import DEFAULT_TEMPLATES
from ekt_service.domain.difference import CHANGED_FIELDS, HEAD_FIELDS
from ekt_service.domain.hints import Sign
from ekt_service.edifact.explain import NAMED_CODES
from ekt_service.edifact.findings import Fault
from ekt_service.edifact.meanings import all_meanings, all_values
from klokwerk_contracts.outcomes import DeliveryState

CODES = {
    "explain.segment": set(all_meanings()),
    "explain.value": all_values(),
    "explain.code": {name for names in NAMED_CODES.values() for name in names.values()},
    "fault": {fault.value for fault in Fault},
    "fault_cure": {fault.value for fault in Fault},
    "ekt_field": {*CHANGED_FIELDS, *HEAD_FIELDS},
    "ekt_hint": {sign.value for sign in Sign},
    "ekt_todo": {state.value for state in DeliveryState} - {"ignored"},
    "template_fault": {
        "syntax",
        "not_allowed",
        "unknown_field",
        "unknown_filter",
        "can_not_fill",
        "empty",
        "too_long",
    },
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("area", CODES)
def test_every_code_of_the_ekt_service_has_its_words(area: str, language: str) -> None:
    words = catalogue(language)
    assert {code for code in CODES[area] if not words.get(f"{area}.{code}")} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_supplied_mail_has_its_language_named(language: str) -> None:
    assert {
        code for code in DEFAULT_TEMPLATES if not catalogue(language).get(f"settings.language_{code}")
    } == set()
