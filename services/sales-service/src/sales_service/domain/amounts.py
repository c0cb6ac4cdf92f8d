"""The sums of an invoice: line nets, discount, VAT per group, totals. Exact decimals throughout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from klokwerk_contracts.invoice_created import VatCategory

CENT = Decimal("0.01")


def to_cents(amount: Decimal) -> Decimal:
    """`amount` rounded half up to two decimals, as on an invoice; never a negative zero."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP) + Decimal("0.00")


def line_net(quantity: Decimal, price: Decimal, base_quantity: Decimal = Decimal(1)) -> Decimal:
    """Net amount of a line: quantity x price / base quantity, rounded once.

    Raises:
        ValueError: `base_quantity` is not above zero.
    """
    if base_quantity <= 0:
        raise ValueError("the price must be for more than zero units")
    return to_cents(quantity * price / base_quantity)


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """What VAT is added up by: category and percentage."""

    category: VatCategory
    percent: Decimal


@dataclass(frozen=True, slots=True)
class Taxed:
    """Net amount of one line and the group it falls under."""

    group: Group
    net: Decimal


@dataclass(frozen=True, slots=True)
class GroupTotal:
    """Taxable amount and VAT of one group; the VAT is rounded here and nowhere else."""

    group: Group
    taxable: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums of a document.

    Attributes:
        groups: one for each (category, percentage), in a fixed order.
        net: sum of the lines.
        vat: sum of the groups' VAT.
        gross: net + vat.
    """

    groups: tuple[GroupTotal, ...]
    net: Decimal
    vat: Decimal
    gross: Decimal


def discounts(lines: Sequence[Taxed], percent: Decimal) -> tuple[Taxed, ...]:
    """Discount on the whole document as one (negative) amount for each VAT group that has any."""
    found = []
    for group in sorted({line.group for line in lines}):
        base = sum((line.net for line in lines if line.group == group), start=Decimal(0))
        amount = to_cents(base * percent / 100)
        if amount:
            found.append(Taxed(group, -amount))
    return tuple(found)


def totals(lines: Sequence[Taxed]) -> Totals:
    """Add up `lines`: VAT by group, rounded by group, never by the line."""
    groups = []
    for group in sorted({line.group for line in lines}):
        taxable = to_cents(sum((line.net for line in lines if line.group == group), start=Decimal(0)))
        groups.append(GroupTotal(group, taxable, to_cents(taxable * group.percent / 100)))
    net = sum((entry.taxable for entry in groups), start=Decimal("0.00"))
    vat = sum((entry.tax for entry in groups), start=Decimal("0.00"))
    return Totals(tuple(groups), net, vat, net + vat)
