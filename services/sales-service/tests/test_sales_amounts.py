"""The arithmetic of invoices, checked by tables and by properties."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from klokwerk_contracts.invoice_created import VatCategory
from sales_service.domain.amounts import Group, Taxed, discounts, line_net, to_cents, totals
from sales_service.domain.lines import VatClass
from sales_service.domain.references import payment_reference
from sales_service.domain.seller import electronic_is_valid, seller_faults
from sales_service.domain.vat import VatProblem, rate, treatment

NINE = Group(VatCategory.STANDARD, Decimal(9))
TWENTY_ONE = Group(VatCategory.STANDARD, Decimal(21))


@pytest.mark.parametrize(
    ("quantity", "price", "base", "net"),
    [
        ("800", "0.560", "1", "448.00"),
        ("3", "0.335", "1", "1.01"),
        ("-3", "0.335", "1", "-1.01"),
        ("1", "0.005", "1", "0.01"),
        ("7", "12.50", "100", "0.88"),
        ("0", "5", "1", "0.00"),
    ],
)
def test_line_net_is_rounded_half_up_once(quantity: str, price: str, base: str, net: str) -> None:
    assert str(line_net(Decimal(quantity), Decimal(price), Decimal(base))) == net


def test_a_price_for_zero_units_is_refused() -> None:
    with pytest.raises(ValueError, match="more than zero"):
        line_net(Decimal(1), Decimal(1), Decimal(0))


def test_vat_is_rounded_by_group_and_not_by_line() -> None:
    lines = [Taxed(NINE, Decimal("0.05"))] * 10
    sums = totals(lines)
    assert sums.vat == Decimal("0.05")  # by the line it would be 10 x 0.00
    assert (sums.net, sums.gross) == (Decimal("0.50"), Decimal("0.55"))


def test_two_rates_make_two_groups_in_a_fixed_order() -> None:
    sums = totals([Taxed(TWENTY_ONE, Decimal("10.00")), Taxed(NINE, Decimal("100.00"))])
    assert [(entry.group.percent, entry.tax) for entry in sums.groups] == [
        (Decimal(9), Decimal("9.00")),
        (Decimal(21), Decimal("2.10")),
    ]
    assert sums.gross == Decimal("121.10")


def test_a_discount_is_taken_from_each_group() -> None:
    cuts = discounts([Taxed(NINE, Decimal("33.33")), Taxed(TWENTY_ONE, Decimal("0.05"))], Decimal("2.5"))
    assert [(cut.group, cut.net) for cut in cuts] == [(NINE, Decimal("-0.83"))]


taxed = st.lists(
    st.builds(
        Taxed,
        group=st.sampled_from([NINE, TWENTY_ONE, Group(VatCategory.REVERSE_CHARGE, Decimal(0))]),
        net=st.decimals("-9999.99", "9999.99", places=2),
    ),
    max_size=40,
)


@given(taxed, st.decimals("0", "100", places=2))
def test_totals_always_add_up_to_the_cent(lines: list[Taxed], percent: Decimal) -> None:
    everything = [*lines, *discounts(lines, percent)]
    sums = totals(everything)
    assert sums.net == sum((line.net for line in everything), start=Decimal(0))
    assert sums.gross == sums.net + sums.vat
    for entry in sums.groups:
        assert abs(entry.tax - entry.taxable * entry.group.percent / 100) <= Decimal("0.005")
    assert totals(everything[::-1]) == sums


@given(st.decimals("-1e9", "1e9", places=6))
def test_rounding_is_symmetric_and_never_a_negative_zero(amount: Decimal) -> None:
    assert to_cents(-amount) == -to_cents(amount)
    assert not str(to_cents(amount)).startswith("-0.00")


@pytest.mark.parametrize(
    ("country", "goods", "day", "percent"),
    [
        ("NL", VatClass.REDUCED, date(2026, 3, 9), "9"),
        ("NL", VatClass.STANDARD, date(2026, 3, 9), "21"),
        ("NL", VatClass.REDUCED, date(2018, 12, 31), "6"),
        ("NL", VatClass.REDUCED, date(2019, 1, 1), "9"),
        ("NL", VatClass.STANDARD, date(2012, 9, 30), "19"),
        ("NL", VatClass.ZERO, date(2026, 3, 9), "0"),
        ("BE", VatClass.REDUCED, date(2026, 3, 9), "6"),
        ("DE", VatClass.STANDARD, date(2020, 12, 31), "16"),
        ("SE", VatClass.REDUCED, date(2026, 3, 9), "25"),
    ],
)
def test_rates_are_those_of_the_day(country: str, goods: VatClass, day: date, percent: str) -> None:
    assert rate(country, goods, day) == Decimal(percent)


def test_an_unknown_country_has_no_rate() -> None:
    with pytest.raises(VatProblem, match="no reduced VAT rate is known for US"):
        rate("US", VatClass.REDUCED, date(2026, 1, 1))


@pytest.mark.parametrize(
    ("buyer", "buyer_vat", "regime", "category"),
    [
        ("NL", "", "standard", VatCategory.STANDARD),
        ("NL", "NL1", "standard", VatCategory.STANDARD),
        ("DE", "DE1", "standard", VatCategory.INTRA_COMMUNITY),
        ("DE", "", "standard", VatCategory.STANDARD),
        ("CH", "", "standard", VatCategory.EXPORT),
        ("US", "", "export", VatCategory.EXPORT),
        ("NL", "NL1", "reverse_charge", VatCategory.REVERSE_CHARGE),
        ("SE", "SE1", "intra_community", VatCategory.INTRA_COMMUNITY),
        ("SE", "SE1", "domestic", VatCategory.STANDARD),
        ("NL", "", "exempt", VatCategory.EXEMPT),
    ],
)
def test_countries_numbers_and_regime_give_the_category(
    buyer: str, buyer_vat: str, regime: str, category: VatCategory
) -> None:
    found = treatment(
        seller_country="NL", seller_vat="NL0", buyer_country=buyer, buyer_vat=buyer_vat, regime=regime
    )
    assert found.category is category


@pytest.mark.parametrize(
    ("buyer", "buyer_vat", "seller_vat", "regime", "field"),
    [
        ("DE", "DE1", "", "standard", "seller.vat_number"),
        ("NL", "", "NL0", "reverse_charge", "buyer.vat_number"),
        ("DE", "", "NL0", "intra_community", "buyer.vat_number"),
        ("NL", "NL1", "NL0", "intra_community", "vat_regime"),
        ("US", "US1", "NL0", "intra_community", "vat_regime"),
        ("DE", "DE1", "NL0", "export", "vat_regime"),
        ("NL", "NL1", "NL0", "gold", "vat_regime"),
    ],
)
def test_what_does_not_fit_is_refused_by_field(
    buyer: str, buyer_vat: str, seller_vat: str, regime: str, field: str
) -> None:
    with pytest.raises(VatProblem) as caught:
        treatment(
            seller_country="NL",
            seller_vat=seller_vat,
            buyer_country=buyer,
            buyer_vat=buyer_vat,
            regime=regime,
        )
    assert caught.value.field == field
    assert caught.value.cure


@pytest.mark.parametrize(
    ("country", "number", "reference"),
    [
        ("NL", "F2026-00012", "F2026-00012"),
        ("BE", "1", "+++000/0000/00101+++"),
        ("BE", "97", "+++000/0000/09797+++"),
        ("BE", "F2026-000123", "+++202/6000/12320+++"),
        ("FI", "1234", "12344"),
        ("FI", "2026-0001", "202600017"),
        ("SE", "1234", "12344"),
        ("SE", "2026-0001", "202600011"),
        ("SE", "X", "X"),
    ],
)
def test_payment_references_follow_the_sellers_country(country: str, number: str, reference: str) -> None:
    assert payment_reference(country, number) == reference


def test_the_sellers_numbers_are_checked() -> None:
    good = seller_faults(
        country="NL",
        vat_number="NL123456782B12",
        chamber_number="12345678",
        iban_number="NL91 ABNA 0417 1643 00",
        electronic_scheme="0106",
        electronic_identifier="12345678",
    )
    assert good == ()
    bad = seller_faults(
        country="NL",
        vat_number="BE0403170701",
        chamber_number="1234",
        iban_number="NL91ABNA0417164301",
        electronic_scheme="0106",
        electronic_identifier="1234",
    )
    assert [fault.field for fault in bad] == [
        "vat_number",
        "chamber_number",
        "iban",
        "electronic.identifier",
    ]


@pytest.mark.parametrize(
    ("scheme", "identifier", "valid"),
    [
        ("0208", "0403170701", True),
        ("0208", "0403170702", False),
        ("0088", "8712345678906", True),
        ("0088", "8712345678907", False),
        ("0007", "5560360793", True),
        ("0007", "5560360794", False),
    ],
)
def test_participant_numbers_are_checked_by_scheme(scheme: str, identifier: str, valid: bool) -> None:
    assert electronic_is_valid(scheme, identifier) is valid
