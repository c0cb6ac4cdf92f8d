"""The rules of the queue as plain functions."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import klokwerk_contracts.debtor_changed
import orjson
import pytest
from accounting_sync.cards import CardAsRead, source_document
from accounting_sync.consumers import snapshot_of
from accounting_sync.domain.administration import (
    Administration,
    NumberRange,
    code_problems,
    range_problems,
)
from accounting_sync.domain.changes import Change, changes_between
from accounting_sync.domain.checks import preflight
from accounting_sync.domain.lines import Action, Need, action_for, cleared_fields, need_of
from accounting_sync.domain.mapping import MappingTables, apply
from accounting_sync.domain.relation import (
    Address,
    AddressType,
    BankAccount,
    Kind,
    RelationData,
    RelationSource,
    canonical,
    data_from_json,
    fingerprint_of,
    source_from_json,
    to_json,
)
from accounting_sync.domain.retries import after_temporary, next_night
from accounting_sync.domain.targets import RULES, Target
from klokwerk_contracts.debtor_changed import CardState, DebtorChanged

EXAMPLES = Path(klokwerk_contracts.debtor_changed.__file__).parent / "examples" / "v1"
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
    assert fingerprint_of(canonical(to_json(data))) != fingerprint_of(canonical(to_json(RelationData("1"))))


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_what_is_read_of_a_card_is_all_that_is_used_of_it(example: Path) -> None:
    body = example.read_bytes()
    assert snapshot_of(CardAsRead.model_validate_json(body)) == snapshot_of(
        DebtorChanged.model_validate_json(body)
    )


def test_what_a_later_version_writes_elsewhere_on_a_card_does_not_keep_it_from_accounting() -> None:
    body = orjson.loads((EXAMPLES / "fullest.json").read_bytes())
    body["ekt"]["transfer"] = "pigeon"
    body["own_fields"][0]["type"] = "colour"
    assert snapshot_of(CardAsRead.model_validate_json(orjson.dumps(body))).debtor_id == body["debtor_id"]


def test_a_card_is_kept_as_the_document_that_is_read_back() -> None:
    card = DebtorChanged.model_validate(
        {
            "debtor_id": "d1",
            "revision": 1,
            "name": "V",
            "debtor_number": "10001",
            "addresses": [
                {"kind": "invoice", "lines": ["Postbus 1", "2e etage", "links"], "country": "NL"},
                {"kind": "visit", "lines": [], "city": "Aalsmeer", "country": "NL"},
                {"kind": "visit", "lines": ["Kade 2"], "country": "NL"},
            ],
            "emails": [
                {"address": "all@example.com"},
                {"address": "books@example.com", "document": "invoice"},
                {"address": "late@example.com", "document": "invoice"},
            ],
            "phones": ["1", "2"],
            "vat_number": "NL 0044.95445.B01",
            "bank_accounts": [{"iban": "NL91 ABNA 0417 1643 00"}],
            "payment_term_days": 0,
            "changed_at": "2026-11-02T09:00:00Z",
        }
    )
    document = source_document(Kind.DEBTORS, card)
    assert document is not None
    assert "search_code" not in document, "empty fields are left out, so a field added later changes nothing"
    assert source_from_json({**document, "added_later": 1}) == RelationSource(
        name="V",
        number="10001",
        phone="1",
        email="books@example.com",
        language="nl",
        addresses=(
            Address(AddressType.VISIT, None, None, None, "Aalsmeer", "NL"),
            Address(AddressType.INVOICE, "Postbus 1", "2e etage, links", None, None, "NL"),
        ),
        bank_accounts=(BankAccount("NL91ABNA0417164300"),),
        vat_number="NL004495445B01",
        currency="EUR",
        payment_days=0,
        vat_regime="standard",
    )
    assert source_document(Kind.CREDITORS, card) is None, "it is no supplier"
    assert source_document(Kind.DEBTORS, card.model_copy(update={"state": CardState.ANONYMISED})) == {
        "name": "V",
        "number": "10001",
        "blocked": True,
    }


KING = Administration("king", "King", Target.KING_XML, "main", ranges=MAIN.ranges)


def test_king_has_its_own_lengths_and_its_numbers_may_overlap() -> None:
    long = RelationData(code="12345678901", name="x" * 41, search_code="y" * 11)
    words = " ".join(preflight(Kind.DEBTORS, long, KING))
    for part in ("code has 11", "name has 41 characters, King takes 40", "search_code has 11"):
        assert part in words
    assert preflight(Kind.DEBTORS, RelationData(code="20005", name="Vermeer"), KING) == ()
    overlap = {Kind.DEBTORS: NumberRange(1, 500), Kind.CREDITORS: NumberRange(400, 900)}
    assert list(range_problems(Target.KING_XML, overlap)) == []
    assert "10 digits" in next(iter(range_problems(Target.KING_XML, {Kind.DEBTORS: NumberRange(1, 10**10)})))


def test_codes_that_a_system_can_not_have_are_refused() -> None:
    tables = MappingTables(payment_terms={"30": "30D", "14": "14"}, vat_regimes={"standard": "1000"})
    assert [field for field, _ in code_problems(Target.KING_XML, tables)] == [
        "mappings.payment_terms.30",
        "mappings.vat_regimes.standard",
    ]
    assert list(code_problems(Target.EXACT_XML, tables)) == []


def test_a_vat_regime_is_sent_where_the_table_is_filled_and_then_must_be_in_it() -> None:
    source = RelationSource(name="V", vat_regime="reverse_charge")
    assert apply(source, MappingTables(), "main", EXACT).data.vat_code is None
    known = MappingTables(vat_regimes={"standard": "4", "reverse_charge": "6"})
    assert apply(source, known, "main", EXACT).data.vat_code == "6"
    (missing,) = apply(source, MappingTables(vat_regimes={"standard": "4"}), "main", EXACT).missing
    assert 'add "reverse_charge" to the table "vat_regimes"' in missing


def test_what_a_system_has_no_place_for_is_not_on_the_line() -> None:
    source = RelationSource(
        name="V",
        search_code="VER",
        blocked=True,
        language="nl",
        currency="SEK",
        payment_days=21,
        addresses=(Address(AddressType.VISIT, "Kade 1"), Address(AddressType.INVOICE, "Postbus 1")),
        bank_accounts=(BankAccount("NL91ABNA0417164300"), BankAccount("BE68539007547034")),
    )
    mapped = apply(source, MappingTables(), "main", RULES[Target.MONEYBIRD])
    assert mapped.missing == (), "Moneybird wants no codes"
    data = mapped.data
    assert (data.search_code, data.blocked, data.language, data.currency) == (None, False, None, None)
    assert [address.type for address in data.addresses] == [AddressType.INVOICE]
    assert len(data.bank_accounts) == 1
    generic = apply(source, MappingTables(), "main", RULES[Target.CSV])
    assert (generic.data.payment_condition, generic.data.currency, generic.missing) == ("21", "SEK", ())


def test_what_changed_is_told_value_by_value() -> None:
    before = {"name": "V", "phone": "020", "addresses": [{"type": "visit", "line1": "Kade 1", "city": "A"}]}
    after = {"name": "W", "blocked": True, "addresses": [{"type": "visit", "line1": "Kade 1", "city": "B"}]}
    assert changes_between(before, after) == (
        Change("addresses.visit.city", "A", "B"),
        Change("blocked", None, "yes"),
        Change("name", "V", "W"),
        Change("phone", "020", None),
    )


def test_only_what_accounting_was_told_is_emptied_there() -> None:
    data = RelationData(code="1", name="V", email="a@b.example")
    assert cleared_fields(data, ["code", "name", "phone", "currency"]) == ("phone",)
    assert cleared_fields(data, []) == ()


@pytest.mark.parametrize(
    ("synced", "listed", "need"),
    [
        (None, False, Need.LEAVE),
        (None, True, Need.DROP),
        ("other", False, Need.LIST),
        ("same", True, Need.DROP),
    ],
)
def test_an_anonymised_card_is_told_to_whom_was_told_of_it(
    synced: str | None, listed: bool, need: Need
) -> None:
    found = need_of(
        has_role=True, merged=False, anonymised=True, listed=listed, synced=synced, fingerprint="same"
    )
    assert found is need
