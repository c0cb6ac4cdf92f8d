"""Which VAT a document bears: the category from seller, buyer and regime, the percentage from dated rates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from klokwerk_contracts.invoice_created import VatCategory

from sales_service.domain.lines import VatClass

EU = frozenset(
    {
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"),
        *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
    }
)

_RATES: dict[str, dict[VatClass, tuple[tuple[date, str], ...]]] = {
    "NL": {
        VatClass.STANDARD: ((date(2001, 1, 1), "19"), (date(2012, 10, 1), "21")),
        VatClass.REDUCED: ((date(2001, 1, 1), "6"), (date(2019, 1, 1), "9")),
    },
    "BE": {
        VatClass.STANDARD: ((date(1996, 1, 1), "21"),),
        VatClass.REDUCED: ((date(1996, 1, 1), "6"),),
    },
    "DE": {
        VatClass.STANDARD: (
            (date(2007, 1, 1), "19"),
            (date(2020, 7, 1), "16"),
            (date(2021, 1, 1), "19"),
        ),
        VatClass.REDUCED: (
            (date(1983, 7, 1), "7"),
            (date(2020, 7, 1), "5"),
            (date(2021, 1, 1), "7"),
        ),
    },
    "SE": {
        # Sweden has no lowered rate for flowers and plants: both classes are 25 %.
        VatClass.STANDARD: ((date(1990, 7, 1), "25"),),
        VatClass.REDUCED: ((date(1990, 7, 1), "25"),),
    },
}
"""Percentages by seller's country and class, each from its first day on; the last one still holds."""


class Regime(StrEnum):
    """VAT regime of a customer, or of one document (FA-12, FA-15).

    ``standard`` lets the countries decide; the others say outright what is to be applied.
    """

    STANDARD = "standard"
    DOMESTIC = "domestic"
    REVERSE_CHARGE = "reverse_charge"
    INTRA_COMMUNITY = "intra_community"
    EXPORT = "export"
    EXEMPT = "exempt"


class VatProblem(ValueError):
    """The VAT of a document can't be decided; `field` is what to mend and `cure` how."""

    def __init__(self, field: str, message: str, cure: str) -> None:
        super().__init__(message)
        self.field = field
        self.cure = cure


@dataclass(frozen=True, slots=True)
class Treatment:
    """How every line of one document is taxed.

    Attributes:
        category: category of the lines; S stands for the seller's own rates, zero included.
    """

    category: VatCategory


def rate(country: str, goods: VatClass, day: date) -> Decimal:
    """Percentage for `goods` sold by a seller in `country`, as it was on `day`.

    Raises:
        VatProblem: no rates are known for that country or day.
    """
    if goods is VatClass.ZERO:
        return Decimal(0)
    found = [percent for since, percent in _RATES.get(country, {}).get(goods, ()) if since <= day]
    if not found:
        known = ", ".join(sorted(_RATES))
        raise VatProblem(
            "seller.address.country",
            f"no {goods} VAT rate is known for {country} on {day}",
            f"sell from one of {known}, or add the country's rates",
        )
    return Decimal(found[-1])


def treatment(
    *,
    seller_country: str,
    seller_vat: str,
    buyer_country: str,
    buyer_vat: str,
    regime: str,
) -> Treatment:
    """Category of a document from the countries of both parties, their VAT numbers and the regime.

    Under ``standard``: the same country S, another EU country with a VAT number K, another EU country
    without one S (a sale to somebody who can't account for the tax), outside the EU G.

    Raises:
        VatProblem: the regime is unknown, does not fit the countries, or lacks a VAT number (K and AE
            ask for both).
    """
    try:
        wanted = Regime(regime)
    except ValueError as error:
        raise VatProblem(
            "vat_regime",
            f"VAT regime {regime!r} is unknown",
            f"choose one of {', '.join(entry.value for entry in Regime)}",
        ) from error
    abroad = buyer_country != seller_country
    within_eu = buyer_country in EU and seller_country in EU
    if wanted is Regime.STANDARD:
        if not abroad:
            wanted = Regime.DOMESTIC
        elif not within_eu:
            wanted = Regime.EXPORT
        else:
            wanted = Regime.INTRA_COMMUNITY if buyer_vat else Regime.DOMESTIC
    if wanted is Regime.DOMESTIC:
        return Treatment(VatCategory.STANDARD)
    if wanted is Regime.EXEMPT:
        return Treatment(VatCategory.EXEMPT)
    if wanted is Regime.EXPORT:
        if within_eu or not abroad:
            raise VatProblem(
                "vat_regime",
                f"export does not fit a buyer in {buyer_country}",
                "choose standard, or a delivery outside the European Union",
            )
        return Treatment(VatCategory.EXPORT)
    if wanted is Regime.INTRA_COMMUNITY and (not abroad or not within_eu):
        raise VatProblem(
            "vat_regime",
            f"intra-community does not fit a sale from {seller_country} to {buyer_country}",
            "choose standard, or a buyer in another country of the European Union",
        )
    _need_both(seller_vat, buyer_vat, wanted)
    if wanted is Regime.INTRA_COMMUNITY:
        return Treatment(VatCategory.INTRA_COMMUNITY)
    return Treatment(VatCategory.REVERSE_CHARGE)


def _need_both(seller_vat: str, buyer_vat: str, regime: Regime) -> None:
    for field, number, who in (
        ("seller.vat_number", seller_vat, "seller"),
        ("buyer.vat_number", buyer_vat, "buyer"),
    ):
        if not number:
            raise VatProblem(
                field,
                f"{regime} needs the VAT number of the {who}",
                f"fill in the VAT number of the {who}, or choose another VAT regime",
            )


_REASONS: dict[VatCategory, dict[str, str]] = {
    VatCategory.REVERSE_CHARGE: {
        "nl": "Btw verlegd",
        "en": "Reverse charge",
        "fr": "Autoliquidation",
        "sv": "Omvänd betalningsskyldighet",
        "de": "Steuerschuldnerschaft des Leistungsempfängers",
        "fi": "Käännetty verovelvollisuus",
    },
    VatCategory.INTRA_COMMUNITY: {
        "nl": "Intracommunautaire levering",
        "en": "Intra-Community supply",
        "fr": "Livraison intracommunautaire",
        "sv": "Gemenskapsintern leverans",
        "de": "Innergemeinschaftliche Lieferung",
        "fi": "Yhteisömyynti",
    },
    VatCategory.EXPORT: {
        "nl": "Uitvoer buiten de Europese Unie",
        "en": "Export outside the European Union",
        "fr": "Exportation hors Union européenne",
        "sv": "Export utanför Europeiska unionen",
        "de": "Ausfuhrlieferung",
        "fi": "Vienti EU:n ulkopuolelle",
    },
    VatCategory.EXEMPT: {
        "nl": "Vrijgesteld van btw",
        "en": "Exempt from VAT",
        "fr": "Exonéré de TVA",
        "sv": "Undantaget från moms",
        "de": "Umsatzsteuerfrei",
        "fi": "Arvonlisäveroton",
    },
}


def reason(category: VatCategory, language: str) -> str:
    """Text that the law asks for beside an untaxed group, in the document's language, else in English."""
    texts = _REASONS.get(category, {})
    return texts.get(language) or texts.get("en", "")
