"""The Exact Online file: order, escapes, limits, flat memory, and the public schema where it is at hand."""

import io
import tracemalloc

import pytest
from accounting_sync.domain.relation import Address, AddressType, BankAccount, Kind, RelationData
from accounting_sync.targets.exact_xml import ExactXmlFile
from accounting_world import reference
from lxml import etree

FULL = RelationData(
    code="10001",
    name="Vermeer & Zonen <bloemen>",
    search_code="VERM",
    phone="+31 20 123 45 67",
    email="boekhouding@vermeer.example",
    website="https://vermeer.example",
    language="NL",
    addresses=(
        Address(AddressType.VISIT, "Legmeerdijk 313", None, "1431 GB", "Aalsmeer", "NL"),
        Address(AddressType.INVOICE, "Postbus 12", "t.a.v. administratie", "1430 AA", "Aalsmeer", "NL"),
    ),
    bank_accounts=(BankAccount("NL91ABNA0417164300", "ABNANL2A"), BankAccount("BE68539007547034")),
    vat_number="NL004495445B01",
    chamber_number="12345678",
    currency="EUR",
    payment_condition="30",
    vat_code="4",
)
SMALL = RelationData(code="10002", name="Kiosk")


def written(kind: Kind, *relations: RelationData, cleared: tuple[str, ...] = ()) -> bytes:
    out = io.BytesIO()
    with ExactXmlFile(out, kind) as file:
        for relation in relations:
            file.add(relation, cleared)
    return out.getvalue()


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("relations", [(), (SMALL,), (FULL,), (FULL, SMALL)], ids=["0", "small", "full", "2"])
def test_EP_65_file_validates_against_the_public_schema(
    kind: Kind, relations: tuple[RelationData, ...]
) -> None:
    schema = etree.XMLSchema(etree.parse(reference("eExact-XML.xsd")))
    schema.assertValid(etree.fromstring(written(kind, *relations)))
    schema.assertValid(etree.fromstring(written(kind, *relations, cleared=("phone", "vat_number"))))


def test_elements_stand_in_the_order_of_the_schema_and_empty_ones_are_left_out() -> None:
    account = etree.fromstring(written(Kind.DEBTORS, FULL)).find("Accounts/Account")
    assert [child.tag for child in account] == [
        "Name", "Phone", "Email", "HomePage", "Language", "IsSupplier", "IsBlocked", "IsSales",
        "Address", "Address", "BankAccount", "BankAccount", "VATSales", "VATNumber", "ChamberOfCommerce",
        "SalesCurrency", "SalesPaymentCondition",
    ]  # fmt: skip
    small = etree.fromstring(written(Kind.DEBTORS, SMALL)).find("Accounts/Account")
    assert [child.tag for child in small] == ["Name", "IsSupplier", "IsBlocked", "IsSales"]


def test_debtor_and_creditor_are_told_apart() -> None:
    debtor = etree.fromstring(written(Kind.DEBTORS, SMALL)).find("Accounts/Account")
    creditor = etree.fromstring(written(Kind.CREDITORS, FULL)).find("Accounts/Account")
    assert (debtor.get("status"), debtor.findtext("IsSupplier")) == ("C", "0")
    assert (creditor.get("status"), creditor.findtext("IsSupplier")) == (None, "1")
    assert creditor.find("PurchasePaymentCondition").get("code") == "30"
    assert creditor.find("SalesPaymentCondition") is None


@pytest.mark.parametrize("name", ['<b>&"', "]]><Name>x</Name>", "=HYPERLINK(A1)", "&#0;", "Åse Ørsted 花"])
def test_names_that_look_like_markup_arrive_as_they_were_typed(name: str) -> None:
    root = etree.fromstring(written(Kind.DEBTORS, RelationData(code="1", name=name, search_code=name)))
    accounts = root.findall("Accounts/Account")
    assert [(item.findtext("Name"), item.get("searchcode")) for item in accounts] == [(name, name)]
    assert root.findall(".//Name")[0].getparent().tag == "Account"


def test_memory_stays_flat_however_many_relations_there_are() -> None:
    def peak(count: int) -> int:
        class Sink(io.RawIOBase):
            def writable(self) -> bool:
                return True

            def write(self, data: object) -> int:
                return len(data)  # type: ignore[arg-type]

        tracemalloc.start()
        with ExactXmlFile(Sink(), Kind.DEBTORS) as file:  # type: ignore[arg-type]
            for number in range(count):
                file.add(RelationData(code=str(number), name=f"Relation {number}", addresses=FULL.addresses))
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(100)
    assert peak(2_000) < 1.2 * peak(200) + 50_000


def test_a_field_that_was_emptied_is_written_empty() -> None:
    document = written(Kind.DEBTORS, SMALL, cleared=("phone", "chamber_number"))
    account = etree.fromstring(document).find("Accounts/Account")
    assert [child.tag for child in account] == [
        "Name", "Phone", "IsSupplier", "IsBlocked", "IsSales", "ChamberOfCommerce",
    ]  # fmt: skip
    assert account.find("Phone").text is None
