"""The generic CSV: read back by a plain reader, inert in a spreadsheet."""

import csv
import io

from accounting_sync.domain.relation import Address, AddressType, BankAccount, Kind, RelationData
from accounting_sync.targets.csv_file import HEADINGS, CsvFile


def rows(*relations: RelationData, kind: Kind = Kind.DEBTORS) -> list[dict[str, str]]:
    out = io.BytesIO()
    with CsvFile(out, kind) as file:
        for relation in relations:
            file.add(relation)
    text = out.getvalue().decode("utf-8-sig")
    assert out.getvalue().startswith(b"\xef\xbb\xbf"), "spreadsheets need the mark to read UTF-8"
    return list(csv.DictReader(io.StringIO(text), delimiter=";"))


def test_every_value_has_a_column_and_is_read_back_as_it_was() -> None:
    data = RelationData(
        code="10001",
        name='Vermeer; "Zonen" & Co\nAalsmeer',
        phone="+31 (0)20-123 45 67",
        addresses=(Address(AddressType.INVOICE, "Postbus 12", "t.a.v. Jan", "1430 AA", "Aalsmeer", "NL"),),
        bank_accounts=(BankAccount("NL91ABNA0417164300", "ABNANL2A"), BankAccount("BE68539007547034")),
        currency="EUR",
        payment_condition="30",
        blocked=True,
    )
    (row,) = rows(data)
    assert tuple(row) == HEADINGS
    assert (row["kind"], row["number"], row["name"]) == ("debtor", "10001", data.name)
    assert (row["phone"], row["invoice_line2"], row["visit_line1"]) == (data.phone, "t.a.v. Jan", "")
    assert (row["iban"], row["further_ibans"], row["blocked"]) == (
        "NL91ABNA0417164300",
        "BE68539007547034",
        "yes",
    )
    assert rows(data, kind=Kind.CREDITORS)[0]["kind"] == "creditor"


def test_a_cell_that_a_spreadsheet_would_run_is_made_inert_and_a_phone_number_is_not() -> None:
    wild = RelationData(code="1", name="=HYPERLINK(A1)", search_code="@SUM", email="-1+1@x", phone="+31 20")
    (row,) = rows(wild)
    assert (row["name"], row["search_code"], row["email"]) == ("'=HYPERLINK(A1)", "'@SUM", "'-1+1@x")
    assert row["phone"] == "+31 20"


def test_an_empty_file_has_its_headings_only() -> None:
    assert rows() == []
