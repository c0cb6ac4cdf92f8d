"""Every code of the services that a page shows has words in each language; none reaches people as it is."""

from __future__ import annotations

import importlib.resources
import re
import tomllib
from collections.abc import Iterator

import pytest
import sentences
from back_office.texts.catalogue import LANGUAGES, catalogue
from back_office.texts.phrases import WORDS
from klokwerk_contracts import DebtorChanged
from klokwerk_contracts.debtor_changed import EktConfiguration
from service_codes import codes
from word_rules import COMPOSED, ELSEWHERE, NEVER_SHOWN, OPEN, SENTENCE, SHOWN, UNSEEN

PACKAGE = importlib.resources.files("back_office")
MACHINES = {"administration", "debtor_id", "revision", "changed_at", "own_fields"}
"""Fields of a card that its timeline does not tell: they never change, or have labels of their own."""
LISTS = {"addresses", "emails", "contact_persons", "bank_accounts", "attachments", "invoice_delivery", "ekt"}
"""Fields that are told part by part."""


def test_every_code_of_the_services_is_declared_as_shown_or_not() -> None:
    declared = SHOWN.keys() | NEVER_SHOWN.keys()
    assert codes().keys() - declared == set(), (
        "say in word_rules.py by which words it is shown, or why it is not"
    )
    assert declared - codes().keys() == set(), "it is gone: take it out of word_rules.py"
    assert SHOWN.keys() & NEVER_SHOWN.keys() == set()
    assert len(codes()) > 100


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_that_is_shown_has_words(language: str) -> None:
    texts = catalogue(language)
    missing = [
        (name, key)
        for name, prefixes in SHOWN.items()
        for prefix in prefixes
        for code in sorted(codes()[name])
        if prefix != SENTENCE and (name, code) not in UNSEEN and (key := key_of(prefix, code)) not in texts
    ]
    assert missing == []
    assert [(name, code) for name, code in UNSEEN if code not in codes()[name]] == []


def key_of(prefix: str, code: str) -> str:
    return ELSEWHERE.get((prefix, code)) or prefix + code.replace(".", "_")


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "en"])
def test_every_code_within_a_sentence_has_a_word(language: str) -> None:
    words = tomllib.loads((PACKAGE / "texts" / language / "phrases" / WORDS).read_text(encoding="utf-8"))
    missing = [
        (name, code)
        for name, prefixes in SHOWN.items()
        if SENTENCE in prefixes
        for code in sorted(codes()[name] - words.keys())
    ]
    assert missing == []


def sources() -> Iterator[str]:
    todo = [PACKAGE / "web", PACKAGE / "templates", PACKAGE / "domain"]
    while todo:
        for entry in todo.pop().iterdir():
            if entry.is_dir():
                todo.append(entry)
            elif entry.name.endswith((".py", ".html")):
                yield entry.read_text(encoding="utf-8")


_LOOKED_FOR = (
    re.compile(r"""either\(\s*f["']([a-z_.]+)\{"""),
    re.compile(r"""either\(\s*["']([a-z_.]+)["'] ~"""),
    re.compile(r"""Badge\([^"]*f"([a-z_.]+)\{"""),
    re.compile(r"""\bword\("([a-z_.]+)"\)"""),
)
"""How pages ask for the words of a code: a text with a fallback, or a badge."""


def test_every_place_that_shows_a_code_says_whose_it_is() -> None:
    found = {key for text in sources() for form in _LOOKED_FOR for key in form.findall(text)}
    declared = {prefix for prefixes in SHOWN.values() for prefix in prefixes}
    assert found - declared - OPEN.keys() == set(), "say in word_rules.py which codes these are"
    assert len(found) > 40


def test_what_is_declared_is_asked_for_by_a_page() -> None:
    everything = "\n".join(sources())
    declared = {prefix for prefixes in SHOWN.values() for prefix in prefixes} - {SENTENCE}
    assert [
        prefix for prefix in sorted(declared - COMPOSED | OPEN.keys()) if f'"{prefix}' not in everything
    ] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_fields_of_a_card_have_names(language: str) -> None:
    from back_office.web.pages.debtor.changes import _LABELS

    texts = catalogue(language)
    fields = DebtorChanged.model_fields.keys() - MACHINES - LISTS
    assert [name for name in sorted(fields) if _LABELS.get(name, f"debtor.{name}") not in texts] == []
    assert [name for name in EktConfiguration.model_fields if f"configuration.{name}" not in texts] == []


def names_in(path: str, pattern: str) -> set[str]:
    """What a service calls something in its source."""
    text = "".join(file.read_text("utf-8") for file in sorted((sentences.ROOT / "services").glob(path)))
    return set(re.findall(pattern, text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_figures_of_the_home_page_and_steps_of_a_connection_test_have_names(language: str) -> None:
    texts = catalogue(language)
    figures = names_in("*/src/*/api/*.py", r"""(?:\(\s*|name=)"([a-z_]+)",\s*(?:label=)?"[A-Z][^"]+",""")
    assert [name for name in sorted(figures) if f"count.{name}" not in texts] == []
    assert len(figures) >= 25
    steps = names_in(
        "ekt-service/src/ekt_service/channels/*.py", r"""steps\.(?:add|stop|do)\(\s*"([a-z_]+)\""""
    )
    assert [name for name in sorted(steps) if f"connection.step_{name}" not in texts] == []
    assert len(steps) >= 10
