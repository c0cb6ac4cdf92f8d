"""Every document that we write passes the official schema, the EN 16931 rules and the Peppol rules."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal

import psutil
import pytest
from dispatch_service.ubl.document import write_ubl
from dispatch_service.ubl.requirements import NotWritable
from dispatch_service.ubl.validation import UblValidator, parse_untrusted
from klokwerk_contracts.invoice_created import InvoiceKind, InvoiceTotals

NAMES = {"cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"}


@pytest.fixture(scope="module")
async def validator() -> AsyncIterator[UblValidator]:
    worker = UblValidator()
    yield worker
    worker.close()


STANDARD = (("100", "0.35", "S", "9"), ("3", "12.333", "S", "21"))


@pytest.mark.parametrize(
    ("seller", "buyer", "lines"),
    [
        ("NL", "NL", STANDARD),
        ("BE", "BE", (("40", "1.255", "S", "6"), ("1", "99.99", "S", "21"))),
        ("SE", "SE", (("12", "10.5", "S", "25"), ("7", "3.333", "S", "12"))),
        ("DE", "DE", (("100", "0.45", "S", "7"), ("2", "9.99", "S", "19"))),
        ("NL", "BE", (("1000", "0.21", "K", "0"),)),
        ("BE", "NL", (("1000", "0.21", "K", "0"), ("5", "-1.00", "K", "0"))),
        ("NL", "SE", (("25", "4.01", "AE", "0"),)),
        ("DE", "NL", (("25", "4.01", "K", "0"),)),
        ("SE", "DE", (("25", "4.01", "K", "0"),)),
        ("NL", "NL", (("10", "1.00", "AE", "0"),)),
        ("NL", "NL", (("10", "1.00", "E", "0"), ("1", "5", "S", "21"))),
        ("NL", "NL", (("10", "1.00", "Z", "0"), ("-1", "2.50", "Z", "0"))),
        ("NL", "DE", (("10", "1.00", "G", "0"),)),
    ],
)
async def test_invoice_passes_schema_en16931_and_peppol(
    validator, make_invoice, receivers, seller, buyer, lines
):
    document = write_ubl(make_invoice(seller=seller, buyer=buyer, lines=lines), receivers[buyer])
    assert await validator.check(document) == []


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("country", ["NL", "BE", "SE", "DE"])
async def test_credit_note_passes_and_states_positive_amounts(
    validator, make_invoice, receivers, country, sign
):
    rate = {"NL": "9", "BE": "6", "SE": "25", "DE": "7"}[country]
    credit = make_invoice(
        seller=country,
        buyer=country,
        lines=((str(10 * sign), "1.50", "S", rate),),
        kind=InvoiceKind.CREDIT_NOTE,
        corrects="2026-00001",
        corrects_date=date(2026, 2, 1),
    )
    document = write_ubl(credit, receivers[country])
    assert await validator.check(document) == []
    root = parse_untrusted(document)
    assert root.tag.endswith("}CreditNote")
    assert [quantity.text for quantity in root.iterfind(".//cbc:CreditedQuantity", NAMES)] == ["10"]
    assert all(Decimal(amount.text) >= 0 for amount in root.iterfind(".//cbc:TaxAmount", NAMES))


async def test_vat_is_rounded_by_group_not_by_line(validator, make_invoice, receivers):
    # 3 x 0.33 at 9%: by line 0.03 + 0.03 + 0.03 = 0.09, by group 0.99 x 9% = 0.0891 -> 0.09;
    # with 0.35: by line 3 x 0.03 = 0.09, by group 1.05 x 9% = 0.0945 -> 0.09; with 0.06: 0.03 against 0.02.
    invoice = make_invoice(lines=(("1", "0.06", "S", "9"),) * 3)
    assert invoice.totals.vat == Decimal("0.02")
    assert await validator.check(write_ubl(invoice, receivers["NL"])) == []


def test_same_invoice_gives_the_same_bytes(make_invoice, receivers):
    invoice = make_invoice(lines=STANDARD)
    assert write_ubl(invoice, receivers["NL"]) == write_ubl(invoice, receivers["NL"])


async def test_text_of_strangers_stays_text(validator, make_invoice, receivers):
    hostile = 'Vergeet-mij-niet <!ENTITY x SYSTEM "file:///etc/passwd"> ]]> & \x00\x0b \U0001f339'
    document = write_ubl(make_invoice(note=hostile), receivers["NL"])
    note = parse_untrusted(document).findtext("cbc:Note", namespaces=NAMES)
    assert note == 'Vergeet-mij-niet <!ENTITY x SYSTEM "file:///etc/passwd"> ]]> &  \U0001f339'
    assert await validator.check(document) == []


async def test_validator_names_the_broken_rule(validator, make_invoice, receivers):
    document = write_ubl(make_invoice(), receivers["NL"])
    wrong = document.replace(b">380<", b">999<")
    assert any("BR-CL-01" in finding.rule for finding in await validator.check(wrong))


async def test_validator_refuses_entities_and_other_documents(validator):
    bomb = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    (finding,) = await validator.check(bomb)
    assert "DOCTYPE" in finding.text
    (finding,) = await validator.check(b"<Order/>")
    assert finding.rule == "XSD"


async def test_validator_survives_the_death_of_its_process(validator, make_invoice, receivers):
    document = write_ubl(make_invoice(), receivers["NL"])
    await validator.check(document)
    for process in validator._pool._processes.values():
        process.kill()
        process.join()
    assert await validator.check(document) == []


def test_amounts_that_do_not_add_up_are_refused_with_field_and_cure(make_invoice, receivers):
    invoice = make_invoice()
    totals = InvoiceTotals(
        net=invoice.totals.net, vat=Decimal("3.16"), gross=Decimal("38.16"), payable=Decimal("38.16")
    )
    with pytest.raises(NotWritable, match=r"totals.vat is 3.16, it should be 3.15"):
        write_ubl(invoice.model_copy(update={"totals": totals}), receivers["NL"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": InvoiceKind.CREDIT_NOTE}, "corrects is missing"),
        ({"payment": {"iban": ""}}, "payment.iban is missing"),
        (
            {"lines": (("1", "1", "K", "0"),), "delivered_on": None, "order_day": None},
            "delivered_on is missing",
        ),
    ],
)
def test_missing_data_is_named(make_invoice, receivers, changes, words):
    with pytest.raises(NotWritable, match=words):
        write_ubl(make_invoice(**changes), receivers["NL"])


async def test_validator_process_ends_when_the_service_is_killed(tmp_path):
    program = tmp_path / "service.py"
    program.write_text(
        "import asyncio\n"
        "from dispatch_service.ubl.validation import UblValidator\n"
        "async def main():\n"
        "    validator = UblValidator()\n"
        "    await validator.check(b'<Order/>')\n"
        "    (process,) = validator._pool._processes.values()\n"
        "    print(process.pid, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "if __name__ == '__main__':\n"
        "    asyncio.run(main())\n"
    )
    service = await asyncio.create_subprocess_exec(
        sys.executable, str(program), stdout=asyncio.subprocess.PIPE
    )
    worker = psutil.Process(int(await service.stdout.readline()))
    service.kill()
    await service.wait()
    _, alive = await asyncio.to_thread(psutil.wait_procs, [worker], 10)
    assert alive == []
