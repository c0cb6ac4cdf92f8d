"""The printed invoice: deterministic, self-contained, inert, with nothing but the address in the window."""

from __future__ import annotations

import io

import pytest
from dispatch_service.pdf.render import Addressee, Window, payment_code, render_invoice
from klokwerk_contracts.invoice_created import InvoiceKind
from klokwerk_contracts.types import Address
from pypdf import PdfReader
from pypdf.generic import DictionaryObject

POINTS_PER_MM = 72 / 25.4


def reader(document: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(document))


def text(document: bytes) -> str:
    return "\n".join(page.extract_text() for page in reader(document).pages)


def text_in(document: bytes, window: Window) -> str:
    """What stands in the window area of the first page."""
    found: list[str] = []
    page = reader(document).pages[0]
    height = float(page.mediabox.height)

    def visit(part, outer, inner, _font, _size):
        x = inner[4] * outer[0] + inner[5] * outer[2] + outer[4]
        y = inner[4] * outer[1] + inner[5] * outer[3] + outer[5]
        left, top = x / POINTS_PER_MM, (height - y) / POINTS_PER_MM
        if (
            window.left <= left < window.left + window.width
            and window.top <= top <= window.top + window.height
        ):
            found.append(part)

    page.extract_text(visitor_text=visit)
    return "".join(found)


def test_same_input_gives_the_same_bytes(make_invoice):
    invoice = make_invoice()
    assert render_invoice(invoice) == render_invoice(invoice)


def test_window_holds_the_address_and_nothing_else(make_invoice):
    addressee = Addressee(
        "Fleurs de Namur",
        Address(lines=("Rue Haute 5", "Bte 2"), postal_code="5000", city="Namur", country="BE"),
        attention="T.a.v. Marie Dubois",
    )
    found = text_in(render_invoice(make_invoice(note="x" * 500), addressee), Window())
    lines = [line.strip() for line in found.splitlines() if line.strip()]
    assert lines == [
        "Fleurs de Namur",
        "T.a.v. Marie Dubois",
        "Rue Haute 5",
        "Bte 2",
        "5000  Namur",
        "BELGIUM",
    ]


def test_every_font_is_embedded_and_no_file_is_attached(make_invoice):
    fonts = 0
    for page in reader(render_invoice(make_invoice())).pages:
        for font in page["/Resources"]["/Font"].values():
            (descendant,) = font.get_object()["/DescendantFonts"]
            descriptor: DictionaryObject = descendant.get_object()["/FontDescriptor"]
            assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor)
            fonts += 1
    assert fonts > 0


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("nl", "Te betalen"),
        ("en", "To pay"),
        ("sv", "Att betala"),
        ("fr", "À payer"),
        ("de", "Zu zahlen"),
        ("pl", "To pay"),
    ],
)
def test_labels_follow_the_language_of_the_document(make_invoice, language, words):
    assert words in text(render_invoice(make_invoice(language=language)))


def test_content_is_inert_text(make_invoice):
    hostile = '#panic("x") $sum$ @ref <label> *bold* // comment \\ ] } #read("/etc/passwd")'
    shown = text(render_invoice(make_invoice(note=hostile)))
    assert '#panic("x")' in shown
    assert '#read("/etc/passwd")' in shown


def test_many_lines_run_over_several_pages_with_repeated_heads(make_invoice):
    document = render_invoice(make_invoice(lines=(("1", "1.00", "S", "9"),) * 80, language="en"))
    pages = reader(document).pages
    assert len(pages) > 1
    assert all("Description" in page.extract_text() for page in pages[:2])


def test_reverse_charge_text_is_printed(make_invoice):
    assert "Btw verlegd" in text(render_invoice(make_invoice(lines=(("1", "9", "AE", "0"),))))


def test_payment_code_only_for_euro_invoices_with_an_iban(make_invoice):
    assert payment_code(make_invoice()).startswith("<svg")
    assert payment_code(make_invoice(seller="SE", buyer="SE", lines=(("1", "9", "S", "25"),))) == ""
    assert payment_code(make_invoice(kind=InvoiceKind.CREDIT_NOTE, corrects="1")) == ""
    assert payment_code(make_invoice(payment={"iban": "NL00WRONG"})) == ""
