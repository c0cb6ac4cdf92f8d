"""Addresses as each country writes them: letter lines, required parts, street and number, on the card as well."""

from __future__ import annotations

import pytest
from debtor_service.domain.addresses import (
    Street,
    formatted,
    missing_fields,
    postal_code_example,
    split_street,
    tidy_postal_code,
)
from debtor_world import World, fresh
from hypothesis import given
from hypothesis import strategies as st
from klokwerk_contracts.types import Address


def at(country: str, *lines: str, **parts: str) -> Address:
    return Address(country=country, lines=lines, **parts)


@pytest.mark.parametrize(
    ("address", "lines"),
    [
        (at("NL", "Kade 1", postal_code="2225aa", city="Katwijk"), ("Jansen", "Kade 1", "2225 AA KATWIJK")),
        (at("BE", "Rue X 1", postal_code="1000", city="Bruxelles"), ("Jansen", "Rue X 1", "1000 BRUXELLES", "BELGIUM")),
        (at("DE", "Ring 5", postal_code="41540", city="Dormagen"), ("Jansen", "Ring 5", "41540 DORMAGEN", "GERMANY")),
        (at("SE", "Gatan 5", postal_code="21131", city="Malmö"), ("Jansen", "Gatan 5", "SE-211 31 MALMÖ", "SWEDEN")),
        (
            at("GB", "1 High St", "Floor 2", postal_code="sw1a 1aa", city="London"),
            ("Jansen", "1 High St", "Floor 2", "LONDON", "SW1A 1AA", "UNITED KINGDOM"),
        ),
        (
            at("US", "1 Main St", postal_code="94043", city="Mountain View", region="CA"),
            ("Jansen", "1 Main St", "MOUNTAIN VIEW, CA 94043", "UNITED STATES"),
        ),
        (
            at("JP", "1-2 Ginza", postal_code="104-0061", city="Tokyo"),
            ("Jansen", "1-2 Ginza", "Tokyo", "104-0061", "JAPAN"),
        ),
    ],
)  # fmt: skip
def test_a_letter_has_the_lines_of_the_country_it_goes_to(address: Address, lines: tuple[str, ...]) -> None:
    assert formatted(address, organisation="Jansen", home="NL") == lines


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Kade 1", Street("Kade", "1")),
        ("Laan 1940-1945 66-a", Street("Laan 1940-1945", "66", "a")),
        ("Straat 12-14", Street("Straat", "12", "-14")),
        ("1e Helmersstraat 5 bis", Street("1e Helmersstraat", "5", "bis")),
        ("Rue du Bois 12 boîte 3", Street("Rue du Bois", "12", "boîte 3")),
        ("Diestsevest 5 bus 2", Street("Diestsevest", "5", "bus 2")),
        ("Hauptstraße 12a", Street("Hauptstraße", "12", "a")),
        ("Straße des 17. Juni 135", Street("Straße des 17. Juni", "135")),
        ("12, rue du Bois", Street("rue du Bois", "12")),
        ("Quai 7, porte 3", Street("Quai", "7", "porte 3")),
        ("Landgoed De Hoeve", None),
    ],
)
def test_street_and_number_are_told_apart(line: str, expected: Street | None) -> None:
    assert split_street(at("NL", line)) == expected
    assert split_street(at("FR", line)) is None, "only where the number follows a street"


def test_what_a_country_needs_is_named_as_people_there_call_it() -> None:
    assert [(m.field, m.name) for m in missing_fields(at("US", "1 Main St", city="X"))] == [
        ("postal_code", "ZIP code"),
        ("region", "state"),
    ]
    assert missing_fields(at("HK", "1 Road", region="Kowloon")) == ()
    assert postal_code_example(at("NL", "Kade 1", postal_code="12")) == "1234 AB"
    assert postal_code_example(at("NL", "Kade 1", postal_code="2225 aa")) == ""
    assert missing_fields(at("ZZ", "Nowhere")) == ()


@given(st.text(max_size=40), st.sampled_from(["NL", "BE", "SE", "GB", "US", "ZZ"]), st.text(max_size=12))
def test_nothing_that_is_typed_breaks_it_or_is_lost(line: str, country: str, code: str) -> None:
    address = at(country, line, postal_code=code, city="Stad")
    lines = formatted(address, organisation="X")
    assert any("stad" in each.casefold() for each in lines)
    split_street(address)
    assert tidy_postal_code(tidy_postal_code(code, country), country) == tidy_postal_code(code, country)


async def test_the_card_shows_its_addresses_as_letters_have_them_and_takes_them_back(world: World) -> None:
    made = await world.make(
        debtor_id=fresh(),
        name="Fleurs BV",
        addresses=[
            {"lines": ["Kade 1 a"], "postal_code": "2225aa", "city": "Katwijk", "country": "NL"},
            {"kind": "delivery", "lines": ["1 Main St"], "city": "Mountain View", "country": "US"},
        ],
    )
    home, abroad = made["addresses"]
    assert home["postal_code"] == "2225 AA"
    assert home["formatted"] == ["Fleurs BV", "Kade 1 a", "2225 AA KATWIJK"]
    assert home["street"] == {"name": "Kade", "number": "1", "addition": "a"}
    assert abroad["street"] is None
    fields = {warning["field"]: warning["message"] for warning in made["warnings"]}
    assert fields["addresses.1.region"] == "an address in US needs a state"
    assert "addresses.0.city" not in fields
    saved = await world.save(made)
    assert (saved.status_code, saved.json()["revision"]) == (200, 1), "what GET gave is no change"
