"""What the whole organisation settles for its customers: defaults of new cards, languages, apps, numbering."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from klokwerk_contracts.types import Country, Currency, Language, Part
from pydantic import Field

from debtor_service.domain.card import VatRegime
from debtor_service.domain.checks.codes import is_country, is_currency, is_language
from debtor_service.domain.checks.problem import FieldProblem
from debtor_service.domain.customer_numbers import Numbering


class App(StrEnum):
    """Extensions that can be activated; what belongs to one that is not stays hidden (FA-86)."""

    TIER_PRICES = "tier_prices"
    LANGUAGES = "languages"
    NEWSLETTER = "newsletter"


class CustomerSettings(Part):
    """One for the installation.

    Attributes:
        default_vat_regime: what new cards start with; ``standard`` is 21 % in the Netherlands and Belgium (FA-13),
            and may be changed here for everybody (FA-17).
        languages: offered on cards while the app for them is activated (FA-78).
        apps: the activated ones.
    """

    default_vat_regime: VatRegime = VatRegime.STANDARD
    default_language: Language = "nl"
    default_currency: Currency = "EUR"
    default_country: Country = "NL"
    languages: Annotated[tuple[Language, ...], Field(min_length=1, max_length=50)] = (
        "nl",
        "en",
        "de",
        "fr",
        "sv",
    )
    apps: frozenset[App] = frozenset({App.LANGUAGES})
    numbering: Numbering = Numbering()

    @property
    def offered_languages(self) -> tuple[str, ...]:
        """What a card may choose from: without the app only the office's own."""
        return self.languages if App.LANGUAGES in self.apps else (self.default_language,)

    @property
    def card_defaults(self) -> dict[str, Any]:
        """What a new card has where nothing is said."""
        return {
            "vat_regime": self.default_vat_regime,
            "language": self.default_language,
            "currency": self.default_currency,
            "country": self.default_country,
        }


@dataclass(frozen=True, slots=True)
class StoredSettings:
    """The settings as stored; revision 1 are the ones that an installation starts with."""

    settings: CustomerSettings
    revision: int
    changed_at: datetime | None
    changed_by: str


def check_settings(settings: CustomerSettings) -> list[FieldProblem]:
    """What is wrong with settings that somebody wants to save."""
    return list(_problems(settings))


def _problems(settings: CustomerSettings) -> Iterator[FieldProblem]:
    unknown = [code for code in settings.languages if not is_language(code)]
    if unknown:
        yield FieldProblem(
            "languages", f"{', '.join(unknown)}: no such language", "Write ISO 639 codes such as nl or sv."
        )
    if len(set(settings.languages)) < len(settings.languages):
        yield FieldProblem("languages", "one comes twice", "Write each once.")
    if settings.default_language not in settings.languages:
        yield FieldProblem(
            "default_language",
            f"{settings.default_language!r} is not among the languages that are offered",
            "Offer it, or choose another default.",
        )
    if not is_currency(settings.default_currency):
        yield FieldProblem(
            "default_currency",
            f"{settings.default_currency!r} is no currency",
            "Write an ISO 4217 code such as EUR.",
        )
    if not is_country(settings.default_country):
        yield FieldProblem(
            "default_country",
            f"{settings.default_country!r} is no country",
            "Write an ISO 3166 code such as NL.",
        )
