"""The rules of the queue as plain functions."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from accounting_sync.domain.administration import Administration, NumberRange, range_problems
from accounting_sync.domain.checks import preflight
from accounting_sync.domain.lines import Action, Need, action_for, need_of
from accounting_sync.domain.mapping import MappingTables, apply
from accounting_sync.domain.relation import (
    Address,
    AddressType,
    BankAccount,
    Kind,
    RelationData,
    RelationSource,
    data_from_json,
    fingerprint,
    source_from_json,
    to_json,
)
from accounting_sync.domain.retries import after_temporary, next_night
from accounting_sync.domain.targets import RULES, Target

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
MAIN = Administration(
    "main",
    "Main books",
    Target.EXACT_XML,
    "main",
    ranges={Kind.DEBTORS: NumberRange(10000, 19999), Kind.CREDITORS: NumberRange(20000, 29999)},
)
EXACT = RULES[Target.EXACT_XML]
GOOD = RelationData(code="10001", name="Vermeer")


def reasons(data: RelationData, kind: Kind = Kind.DEBTORS, **more: object) -> tuple[str, ...]:
    return preflight(kind, data, MAIN, **more)  # type: ignore[arg-type]


def test_a_line_without_objections_has_none() -> None:
    assert reasons(GOOD) == ()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (RelationData(name="Vermeer"), "no debtor number"),
        (RelationData(code="10A", name="Vermeer"), "other characters than digits"),
        (RelationData(code="1" * 19, name="Vermeer"), "code has 19 characters"),
        (RelationData(code="20005", name="Vermeer"), "range of the creditors"),
        (RelationData(code="10001", name="  "), "no name"),
        (RelationData(code="10001", name="x" * 51), "51 characters, Exact Online takes 50"),
        (RelationData(code="10001", name="Ver\x08meer"), "control character"),
        (RelationData(code="10001", name="V", vat_number="NL004495446B01"), "VAT number"),
        (RelationData(code="10001", name="V", bank_accounts=(BankAccount("NL00ABNA0417164300"),)), "IBAN"),
        (
            RelationData(code="10001", name="V", bank_accounts=(BankAccount("NL91ABNA0417164300", "X"),)),
            "BIC",
        ),
        (
            RelationData(code="10001", name="V", addresses=(Address(AddressType.VISIT, country="NL"),)),
            "visit address has no street",
        ),
        (
            RelationData(code="10001", name="V", addresses=(Address(AddressType.POSTAL, "Kade 1"),)),
            "postal address has no country",
        ),
        (
            RelationData(
                code="10001",
                name="V",
                chamber_number="1234",
                addresses=(Address(AddressType.VISIT, "Kade 1", country="NL"),),
            ),
            "eight digits",
        ),
    ],
)
def test_each_objection_says_what_to_change(data: RelationData, words: str) -> None:
    assert any(words in reason for reason in reasons(data)), reasons(data)


def test_all_objections_are_told_at_once() -> None:
    found = reasons(RelationData(name="x" * 60, vat_number="NL1", addresses=(Address(AddressType.VISIT),)))
    assert len(found) == 5, found


def test_a_merged_card_has_one_reason_only() -> None:
    assert reasons(RelationData(), merged_into="D-7") == ("merged into D-7",)


def test_a_missing_mapping_is_named_with_its_table() -> None:
    source = RelationSource(name="V", number="10001", payment_days=21, currency="SEK")
    mapped = apply(
        source, MappingTables(payment_terms={"30": "0030"}, currencies={"EUR": "EUR"}), "main", EXACT
    )
    assert len(mapped.missing) == 2
    assert '"payment_terms"' in mapped.missing[0]
    assert '"currencies"' in mapped.missing[1]
    assert mapped.data.payment_condition is None


def test_a_mapped_value_is_the_one_sent() -> None:
    source = RelationSource(name="V", payment_days=30, currency="EUR", language="nl")
    mapped = apply(
        source, MappingTables(payment_terms={"30": "0030"}, currencies={"EUR": "EUR"}), "main", EXACT
    )
    assert (mapped.data.payment_condition, mapped.data.language, mapped.missing) == ("0030", "NL", ())


@pytest.mark.parametrize(
    ("synced", "by_hand", "action"),
    [
        (False, None, Action.INSERT),
        (True, None, Action.UPDATE),
        (False, Action.UPDATE, Action.UPDATE),
        (True, Action.INSERT, Action.INSERT),
    ],
)
def test_action_rule(synced: bool, by_hand: Action | None, action: Action) -> None:
    assert action_for(synced_before=synced, by_hand=by_hand) is action


@pytest.mark.parametrize(
    ("role", "merged", "listed", "synced", "need"),
    [
        (True, False, False, None, Need.LIST),
        (True, False, False, "other", Need.LIST),
        (True, False, False, "same", Need.LEAVE),
        (True, False, True, "same", Need.DROP),
        (False, False, True, "other", Need.DROP),
        (False, False, False, None, Need.LEAVE),
        (True, True, False, None, Need.LEAVE),
        (True, True, False, "same", Need.LIST),
        (True, True, True, None, Need.LIST),
    ],
)
def test_what_a_fetch_does_with_a_changed_relation(
    role: bool, merged: bool, listed: bool, synced: str | None, need: Need
) -> None:
    assert need_of(has_role=role, merged=merged, listed=listed, synced=synced, fingerprint="same") is need


def test_temporary_errors_wait_longer_each_time_and_end_up_nightly() -> None:
    noon = datetime(2026, 11, 2, 12, tzinfo=UTC)
    waits = [after_temporary(count, noon, AMSTERDAM) - noon for count in (1, 2, 3)]
    assert waits == [timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2)]
    assert after_temporary(4, noon, AMSTERDAM) == datetime(2026, 11, 3, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("month_day", [(3, 28), (3, 29), (10, 24), (10, 25)])
def test_the_nightly_attempt_exists_on_clock_change_days(month_day: tuple[int, int]) -> None:
    now = datetime(2026, *month_day, 12, tzinfo=UTC)
    assert timedelta(0) < next_night(now, AMSTERDAM) - now <= timedelta(hours=25)


def test_overlapping_ranges_are_refused_where_numbers_share_one_space() -> None:
    overlap = {Kind.DEBTORS: NumberRange(1, 500), Kind.CREDITORS: NumberRange(500, 900)}
    assert "overlap" in next(iter(range_problems(Target.EXACT_XML, overlap)))
    apart = {Kind.DEBTORS: NumberRange(1, 499), Kind.CREDITORS: NumberRange(500, 900)}
    assert list(range_problems(Target.EXACT_XML, apart)) == []
    assert list(range_problems(Target.EXACT_XML, {Kind.DEBTORS: NumberRange(9, 1)}))


def test_what_is_stored_is_read_back_the_same() -> None:
    data = RelationData(
        code="1",
        name="V",
        blocked=True,
        addresses=(Address(AddressType.VISIT, "Kade 1", country="NL"),),
        bank_accounts=(BankAccount("NL91ABNA0417164300"),),
    )
    assert data_from_json(to_json(data)) == data
    source = RelationSource(name="V", payment_days=0)
    assert source_from_json({**to_json(source), "added_later": 1}) == source
    assert fingerprint(data) != fingerprint(source)
