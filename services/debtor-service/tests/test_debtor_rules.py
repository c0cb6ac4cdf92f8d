"""The pure rules: numbering, search text, checks, rows."""

from __future__ import annotations

import pytest
from debtor_service.domain.card import CardContent
from debtor_service.domain.checks import check_card
from debtor_service.domain.checks.addresses import clean_email
from debtor_service.domain.checks.registrations import BadNumber, clean_chamber_number, clean_vat
from debtor_service.domain.numbering import (
    NumberRange,
    free_numbers,
    number_value,
    use_of,
    used_up,
)
from debtor_service.domain.search import normalise, words_of
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st
from klokwerk_contracts.debtor_changed import Kind


def numbers(first: int, last: int, *, fill_gaps: bool = False) -> NumberRange:
    return NumberRange("main", Kind.DEBTOR, first, last, fill_gaps)


@pytest.mark.parametrize(
    ("fill_gaps", "highest", "taken", "expected"),
    [
        (False, None, [], 10),
        (False, None, [10, 11], 12),
        (False, 12, [12], 13),
        (False, 12, [12, 13, 15], 14),
        (False, 19, [19], 20),
        (False, 20, [20], None),
        (True, 20, [20], 10),
        (True, 20, [10, 11, 20], 12),
        (True, None, list(range(10, 21)), None),
        (False, None, list(range(10, 21)), None),
    ],
)
def test_the_next_number_is_the_lowest_free_one_above_the_highest_issued(
    fill_gaps, highest, taken, expected
) -> None:
    settings = numbers(10, 20, fill_gaps=fill_gaps)
    assert next(free_numbers(settings, highest, taken), None) == expected
    assert "range 10 to 20 of administration main" in used_up(settings)


@given(
    first=st.integers(1, 30),
    size=st.integers(1, 30),
    taken=st.sets(st.integers(1, 80)),
    issued=st.one_of(st.none(), st.integers(0, 29)),
    fill_gaps=st.booleans(),
)
def test_free_numbers_agree_with_a_search_one_by_one(first, size, taken, issued, fill_gaps) -> None:
    settings = numbers(first, first + size - 1, fill_gaps=fill_gaps)
    highest = None if issued is None else min(first + issued, settings.last)
    start = first if fill_gaps or highest is None else highest + 1
    slow = [n for n in range(start, settings.last + 1) if n not in taken]
    assert list(free_numbers(settings, highest, sorted(taken))) == slow
    inside = sum(1 for n in taken if start <= n <= settings.last)
    assert use_of(settings, highest, inside).remaining == len(slow)


def test_only_plain_digits_have_a_place_in_a_range() -> None:
    assert [number_value(n) for n in ("12", "007", "A7", "", "1.5", "²", "٣")] == [12, 7] + [None] * 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fleurs d'Anvers (Liège)", "fleurs danvers liege"),
        ("NL 9990.000.10.B17", "nl 999000010b17"),
        ("Straße  ÆØÅ Łódź", "strasse aeoa lodz"),
        ("İstanbul", "istanbul"),
        ("%_\\'\"", ""),
    ],
)
def test_search_text_knows_no_accents_dots_or_case(text: str, expected: str) -> None:
    assert normalise(text) == expected
    assert normalise(expected) == expected
    assert len(words_of(text * 20)) <= 8


@given(st.text(max_size=60))
def test_normalised_text_is_safe_in_a_like_pattern_and_stays_as_it_is(text: str) -> None:
    plain = normalise(text)
    assert not set(plain) & set("%_\\'\"")
    assert normalise(plain) == plain


@pytest.mark.parametrize(
    ("number", "country", "expected"),
    [
        ("NL 9990.000.10.B17", "NL", "NL999000010B17"),
        ("999000010B17", "NL", "NL999000010B17"),
        ("777777177", "BE", "BE0777777177"),
        ("BE 0777.777.177", "NL", "BE0777777177"),
        ("SE559900001401", "SE", "SE559900001401"),
        ("DE999990019", "DE", "DE999990019"),
        ("094259216", "GR", "EL094259216"),
        ("GB 980780684", "GB", "GB980780684"),
        ("12-3456789", "US", "US123456789"),
    ],
)
def test_vat_numbers_get_one_form(number: str, country: str, expected: str) -> None:
    assert clean_vat(number, country) == expected
    assert clean_vat(expected, country) == expected


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("NL999000010B18", "NL"),
        ("BE0777777178", "BE"),
        ("SE559900001501", "SE"),
        ("DE999990018", "DE"),
        ("1" * 25, "US"),
        ("1", "FR"),
    ],
)
def test_vat_numbers_with_wrong_digits_are_refused(number: str, country: str) -> None:
    with pytest.raises(BadNumber):
        clean_vat(number, country)


@pytest.mark.parametrize(
    ("number", "country", "expected"),
    [
        ("99 00 00 11", "NL", "99000011"),
        ("0777.777.177", "BE", "0777777177"),
        ("559900-0014", "SE", "5599000014"),
        ("koln HRB 990001", "DE", "Köln HRB 990001"),
        (" RCS  Paris 123 ", "FR", "RCS Paris 123"),
    ],
)
def test_chamber_numbers_get_one_form(number: str, country: str, expected: str) -> None:
    assert clean_chamber_number(number, country) == expected


@given(
    st.builds(
        CardContent,
        name=st.text(min_size=1, max_size=200),
        vat_number=st.text(max_size=30),
        chamber_number=st.text(max_size=50),
        country=st.sampled_from(["NL", "BE", "SE", "DE", "FI", "FR", "US", "ZZ"]),
        phones=st.lists(st.text(min_size=1, max_size=20), max_size=2).map(tuple),
    )
)
def test_checking_never_fails_and_a_tidy_card_stays_as_it_is(content: CardContent) -> None:
    tidy, problems = check_card(content)
    if not problems:
        assert check_card(tidy) == (tidy, [])
        assert len(tidy.vat_number) <= 20
        assert len(tidy.chamber_number) <= 50


_LOCAL = st.text(st.sampled_from("abzABZ019._+-'é\"@ <>"), max_size=70)
_DOMAIN = st.text(st.sampled_from("abzABZ019.-_é[]"), max_size=12)


@given(
    st.builds(
        "{}@{}{}".format,
        _LOCAL,
        _DOMAIN,
        st.sampled_from(("", ".example", ".NL", ".xn--p1ai", "." + "a" * 230)),
    )
)
@example("Info@Bloemen.Example")
@example("info@xn--mlk-1na.nl")
@example("info@café.nl")
@example("a.b-c+d_e@KWEKERIJ.nl")
@example("x@localhost")
def test_mail_addresses_are_judged_as_the_library_does(address: str) -> None:
    try:
        expected = validate_email(address.strip(), check_deliverability=False).normalized
    except EmailNotValidError:
        with pytest.raises(BadNumber):
            clean_email(address)
        return
    assert clean_email(address) == expected
