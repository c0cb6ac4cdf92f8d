"""Options of a card that the organisation has to offer first: languages, categories, price tiers (FA-78, FA-82, FA-86).

Only what is set anew is judged. A card keeps what it has when an app is switched off or a language is withdrawn, so
that nothing is lost and an unrelated edit is never refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from debtor_service.domain.card import CardContent
from debtor_service.domain.checks.codes import is_language
from debtor_service.domain.checks.problem import FieldProblem
from debtor_service.domain.customer_settings import App, CustomerSettings


class ChoiceList(StrEnum):
    """The lists that the office manages."""

    CATEGORIES = "categories"
    PRICE_TIERS = "price-tiers"


@dataclass(frozen=True, slots=True)
class Choice:
    """An entry of such a list; the code stands on cards and events, the label is for people."""

    code: str
    label: str
    position: int = 0
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Options:
    """What cards may choose from at this moment."""

    settings: CustomerSettings = field(default_factory=CustomerSettings)
    choices: dict[ChoiceList, tuple[Choice, ...]] = field(default_factory=dict)

    def codes(self, of: ChoiceList) -> tuple[str, ...]:
        """Codes of one list."""
        return tuple(choice.code for choice in self.choices.get(of, ()))


def check_options(content: CardContent, stored: CardContent | None, options: Options) -> list[FieldProblem]:
    """What a card chooses anew though it is not offered.

    Args:
        stored: the content that is replaced; none for a new card.
    """
    return list(_problems(content, stored, options))


def _problems(content: CardContent, stored: CardContent | None, options: Options) -> Iterator[FieldProblem]:
    settings = options.settings
    unoffered = content.language not in settings.offered_languages
    if unoffered and _set_anew("language", content, stored) and is_language(content.language):
        cure = (
            f"Choose one of: {', '.join(settings.offered_languages)}; or offer it in the customer settings."
            if App.LANGUAGES in settings.apps
            else 'Activate the app "Customers in other languages" first.'
        )
        yield FieldProblem("language", f"{content.language!r} is not offered", cure)
    if _set_anew("price_tier", content, stored) and content.price_tier:
        if App.TIER_PRICES not in settings.apps:
            yield FieldProblem(
                "price_tier",
                "the app for tier prices is not activated",
                "Activate it, or leave the tier empty.",
            )
        else:
            yield from _listed("price_tier", content.price_tier, options.codes(ChoiceList.PRICE_TIERS))
    if _set_anew("category", content, stored) and content.category:
        yield from _listed("category", content.category, options.codes(ChoiceList.CATEGORIES))


def _set_anew(name: str, content: CardContent, stored: CardContent | None) -> bool:
    return stored is None or getattr(content, name) != getattr(stored, name)


def _listed(field_: str, code: str, known: Iterable[str]) -> Iterator[FieldProblem]:
    if code not in known:
        shown = ", ".join(known) or "none yet"
        yield FieldProblem(
            field_, f"{code[:60]!r} is not on the list", f"Choose one of: {shown}; or add it in the settings."
        )
