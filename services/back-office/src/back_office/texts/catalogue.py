"""The words of the pages: a folder a language, a file an area, looked up by key."""

from __future__ import annotations

import importlib.resources
import tomllib
from collections.abc import Mapping
from functools import cache

from babel import Locale
from babel.numbers import format_decimal

LANGUAGES = ("nl", "en")
DEFAULT = "en"


class MissingText(KeyError):
    """A key that no catalogue has: a mistake in the program, not of the user."""


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Every text of one language by its dotted key."""
    texts: dict[str, str] = {}
    folder = importlib.resources.files("back_office.texts") / language
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".toml"):
            texts |= _flat("", tomllib.loads(file.read_text(encoding="utf-8")))
    return texts


def _flat(prefix: str, table: Mapping[str, object]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, value in table.items():
        key = f"{prefix}.{name}" if prefix else name
        if isinstance(value, Mapping):
            texts |= _flat(key, value)
        else:
            texts[key] = str(value)
    return texts


class Translator:
    """Looks up texts of one language: ``t("sales.title")``, ``t.many("table.selected", 3)``."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else DEFAULT
        self._texts = catalogue(self.language)
        self._locale = Locale.parse(self.language)

    def __call__(self, key: str, **values: object) -> str:
        """The text of `key` with ``{names}`` filled in.

        Raises:
            MissingText: no such key.
        """
        try:
            text = self._texts[key]
        except KeyError:
            raise MissingText(key) from None
        return text.format_map({name: str(value) for name, value in values.items()}) if values else text

    def many(self, key: str, count: int, **values: object) -> str:
        """The text of `key` for a number of things, from ``key.one`` or ``key.other``."""
        written = format_decimal(count, locale=self._locale)
        return self(f"{key}.{self._locale.plural_form(count)}", count=written, **values)

    def has(self, key: str) -> bool:
        """Whether there is a text of that key."""
        return key in self._texts

    def either(self, key: str, fallback: str) -> str:
        """The text of `key`, or `fallback` where there is none (codes of other services)."""
        return self._texts.get(key, fallback)


def preferred(accepted: str) -> str:
    """The language to start with, from a browser's ``Accept-Language`` header."""
    wishes: list[tuple[float, str]] = []
    for part in accepted.split(","):
        name, _, weight = part.strip().partition(";q=")
        try:
            wishes.append((-float(weight or 1), name.split("-")[0].lower()))
        except ValueError:
            continue
    for _, language in sorted(wishes, key=lambda wish: wish[0]):
        if language in LANGUAGES:
            return language
    return DEFAULT
