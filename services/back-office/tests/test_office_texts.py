"""Words, dates and amounts in both languages."""

from __future__ import annotations

import importlib.resources
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from back_office.texts.catalogue import LANGUAGES, MissingText, Translator, catalogue, preferred
from back_office.texts.formats import Formats
from back_office.web.components.breakable import breakable
from markupsafe import Markup

NOW = datetime(2026, 11, 2, 9, 15, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Amsterdam")
SPACE = {0xA0: " ", 0x202F: " "}
PACKAGE = importlib.resources.files("back_office")


def test_both_languages_have_the_same_keys():
    nl, en = catalogue("nl"), catalogue("en")
    assert sorted(nl) == sorted(en)


def test_every_text_has_the_same_gaps_to_fill_in():
    gaps = {
        language: {k: set(re.findall(r"{(\w+)}", v)) for k, v in catalogue(language).items()}
        for language in LANGUAGES
    }
    assert gaps["nl"] == gaps["en"]


def test_no_text_is_empty():
    assert not [
        key for language in LANGUAGES for key, text in catalogue(language).items() if not text.strip()
    ]


def sources():
    for folder, suffix in (("templates", ".html"), ("web", ".py")):
        todo = [PACKAGE / folder]
        while todo:
            for entry in todo.pop().iterdir():
                if entry.is_dir():
                    todo.append(entry)
                elif entry.name.endswith(suffix):
                    yield entry.name, entry.read_text(encoding="utf-8")


def test_every_text_that_pages_ask_for_exists():
    asked = {
        (name, key)
        for name, text in sources()
        for key in re.findall(r"""\bt(?:\.many)?\(\s*["']([a-z_.]+\.[A-Za-z_]+)["']\s*[,)]""", text)
    }
    assert len(asked) > 150
    known = set(catalogue("en")) | {key.rsplit(".", 1)[0] for key in catalogue("en")}
    assert not sorted((name, key) for name, key in asked if key not in known)


def test_a_key_that_does_not_exist_is_a_mistake_in_the_program():
    with pytest.raises(MissingText):
        Translator("nl")("no.such.key")


def test_numbers_choose_their_plural():
    assert Translator("nl").many("accounting.fetched", 1) == "Opgehaald: er wacht 1 regel"
    assert Translator("nl").many("accounting.fetched", 214) == "Opgehaald: er wachten 214 regels"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("nl-NL,nl;q=0.9", "nl"),
        ("fr,en;q=0.8,nl;q=0.9", "nl"),
        ("de", "en"),
        ("", "en"),
        ("x;q=oops,nl", "nl"),
    ],
)
def test_the_first_language_is_the_browsers_where_we_have_it(header, language):
    assert preferred(header) == language


def test_amounts_and_dates_are_written_as_people_of_the_language_do():
    nl, en = Formats("nl", ZONE, NOW), Formats("en", ZONE, NOW)
    assert nl.money(Decimal("1234.5")).translate(SPACE) == "€ 1.234,50"
    assert en.money(Decimal("1234.5")) == "€1,234.50"
    assert nl.day(date(2026, 11, 2)) == "Ma 2 nov 2026"
    assert en.day(date(2026, 11, 2)) == "Mon 2 Nov 2026"


def test_moments_are_shown_in_the_companys_zone():
    assert Formats("en", ZONE, NOW).instant(NOW) == "2 Nov 2026, 10:15:00"
    assert Formats("en", ZONE, NOW).clock(NOW) == "10:15"


def test_a_moment_is_told_from_now_and_after_a_week_as_a_date():
    formats = Formats("en", ZONE, NOW)
    assert formats.ago(NOW - timedelta(minutes=3)) == "3 minutes ago"
    assert formats.ago(NOW - timedelta(days=9)) == "24 Oct 2026"
    assert Formats("nl", ZONE, NOW).ago(NOW - timedelta(hours=2)) == "2 uur geleden"


def test_no_key_stands_in_two_files():
    for language in LANGUAGES:
        seen: dict[str, str] = {}
        for file in (PACKAGE / "texts" / language).iterdir():
            if not file.name.endswith(".toml"):
                continue
            for table in re.findall(r"(?m)^\[([\w.]+)\]", file.read_text(encoding="utf-8")):
                assert table not in seen, f"[{table}] stands in {file.name} and in {seen[table]}"
                seen[table] = file.name


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Bloemenbinderij", ["Bloemenbinderij"]),
        ("verhaeghe@bloemen-verhaeghe.example", ["verhaeghe@", "bloemen-", "verhaeghe.", "example"]),
        ("naar x@y.nl", ["naar x@y.nl"]),
        ("x" * 60, ["x" * 24, "x" * 24, "x" * 12]),
        ("<b>//////////////</b>", ["&lt;b&gt;//////////////", "&lt;/", "b&gt;"]),
        ("", [""]),
    ],
)
def test_a_long_run_may_be_broken_after_its_signs_and_nothing_is_added_or_left_unescaped(text, pieces):
    shown = str(breakable(text))
    assert shown.split("<wbr>") == pieces
    assert Markup(shown.replace("<wbr>", "")).unescape() == text
