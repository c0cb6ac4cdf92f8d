"""The phrasebook is whole, and says what the services say in the reader's language."""

from __future__ import annotations

import importlib.resources
import tomllib
from string import Formatter

import pytest
import sentences
from back_office.texts.catalogue import LANGUAGES
from back_office.texts.forms import WAYS, filled, parsed
from back_office.texts.phrases import WORDS, phrasebook
from library_sentences import library_forms

OTHERS = [language for language in LANGUAGES if language != "en"]
SAMPLES = {"word": ("EKT", "EKT"), "number": ("12", "12"), "day": ("2026-11-02", "2 nov 2026")}
"""A value for each way that is strict, and how it is written in Dutch."""
SAME = {"Exact Online", "Folder {label}: {strerror}."}
"""Forms that are the same in another language."""


def entries(language: str) -> dict[str, dict[str, str]]:
    folder = importlib.resources.files("back_office.texts") / language / "phrases"
    return {
        file.name: tomllib.loads(file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if file.name != WORDS
    }


def spoken() -> dict[str, str]:
    """Every form of every service with its place."""
    found = dict(library_forms())
    for of in (sentences.SHARED, *sentences.SERVICES):
        found |= sentences.forms(of)
    return found


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_of_the_services_has_words_and_no_words_are_left_over(language: str) -> None:
    files = entries(language)
    known = [form for one in files.values() for form in one]
    forms = spoken()
    missing = {form: forms[form] for form in forms.keys() - set(known)}
    assert not missing, "no words yet (see the README of the back office): " + str(missing)
    assert set(known) <= forms.keys(), "no service says this any more: " + str(set(known) - forms.keys())
    assert len(known) == len(set(known)), "a form stands in two files"


@pytest.mark.parametrize("language", OTHERS)
def test_words_fill_in_what_the_sentence_has(language: str) -> None:
    for name, one in entries(language).items():
        for form, said in one.items():
            asked = [(each, way) for _, each, way, _ in Formatter().parse(said) if each is not None]
            there = {each for _, each, _, _ in Formatter().parse(form) if each is not None}
            assert {each for each, _ in asked} <= there, f"{name}: {form}"
            assert {way or "" for _, way in asked} <= WAYS, f"{name}: {form}"
            assert said.strip(), f"{name}: {form}"
            assert said != form or form in SAME, f"{name}: {form}"
            assert said[-1:] in ".!?" or form[-1:] not in ".!?", f"{name}: {form} ends with a point"


@pytest.mark.parametrize("language", OTHERS)
def test_no_form_takes_the_sentences_of_another(language: str) -> None:
    book = phrasebook(language)
    assert book is not None
    for one in entries(language).values():
        for form, said in one.items():
            one_form = parsed(form, said)
            ways = {part[0]: part[1] for part in one_form.target if isinstance(part, tuple)}
            values = {
                name: SAMPLES.get(ways.get(name, ""), (f"Q{number}", ""))[0]
                for number, name in enumerate(one_form.names)
            }
            written = {name: SAMPLES.get(ways.get(name, ""), ("", values[name]))[1] for name in values}
            expected = "".join(
                part if isinstance(part, str) else written[part[0]] for part in one_form.target
            )
            assert book.said(filled(form, values.values())) == expected, form
