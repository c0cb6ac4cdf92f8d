"""King's files: both kinds by the official schema, values as they were typed, its one correspondence address."""

import io

import pytest
from accounting_sync.domain.relation import Address, AddressType, BankAccount, Kind, RelationData
from accounting_sync.targets.king_xml import KingXmlFile
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
    blocked=True,
    addresses=(
        Address(AddressType.VISIT, "Legmeerdijk 313", None, "1431 GB", "Aalsmeer", "NL"),
        Address(AddressType.INVOICE, "Postbus 12", "t.a.v. administratie", "1430 AA", "Aalsmeer", "NL"),
        Address(AddressType.DELIVERY, "Dock 4", None, "1431 GB", "Aalsmeer", "NL"),
    ),
    bank_accounts=(BankAccount("NL91ABNA0417164300", "ABNANL2A"), BankAccount("BE68539007547034")),
    vat_number="NL004495445B01",
    chamber_number="12345678",
    currency="EUR",
    payment_condition="30",
    vat_code="4",
)
SMALL = RelationData(code="10002", name="Kiosk")
SCHEMAS = {Kind.DEBTORS: "KingDebiteuren.xsd", Kind.CREDITORS: "KingCrediteuren.xsd"}


def written(kind: Kind, *relations: RelationData, cleared: tuple[str, ...] = ()) -> bytes:
    out = io.BytesIO()
    with KingXmlFile(out, kind) as file:
        for relation in relations:
            file.add(relation, cleared)
    return out.getvalue()


def one(document: bytes) -> etree._Element:
    (element,) = etree.fromstring(document)[0]
    return element


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("relations", [(SMALL,), (FULL,), (FULL, SMALL)], ids=["small", "full", "2"])
def test_each_file_validates_against_the_official_schema(
    kind: Kind, relations: tuple[RelationData, ...]
) -> None:
    schema = etree.XMLSchema(etree.parse(reference(SCHEMAS[kind])))
    schema.assertValid(etree.fromstring(written(kind, *relations)))
    schema.assertValid(etree.fromstring(written(kind, *relations, cleared=("phone", "vat_number"))))


def test_debtors_and_creditors_have_files_of_their_own() -> None:
    assert etree.fromstring(written(Kind.DEBTORS, SMALL)).tag == "KING_DEBITEUREN"
    assert etree.fromstring(written(Kind.CREDITORS, SMALL)).tag == "KING_CREDITEUREN"
    assert one(written(Kind.DEBTORS, FULL)).findtext("NAW_BLOKKEERORDERINVOER") == "true"
    assert one(written(Kind.CREDITORS, FULL)).findtext("NAW_BLOKKERENVOORBESTELLEN") == "true"


def test_the_invoice_address_is_the_correspondence_address_and_is_named_for_invoices() -> None:
    debtor = one(written(Kind.DEBTORS, FULL))
    letters = debtor.find("NAW_CORRESPONDENTIEADRES")
    assert (letters.findtext("ADR_STRAAT"), letters.findtext("ADR_NAAM2")) == (
        "Postbus 12",
        "t.a.v. administratie",
    )
    assert debtor.findtext("NAW_FACTUURADRESSOORT") == "COR"
    assert debtor.findtext("NAW_VERZENDADRESSEN/NAW_VERZENDADRES/ADR_STRAAT") == "Dock 4"
    assert debtor.findtext("NAW_VESTIGINGADRES/ADR_EMAIL") == "boekhouding@vermeer.example"
    assert [each.text for each in debtor.iterfind(".//BANK_ISDEFAULTREKENING")] == ["true", "false"]


def test_a_field_that_was_emptied_is_written_empty_and_others_are_left_out() -> None:
    small = one(written(Kind.DEBTORS, SMALL, cleared=("phone",)))
    assert small.find("NAW_VESTIGINGADRES/ADR_TELEFOON").text is None
    assert small.find("NAW_VESTIGINGADRES/ADR_EMAIL") is None


@pytest.mark.parametrize(
    "name", ['<b>&"', "]]><NAW_NUMMER>9</NAW_NUMMER>", "=HYPERLINK(A1)", "Åse Ørsted 花"]
)
def test_names_that_look_like_markup_arrive_as_they_were_typed(name: str) -> None:
    root = etree.fromstring(written(Kind.DEBTORS, RelationData(code="1", name=name)))
    assert [each.text for each in root.iter("ADR_NAAM1")] == [name]
    assert [each.text for each in root.iter("NAW_NUMMER")] == ["1"]
