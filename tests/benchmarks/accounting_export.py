"""The accounting export's file writer against bare lxml that streams the same elements, and the service's memory."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from accounting_export_memory import peak_of
from ground import Ground
from lxml import etree
from measure import Comparison, Side, Watch, compare

RELATIONS = 100_000
GOAL = 0.6
FLAT = 1.2
"""What the peak of memory may grow by from a tenth of the relations to all of them, in the whole service."""
STATEMENT_OF_MEMORY = Path("/proc/self/statm")


class _Sink:
    """Takes bytes, keeps none of them, and watches the memory of the process while they come."""

    def __init__(self) -> None:
        self.size, self._writes, self._first, self.most = 0, 0, _resident(), 0

    def write(self, data: bytes) -> int:
        self.size += len(data)
        self._writes += 1
        if self._writes % 256 == 1:
            self.most = max(self.most, _resident() - self._first)
        return len(data)

    def flush(self) -> None:
        """For those who ask; nothing is held back."""


def _resident() -> int:
    """Bytes of memory in use; 0 where the system does not tell."""
    if not STATEMENT_OF_MEMORY.exists():
        return 0
    return int(STATEMENT_OF_MEMORY.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def run(ground: Ground) -> list[Comparison]:
    """From the first relation to the closed file."""
    from accounting_sync.domain.relation import Address, AddressType, BankAccount, Kind, RelationData
    from accounting_sync.targets.exact_xml import ExactXmlFile

    count = ground.count(RELATIONS)
    growth: list[int] = []
    sizes: set[int] = set()

    def relation(number: int) -> RelationData:
        return RelationData(
            code=f"{number:>18}", name=f"Bloemen {number} B.V.", search_code=f"BL{number}",
            phone="+31 297 123456", email=f"post{number}@example.com", language="nl",
            addresses=(
                Address(AddressType.VISIT, f"Legmeerdijk {number}", None, "1431 GB", "Aalsmeer", "NL"),
                Address(AddressType.INVOICE, "Postbus 1000", None, "1430 BA", "Aalsmeer", "NL"),
            ),
            bank_accounts=(BankAccount("NL91ABNA0417164300", "ABNANL2A"),), vat_number="NL004495445B01",
            chamber_number="34104408", currency="EUR", payment_condition="30",
        )  # fmt: skip

    async def ours(_watch: Watch) -> int:
        sink: Any = _Sink()
        with ExactXmlFile(sink, Kind.DEBTORS) as file:
            for number in range(count):
                file.add(relation(number))
        growth.append(sink.most)
        sizes.add(sink.size)
        return file.count

    async def bare(_watch: Watch) -> int:
        sink: Any = _Sink()
        _bare(sink, count)
        sizes.add(sink.size)
        return count

    found = await compare(
        "accounting export",
        Side("ExactXmlFile, typed relations", ours),
        Side("bare lxml stream", bare),
        unit="relations",
        pace=ground.pace,
        goal=ground.wanted(GOAL),
    )
    assert len(sizes) == 1, f"the two wrote files of different sizes: {sorted(sizes)}"
    found.notes["memory_growth_mib"] = round(max(growth) / 2**20, 1)
    found.notes["file_mib"] = round(sizes.pop() / 2**20, 1)
    few = max(2, count // 10)
    peaks = {number: await peak_of(ground.admin_url, number) for number in (few, count)}
    found.notes.update({f"service_peak_mib_at_{number}": round(peak, 1) for number, peak in peaks.items()})
    return [replace(found, kept=peaks[count] <= FLAT * peaks[few])]


def _bare(out: BinaryIO, count: int) -> None:
    instance = "http://www.w3.org/2001/XMLSchema-instance"
    location = {f"{{{instance}}}noNamespaceSchemaLocation": "eExact-XML.xsd"}
    with etree.xmlfile(out, encoding="utf-8") as file:
        file.write_declaration()
        with file.element("eExact", location, nsmap={"xsi": instance}), file.element("Accounts"):
            for number in range(count):
                file.write(_bare_account(number))


def _bare_account(number: int) -> etree._Element:
    sub = etree.SubElement
    account = etree.Element("Account", code=f"{number:>18}", searchcode=f"BL{number}", status="C")
    sub(account, "Name").text = f"Bloemen {number} B.V."
    sub(account, "Phone").text = "+31 297 123456"
    sub(account, "Email").text = f"post{number}@example.com"
    sub(account, "Language", code="nl")
    sub(account, "IsSupplier").text = "0"
    sub(account, "IsBlocked").text = "0"
    sub(account, "IsSales").text = "1"
    for kind, line, postal_code in (
        ("VIS", f"Legmeerdijk {number}", "1431 GB"),
        ("INV", "Postbus 1000", "1430 BA"),
    ):
        address = sub(account, "Address", type=kind, default="1")
        sub(address, "AddressLine1").text = line
        sub(address, "PostalCode").text = postal_code
        sub(address, "City").text = "Aalsmeer"
        sub(address, "Country", code="NL")
    bank = sub(account, "BankAccount", code="NL91ABNA0417164300", default="1")
    sub(bank, "BICCode").text = "ABNANL2A"
    sub(bank, "IBAN").text = "NL91ABNA0417164300"
    sub(account, "VATNumber").text = "NL004495445B01"
    sub(account, "ChamberOfCommerce").text = "34104408"
    sub(account, "SalesCurrency", code="EUR")
    sub(account, "SalesPaymentCondition", code="30")
    return account
