"""Countries, languages, parties and kinds as customer lists write them: codes, or names in the office's languages."""

from __future__ import annotations

import gettext
from functools import cache

import pycountry
from klokwerk_contracts.debtor_changed import Kind, Party

_LANGUAGES = ("nl", "fr", "sv", "de")
"""Languages whose names are known beside the English ones."""

_ALSO_CALLED = {
    "holland": "NL",
    "the netherlands": "NL",
    "england": "GB",
    "uk": "GB",
    "groot-brittannie": "GB",
    "great britain": "GB",
    "usa": "US",
    "tsjechie": "CZ",
}

PARTIES: dict[str, Party] = {
    word: party
    for party, words in {
        Party.ORGANISATION: "organisation organisatie bedrijf company business zakelijk entreprise société societe "
        "företag foretag organisationen b b2b",
        Party.PERSON: "person persoon particulier privé prive private consumer consument particulier privat "
        "privatperson personne c b2c",
    }.items()
    for word in words.split()
}

KINDS: dict[str, Kind] = {
    word: kind
    for kind, words in {
        Kind.DEBTOR: "debtor debiteur klant afnemer customer client kund kunde",
        Kind.CREDITOR: "creditor crediteur leverancier kweker supplier vendor grower fournisseur leverantör leverantor",
    }.items()
    for word in words.split()
}


def country_code(text: str) -> str:
    """``NL`` from a code in any case or a country's name; what is not known comes back as it is."""
    if len(text) == 2 and text.isascii():
        return text.upper()
    return _countries().get(text.casefold(), text)


def language_code(text: str) -> str:
    """``nl`` from a code in any case, a locale such as ``nl_NL``, or a language's name."""
    short = text.replace("_", "-").split("-", 1)[0]
    if len(short) == 2 and short.isascii():
        return short.lower()
    return _languages().get(text.casefold(), text)


@cache
def _countries() -> dict[str, str]:
    found: dict[str, str] = {}
    translations = [gettext.translation("iso3166-1", pycountry.LOCALES_DIR, [name]) for name in _LANGUAGES]
    for country in pycountry.countries:
        names = {country.name, country.alpha_3, getattr(country, "common_name", country.name)}
        for name in {*names, *(each.gettext(name) for each in translations for name in names)}:
            found.setdefault(name.casefold(), country.alpha_2)
    return found | _ALSO_CALLED


@cache
def _languages() -> dict[str, str]:
    found: dict[str, str] = {}
    translations = [gettext.translation("iso639-3", pycountry.LOCALES_DIR, [name]) for name in _LANGUAGES]
    for language in pycountry.languages:
        code = getattr(language, "alpha_2", "")
        if code:
            for name in {language.name, *(each.gettext(language.name) for each in translations)}:
                found.setdefault(name.casefold(), code)
            found.setdefault(language.alpha_3, code)
    return found
