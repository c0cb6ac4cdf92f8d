"""The layout of files: an export read again is the same card, whatever stands on it, and how people write values."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from debtor_service.domain.card import Card, CardContent
from debtor_service.domain.checks import check_card
from debtor_service.domain.layout import (
    COLUMNS,
    BadRow,
    EmptyCells,
    check_header,
    column_of,
    read_row,
    written,
)
from debtor_service.domain.layout.names import country_code, language_code
from debtor_service.domain.own_fields import OwnFieldDefinition
from debtor_service.exporting import columns_for
from debtor_service.importing.judging import Ground, judge
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from klokwerk import tables
from klokwerk.http.exports import csv_lines, write_xlsx
from klokwerk_contracts.debtor_changed import AddressKind, DocumentKind, Kind, OwnFieldType

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
OWN = (
    OwnFieldDefinition("route", "Route", OwnFieldType.TEXT, (Kind.DEBTOR, Kind.CREDITOR)),
    OwnFieldDefinition("since", "Klant sinds", OwnFieldType.DATE, (Kind.DEBTOR,)),
)
HOSTILE = (
    '=HYPERLINK("http://x.example";"Klik")', "'=1+1", "''=1", "'s-Gravenhage", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)",
    "<script>alert(1)</script>", "_x0041_", 'a"b;c,d|e', "Ærøskøbing ✿ 花", "0012", "1.10", "true", "2026-01-02",
    "\u00a0Jansen", "#N/A", "1e5", "'", "' =1",
)  # fmt: skip


def card(**content: Any) -> Card:
    values = {"name": "Jansen", "kinds": ("debtor",)} | content
    return Card("d1", "main", 3, CardContent.model_validate(values), NOW, "Anna", NOW, debtor_number="10001")


async def _each(cards: list[Card]) -> AsyncIterator[Card]:
    for one in cards:
        yield one


async def _files(cards: list[Card]) -> list[bytes]:
    columns = columns_for(OWN)
    found = [
        b"".join([part async for part in csv_lines(_each(cards), columns, language)])
        for language in ("nl", "en")
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cards.xlsx"
        await write_xlsx(path, _each(cards), columns)
        return [*found, path.read_bytes()]


LINES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\u2028\u2029\x85"),
    max_size=30,
)
TEXTS = st.one_of(st.sampled_from(HOSTILE), LINES)
NOTES = st.one_of(
    TEXTS, st.lists(TEXTS, max_size=4).map("\n".join), st.lists(TEXTS, max_size=3).map("\r\n".join)
)


@st.composite
def contents(draw: st.DrawFn) -> CardContent:
    """Any content that the service would store."""
    filled = TEXTS.filter(lambda text: bool(text.strip()))
    address = {
        kind: {"kind": kind, "lines": draw(st.lists(filled, max_size=2)), "postal_code": draw(TEXTS)[:20],
               "city": draw(TEXTS), "country": draw(st.sampled_from(("NL", "BE", "SE")))}
        for kind in draw(st.sets(st.sampled_from(AddressKind)))
    }  # fmt: skip
    emails = [
        {"document": document, "address": f"{document.value}@x.example"}
        for document in draw(st.sets(st.sampled_from(DocumentKind)))
    ]
    values = {
        "name": draw(filled), "search_name": draw(TEXTS), "website": draw(TEXTS), "internal_note": draw(NOTES),
        "note_for_documents": draw(NOTES), "addresses": list(address.values()), "emails": emails,
        "kinds": draw(st.sampled_from((("debtor",), ("creditor",), ("debtor", "creditor")))),
        "payment_term_days": draw(st.none() | st.integers(0, 365)),
        "discount_percent": draw(st.none() | st.decimals(0, 100, places=2).map(str)),
        "phones": draw(st.sampled_from(((), ("+31 71 5550111",), ("+31 71 5550111", "071 5550112")))),
        "contact_persons": draw(st.sampled_from(((), (
            {"contact_id": "c1", "name": "=Piet", "email": "piet@x.example"}, {"contact_id": "c2", "name": "Jan"})))),
        "own_fields": draw(st.fixed_dictionaries({}, optional={"route": filled})),
        "ekt": {"use_ekts": draw(st.booleans()), "buyer_code": draw(TEXTS)[:35]},
        "invoice_delivery": {"email_allowed": draw(st.booleans())},
        "language": draw(st.sampled_from(("nl", "sv"))),
    }  # fmt: skip
    content, problems = check_card(CardContent.model_validate(values))
    own = {key: value.strip() for key, value in content.own_fields.items() if value.isprintable()}
    return content.model_copy(update={"own_fields": own}) if not problems else CardContent(name="Jansen")


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(contents(), min_size=2, max_size=6))
def test_FA_30_FA_49_FA_51_whatever_stands_on_cards_their_export_read_again_changes_nothing(
    found: list[CardContent],
) -> None:
    cards = [replace(card(), debtor_id=f"d{n}", content=content) for n, content in enumerate(found)]
    for file in asyncio.run(_files(cards)):
        table = tables.read_table(file)
        assert check_header(list(table.columns), [definition.column for definition in OWN]) == []
        for one, row in zip(cards, table.rows, strict=True):
            line = dict(zip(table.columns, row.cells, strict=True))
            for empty in EmptyCells:
                judged = judge(line, one, Ground(OWN, ekt_module=True, empty=empty))
                assert not judged.problems
                assert judged.content == one.content
                assert not judged.changes(one)


def test_every_field_of_a_card_that_people_fill_in_has_a_column() -> None:
    full = card(
        emails=[{"address": f"{d.value}@x.example", "document": d} for d in DocumentKind],
        addresses=[
            {"kind": k, "lines": ["Kade 1"], "postal_code": "1", "city": "Ort", "country": "BE"} for k in AddressKind
        ],
        website="https://x.example", contact_persons=[{"contact_id": "c", "name": "Piet", "phone": "1"}],
    )  # fmt: skip
    empty = card(name="-")
    told = {name for name in COLUMNS if written(full, name) != written(empty, name)}
    for name in (
        "email_reminder",
        "email_purchase_order",
        "postal_city",
        "invoice_street",
        "website",
        "contact_name",
    ):
        assert name in told


@pytest.mark.parametrize(
    ("text", "code"),
    [("NL", "NL"), ("nl", "NL"), ("Nederland", "NL"), ("Netherlands", "NL"), ("The Netherlands", "NL"),
     ("Pays-Bas", "NL"), ("België", "BE"), ("Belgique", "BE"), ("Sverige", "SE"), ("Duitsland", "DE"), ("DEU", "DE"),
     ("Atlantis", "Atlantis")],
)  # fmt: skip
def test_countries_are_known_by_code_and_by_their_names_in_the_offices_languages(
    text: str, code: str
) -> None:
    assert country_code(text) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [("nl", "nl"), ("NL", "nl"), ("nl_BE", "nl"), ("Nederlands", "nl"), ("Français", "Français"), ("French", "fr"),
     ("svenska", "sv"), ("deu", "de")],
)  # fmt: skip
def test_languages_are_known_by_code_locale_and_name(text: str, code: str) -> None:
    found = language_code(text)
    assert found in (code, "fr") if text == "Français" else found == code


def test_a_list_of_others_is_read_as_people_write_it() -> None:
    line = {
        "name": "Bloemen Aalst BV", "street": "Markt", "house_number": "12", "house_number_addition": "b",
        "postal_code": "9300", "city": "Aalst", "country": "België", "phone": "053 12 34 56; 0470 12 34 56",
        "mobile": "+32 470 99 88 77", "payment_term_days": "30 dagen", "discount_percent": "2,5 %", "kinds": "klant",
        "party": "bedrijf", "first_name": "An", "last_name": "Peeters", "currency": "€", "language": "nl-BE",
        "email_allowed": "oui", "print_allowed": "nej",
    }  # fmt: skip
    content, problems = check_card(read_row(line, None).content)
    assert problems == []
    assert (content.addresses[0].lines, content.addresses[0].country, content.country) == (
        ("Markt 12-b",),
        "BE",
        "BE",
    )
    assert content.phones == ("053 12 34 56", "0470 12 34 56", "+32 470 99 88 77")
    assert (content.payment_term_days, str(content.discount_percent)) == (30, "2.5")
    assert [contact.name for contact in content.contact_persons] == ["An Peeters"]
    assert (content.currency, content.language) == ("EUR", "nl")
    assert (content.invoice_delivery.email_allowed, content.invoice_delivery.print_allowed) == (True, False)
    again = replace(card(), content=content)
    assert check_card(read_row(line, again, EmptyCells.KEEP).content)[0] == content


def test_columns_that_a_file_lacks_and_parts_of_an_address_keep_what_the_card_says() -> None:
    stored = card(
        addresses=[
            {
                "kind": "visit",
                "lines": ["Kade 1"],
                "postal_code": "2225 AA",
                "city": "Katwijk",
                "country": "NL",
            }
        ]
    )
    content = read_row({"name": "Jansen", "city": "Leiden"}, stored).content
    assert (content.addresses[0].lines, content.addresses[0].city) == (("Kade 1",), "Leiden")
    moved = read_row({"name": "Jansen", "country": "BE"}, stored).content
    assert (moved.country, moved.addresses[0].country) == ("BE", "BE")


def test_empty_cells_clear_or_keep_as_asked() -> None:
    stored = card(search_name="JAN", phones=["+31 71 5550111"], own_fields={"route": "A"})
    line = {"name": "", "search_name": "", "phone": "", "own.route": ""}
    kept = read_row(line, stored, EmptyCells.KEEP).content
    assert (kept.name, kept.search_name, kept.phones, kept.own_fields) == (
        "Jansen",
        "JAN",
        ("+31 71 5550111",),
        {"route": "A"},
    )
    cleared = read_row(line, stored, EmptyCells.CLEAR).content
    assert (cleared.name, cleared.search_name, cleared.phones, cleared.own_fields) == ("Jansen", "", (), {})


def test_findings_name_the_column_of_the_file() -> None:
    with pytest.raises(BadRow) as bad:
        read_row({"name": "", "use_ekts": "misschien", "payment_term_days": "gauw"}, None)
    assert {p.field for p in bad.value.problems} == {"use_ekts", "payment_term_days"}
    with pytest.raises(BadRow) as nameless:
        read_row({"email": "x@y.example"}, None)
    assert [(p.field, p.message) for p in nameless.value.problems] == [("name", "it is empty")]
    document = card(emails=[{"address": "a@x.example", "document": "invoice"}]).content.model_dump()
    assert column_of("emails.0.address", document) == "email_invoice"
    assert column_of("own_fields.route", document) == "own.route"
    assert column_of("invoice_delivery.electronic.identifier", document) == "einvoice_id"
