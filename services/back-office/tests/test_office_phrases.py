"""The phrasebook is whole, and says what the services say in the reader's language."""

from __future__ import annotations

import importlib
import importlib.resources
import pkgutil
import time
import tomllib
from collections.abc import Iterator
from string import Formatter

import back_office.clients
import pytest
import sentences
from back_office.clients.shapes import _said
from back_office.texts.catalogue import LANGUAGES
from back_office.texts.forms import WAYS, filled, parsed
from back_office.texts.phrases import WORDS, phrasebook
from library_sentences import library_forms
from office_shapes import problem, text_of
from pydantic import BaseModel

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
def test_things_that_are_looked_for_and_not_found_have_a_name(language: str) -> None:
    book = phrasebook(language)
    assert book is not None
    asked = sentences.things_looked_for()
    assert "contact person" in asked
    assert {thing for thing in asked if book.said(f"No such {thing}") == f"No such {thing}"} == set()


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


SPOKEN = (
    # Several sentences, each alone; what the mail server said is its own.
    (
        "It came back from x@y.example: 550 No such user. Check the e-mail address on the customer's card, then send "
        "the EKT again.",
        "Het kwam terug van x@y.example: 550 No such user. Controleer het e-mailadres op de kaart van de klant en "
        "verstuur de EKT daarna opnieuw.",
    ),
    # Findings joined, one of them with a semicolon of its own.
    (
        "no debtor number; no name; fill in the name of the relation; Exact Online can't be reached: timed out",
        "geen debiteurnummer; geen naam; vul de naam van de relatie in; Exact Online is niet te bereiken: timed out",
    ),
    # A cause within a sentence, a list of words in that, and a label before it.
    (
        "No channel can reach this customer (e-invoice: the customer's address is not complete: street and number, "
        "city missing; print service: the customer does not take invoices on paper). Complete the customer's card and "
        "send the invoice by hand.",
        "Geen enkel kanaal kan deze klant bereiken (e-factuur: het adres van de klant is niet compleet: straat en "
        "nummer, plaats ontbreekt; printdienst: de klant neemt geen facturen op papier). Maak de kaart van de klant "
        "compleet en verstuur de factuur met de hand.",
    ),
    ("Line 3: the article has no VBN product code.", "Regel 3: het artikel heeft geen VBN-productcode."),
    ("Kleur: 'blauw' is none of the choices", "Kleur: 'blauw' is geen van de keuzes"),
    # Values keep their points, their capitals and their language; numbers and days are written as people do.
    ("There is no card J. de Vries Ltd.", "Er is geen kaart J. de Vries Ltd."),
    ("Jansen B.V. has no e-mail address: fill one in, or choose another sending method.",
     "Jansen B.V. heeft geen e-mailadres: vul er een in, of kies een andere verzendwijze."),
    ("The distribution of 2026-11-02 holds no line.", "De verdeling van 2 nov 2026 heeft geen regels."),
    ("The lines add up to 1234.50, the sale to 99.", "De regels tellen op tot 1.234,50, de verkoop tot 99."),
    ("12 added, 3 unchanged, 1 refused.", "12 toegevoegd, 3 ongewijzigd, 1 geweigerd."),
    ("String should have at most 35 characters", "Dit mag hooguit 35 teken(s) hebben"),
    ("'x@' is not right: There must be something before the @-sign",
     "'x@' klopt niet: Er moet iets voor de @ staan"),
    # A state within a sentence, as a word and as a label of several.
    (
        "This file export is import_failed; only a finished file is imported by hand, and only once recorded as "
        "failed.",
        "Deze export (bestand) is als import mislukt; alleen een bestand dat klaar is wordt met de hand geïmporteerd, "
        "en mislukken wordt maar één keer vastgelegd.",
    ),
    (
        "Its dispatch is already outcome unknown, being asked; only one that still waits can be taken out.",
        "Voor de verzending geldt al: uitkomst onbekend, wordt nagevraagd; alleen wat nog wacht kan eruit worden "
        "gehaald.",
    ),
    # Somebody else's words, and what only looks like ours.
    ("550 5.1.1 <x@y.example>: Recipient address rejected: User unknown", None),
    ("Gegeven bestaat reeds", None),
    ("The last of 3 things for you: none", None),
    ("No column holds the number", None),
    ("{what} {0} %s", None),
    ("", None),
)  # fmt: skip


@pytest.mark.parametrize(("written", "told"), SPOKEN)
def test_what_a_service_says_is_told_in_dutch_and_the_words_of_others_stay(
    written: str, told: str | None
) -> None:
    book = phrasebook("nl")
    assert book is not None
    assert book.said(written) == (written if told is None else told)


def test_english_readers_get_what_the_services_write() -> None:
    assert phrasebook("en") is None


@pytest.mark.parametrize(
    "text", ["x is no " * 12_000, "a: b; c. " * 12_000, "The The " * 12_000, ("Ab: cd; " * 11 + "ef. ") * 11]
)
def test_a_text_that_nearly_fits_takes_no_longer_for_it(text: str) -> None:
    book = phrasebook("nl")
    assert book is not None
    before = time.process_time()
    book.said(text)
    assert time.process_time() - before < 0.5


SENTENCES = {"message", "cure", "detail", "says", "trouble", "warning", "warnings", "notices", "preflight"}
"""Names of fields in which services say something."""


def shapes() -> Iterator[tuple[str, type[BaseModel]]]:
    for module in pkgutil.iter_modules(back_office.clients.__path__):
        for name, one in vars(importlib.import_module(f"back_office.clients.{module.name}")).items():
            if isinstance(one, type) and issubclass(one, BaseModel) and one.__module__.endswith(module.name):
                yield name, one


def test_fields_with_sentences_are_read_as_sentences() -> None:
    found = 0
    for name, shape in shapes():
        for field, info in shape.model_fields.items():
            text = str(info.annotation) + str(info.metadata)
            if field in SENTENCES and "str" in text:
                assert _said.__name__ in text, f"{name}.{field}: declare it as Said"
                found += 1
    assert found > 25


async def test_a_refusal_is_told_in_the_language_of_the_reader_and_logged_as_it_was_written(
    office, capfd, caplog
):
    refused = problem(
        422, "The card can't be saved", detail="Mend vat_number; see errors.",
    ) | {
        "errors": [
            {"field": "vat_number", "message": "<b>1</b> is not right: a KvK number has 8 digits", "cure": "Add it."},
            {"field": "name", "message": "Value error, one comes twice", "code": "value_error"},
        ]
    }  # fmt: skip
    office.services.on("GET", "debtors", "/v1/debtors/d1", refused, 422)
    dutch, english = await office.speaking("nl"), await office.speaking("en")
    shown = text_of(await dutch.get("/debtors/d1"))
    assert '<html lang="nl"' in shown
    for words in (
        "De kaart kan niet worden opgeslagen",
        "Herstel de gegevens die bij de fouten staan.",
        "<b>1</b> klopt niet: een KvK-nummer heeft 8 cijfers Voeg het toe.",
        "een ervan komt twee keer voor",
    ):
        assert words in shown
    assert "<b>1</b>" not in (await dutch.get("/debtors/d1")).text
    shown = text_of(await english.get("/debtors/d1"))
    assert '<html lang="en"' in shown
    assert "The card can't be saved" in shown
    assert "one comes twice" in shown
    assert "Value error" not in shown
    # Where the log goes depends on what set it up in this process.
    assert "Mend vat_number; see errors." in capfd.readouterr().out + caplog.text
