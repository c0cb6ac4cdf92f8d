"""Coverage, reachability, settings warnings and the digest: the pure rules beside the chain and the time."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from dispatch_service.domain.cascade import Channel
from dispatch_service.domain.choices import Choices, warnings_for
from dispatch_service.domain.coverage import Uncovered, judge_coverage, moment_of_creation
from dispatch_service.domain.digest import DigestLine, RunResult, write_digest
from dispatch_service.domain.reachability import must_be_structured, reach_of, wrong_participant
from klokwerk_contracts.debtor_changed import CardAddress, EmailAddress
from klokwerk_contracts.invoice_created import InvoiceSource
from klokwerk_contracts.types import ElectronicAddress

KVK = ElectronicAddress(scheme="0106", identifier="87654321")


@pytest.mark.parametrize(
    ("source", "unsent", "active", "reason"),
    [
        (InvoiceSource.MANUAL, True, {InvoiceSource.MANUAL}, None),
        (InvoiceSource.INTERFACE, True, {InvoiceSource.MANUAL}, Uncovered.SOURCE_OFF),
        (InvoiceSource.CONTRACT, True, set(InvoiceSource), None),
        (InvoiceSource.REBILLED, True, {InvoiceSource.REBILLED}, None),
        (InvoiceSource.MANUAL, True, None, Uncovered.SERVICE_OFF),
        (InvoiceSource.INTERFACE, False, set(InvoiceSource), Uncovered.NOT_UNSENT),
    ],
)
def test_coverage(source, unsent, active, reason):
    sources = None if active is None else frozenset(active)
    coverage = judge_coverage(source=source, unsent=unsent, active_sources=sources)
    assert (coverage.covered, coverage.reason) == (reason is None, reason)


def test_an_imported_invoice_is_created_when_it_is_handed_over(make_invoice):
    handed_over = datetime(2026, 3, 5, 9, tzinfo=UTC)
    now = datetime(2026, 3, 5, 10, tzinfo=UTC)
    own = make_invoice(source=InvoiceSource.MANUAL)
    foreign = make_invoice(source=InvoiceSource.INTERFACE)
    assert moment_of_creation(own, handed_over, now) == own.created_at
    assert moment_of_creation(foreign, handed_over, now) == handed_over
    assert moment_of_creation(foreign, datetime(2030, 1, 1, tzinfo=UTC), now) == now


def obstacle(debtor, channel: Channel, *, consumers: bool = False) -> str | None:
    return reach_of(debtor, consumer_einvoicing=consumers).capabilities.obstacle(channel)


def test_e_invoice_needs_its_address_and_a_complete_postal_address(make_debtor):
    assert obstacle(make_debtor(electronic=KVK), Channel.E_INVOICE) is None
    assert "no e-invoice address" in obstacle(make_debtor(), Channel.E_INVOICE)
    assert "not complete" in obstacle(make_debtor(electronic=KVK, postal=False), Channel.E_INVOICE)
    half = CardAddress(lines=("Dorpsstraat 1",), postal_code="", city="Dorp", country="NL")
    assert "postal code missing" in obstacle(
        make_debtor(electronic=KVK, addresses=(half,)), Channel.E_INVOICE
    )


def test_consumer_needs_the_agreement_and_the_choice_in_the_bank(make_debtor):
    def consumer(*, chose: bool):
        return make_debtor(electronic=KVK, party="person", delivery={"consumer_chose_einvoice": chose})

    assert "not enabled" in obstacle(consumer(chose=True), Channel.E_INVOICE)
    assert "online bank" in obstacle(consumer(chose=False), Channel.E_INVOICE, consumers=True)
    assert obstacle(consumer(chose=True), Channel.E_INVOICE, consumers=True) is None


def test_email_goes_to_the_invoice_address_before_the_general_one(make_debtor):
    both = make_debtor(email="info@de-roos.example", invoice_email="boekhouding@de-roos.example")
    assert reach_of(both, consumer_einvoicing=False).email == "boekhouding@de-roos.example"
    only_other = make_debtor(emails=(EmailAddress(address="ekt@de-roos.example", document="ekt"),))
    assert "no e-mail address" in obstacle(only_other, Channel.EMAIL)
    unwanted = make_debtor(email="info@de-roos.example", delivery={"email_allowed": False})
    assert "does not take invoices by e-mail" in obstacle(unwanted, Channel.EMAIL)


def test_print_needs_a_usable_postal_address(make_debtor):
    assert obstacle(make_debtor(), Channel.PRINT) is None
    assert "no usable postal address" in obstacle(make_debtor(postal=False), Channel.PRINT)


@pytest.mark.parametrize(
    ("scheme", "identifier", "right"),
    [
        ("0106", "12345678", True),
        ("0106", "1234567", False),
        ("0208", "0403170701", True),
        ("0208", "0403170702", False),
        ("0007", "5560360793", True),
        ("0007", "5560360794", False),
        ("0088", "7300010000001", True),
        ("0088", "7300010000002", False),
        ("0037", "12345678", False),
        ("9930", "DE136695976", True),
    ],
)
def test_check_digits_of_e_invoice_addresses(scheme, identifier, right):
    wrong = wrong_participant(ElectronicAddress(scheme=scheme, identifier=identifier))
    assert (wrong is None) is right


def test_belgian_rule_touches_only_belgian_business_to_business(make_invoice):
    assert must_be_structured(make_invoice(seller="BE", buyer="BE"), belgian_rule=True)
    assert not must_be_structured(make_invoice(seller="BE", buyer="BE"), belgian_rule=False)
    assert not must_be_structured(make_invoice(seller="NL", buyer="BE"), belgian_rule=True)
    consumer = make_invoice(seller="BE", buyer="BE")
    consumer = consumer.model_copy(update={"buyer": consumer.buyer.model_copy(update={"consumer": True})})
    assert not must_be_structured(consumer, belgian_rule=True)


def test_warnings_name_missing_sources_channels_and_addresses():
    text = " ".join(warnings_for(Choices(channels=frozenset())))
    assert "No source" in text
    assert "No channel" in text
    assert "Neither an e-mail address nor a phone number" in text
    complete = Choices(sources=frozenset(InvoiceSource), notice_phone="+31612345678")
    assert warnings_for(complete) == []


def result(failed: int, ignored: int) -> RunResult:
    def lines(count: int, word: str) -> tuple[DigestLine, ...]:
        return tuple(
            DigestLine(f"{word}-{n}", f"Customer {n}", f"{word} because\nof {n}") for n in range(count)
        )

    return RunResult(
        administration="main",
        day=date(2026, 3, 3),
        sent=(("e-invoice", 4), ("e-mail", 2)),
        failed=lines(failed, "F"),
        ignored=lines(ignored, "I"),
    )


def test_digest_has_failed_first_and_ignored_under_its_own_heading():
    digest = write_digest(result(2, 1), include_ignored=True)
    assert digest.subject == "Automatic dispatch 2026-03-03: 2 failed, 1 ignored"
    assert digest.text.index("FAILED (2)") < digest.text.index("F-1") < digest.text.index("IGNORED (1)")
    assert "F because of 0" in digest.text
    assert "Sent: 6 (e-invoice 4, e-mail 2)." in digest.text


def test_digest_leaves_ignored_out_when_asked_and_is_none_when_nothing_remains():
    assert "IGNORED" not in write_digest(result(1, 3), include_ignored=False).text
    assert write_digest(result(0, 3), include_ignored=False) is None
    assert write_digest(result(0, 0), include_ignored=True) is None
