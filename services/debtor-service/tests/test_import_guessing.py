"""Columns of lists are guessed by their headings in four languages, and by what stands below them."""

from __future__ import annotations

from collections import Counter

import pytest
from debtor_service.domain.layout import BY_NAME, EmptyCells
from debtor_service.domain.own_fields import OwnFieldDefinition
from debtor_service.importing.guessing import Sureness, compared, guess
from debtor_service.importing.headings import SPELLINGS
from debtor_service.importing.mapping import ColumnMapping, check_mapping, header_key
from klokwerk_contracts.debtor_changed import Kind, OwnFieldType

PLACE = ("street", "postal_code", "city")
OWN = (OwnFieldDefinition("route", "Rit nummer", OwnFieldType.TEXT, (Kind.DEBTOR,)),)


def fields(*headings: str) -> list[str]:
    return [found.field for found in guess(headings, [[] for _ in headings], OWN)]


@pytest.mark.parametrize(
    ("headings", "expected"),
    [
        (
            ("Klantnr", "Klantnaam", "Adres", "Postcode", "Plaats", "Land", "BTW-nummer", "KvK-nummer", "E-mail"),
            ("customer_number", "name", *PLACE, "country", "vat_number", "chamber_number", "email"),
        ),
        (
            ("Customer No.", "Company", "Street address", "ZIP", "City", "Country", "VAT number", "Payment terms"),
            ("customer_number", "name", *PLACE, "country", "vat_number", "payment_term_days"),
        ),
        (
            ("Raison sociale", "Adresse", "Code postal", "Ville", "Pays", "N° TVA", "Adresse e-mail", "Téléphone"),
            ("name", *PLACE, "country", "vat_number", "email", "phone"),
        ),
        (
            ("Företag", "Gatuadress", "Postnummer", "Ort", "Momsnummer", "Org.nr", "E-post", "Språk"),
            ("name", *PLACE, "vat_number", "chamber_number", "email", "language"),
        ),
        (("naam", "straat", "huisnummer", "toevoeging"), ("name", "street", "house_number", "house_number_addition")),
        (("Voornaam", "Achternaam", "Mobiel", "Opmerkingen"), ("first_name", "last_name", "mobile", "internal_note")),
        (("debtor_id", "own.route", "email_invoice", "state"), ("debtor_id", "own.route", "email_invoice", "")),
        (("Factuur e-mail", "E-mail", "Rit nummer"), ("email_invoice", "email", "own.route")),
    ],
)  # fmt: skip
def test_FA_46_usual_headings_are_known_in_dutch_english_french_and_swedish(
    headings: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert tuple(fields(*headings)) == expected


def test_FA_47_numbers_of_customers_debtors_and_suppliers_are_told_apart() -> None:
    assert fields("Klantnummer", "Debiteurnummer") == ["customer_number", "debtor_number"]
    assert fields("Leveranciersnummer", "Leverancier") == ["creditor_number", "name"]


def test_a_misspelt_heading_is_likely_and_an_unknown_one_is_known_by_its_cells() -> None:
    found = guess(
        ("Klantnam", "Elektronisch", "Iets", "Rekening courant", "Kleur"),
        ([], ["a@x.example", "b@y.example"], ["2225 AA", "3512AB"], ["NL91ABNA0417164300"] * 2, ["rood"]),
    )  # fmt: skip
    assert [(one.field, one.sureness) for one in found] == [
        ("name", Sureness.ALIKE),
        ("email", Sureness.CONTENT),
        ("postal_code", Sureness.CONTENT),
        ("iban", Sureness.CONTENT),
        ("", Sureness.NONE),
    ]


def test_no_field_is_given_twice_and_the_added_reason_never() -> None:
    assert fields("Naam", "Klantnaam", "Bedrijf", "Reden") == ["name", "", "", ""]
    found = Counter(fields("E-mail", "Email", "Mail", "e-mailadres"))
    assert found["email"] == 1


def test_each_spelling_means_one_field() -> None:
    meanings: dict[str, set[str]] = {}
    for field, words in SPELLINGS.items():
        assert field in BY_NAME, field
        for word in words.split(","):
            meanings.setdefault(compared(word), set()).add(field)
    assert {word: found for word, found in meanings.items() if len(found) > 1} == {}


def test_a_mapping_fills_what_the_list_lacks_and_is_known_again_by_its_headings() -> None:
    mapping = ColumnMapping(("name", "", "country"), {"country": "BE", "language": "fr"}, EmptyCells.KEEP)
    assert mapping.line(("Fleurs", "x", "")) == {"country": "BE", "language": "fr", "name": "Fleurs"}
    assert mapping.line(("Fleurs", "x", "NL"))["country"] == "NL"
    assert ColumnMapping.of(mapping.plain()) == mapping
    assert header_key(["Klant-naam", "Plaats"]) == header_key(["klantnaam", "PLAATS", "Reden"])
    assert header_key(["Klantnaam", "Plaats"]) != header_key(["Plaats", "Klantnaam"])


def test_a_mapping_that_can_not_be_read_says_what_to_mend() -> None:
    problems = check_mapping(
        ColumnMapping(("email", "email", "nonsense"), {"colour": "red"}), ["a", "b", "c"], []
    )
    assert {p.field for p in problems} == {"fields.1", "fields.2", "constants.colour", "fields"}
    assert all(p.cure for p in problems)
    assert check_mapping(ColumnMapping(("name",)), ["a", "b"], [])[0].field == "fields"
