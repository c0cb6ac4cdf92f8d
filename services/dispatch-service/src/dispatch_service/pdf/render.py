"""Renders an invoice as PDF with typst: the same input gives the same bytes, every font is embedded."""

from __future__ import annotations

import importlib.resources
import io
import threading
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

import orjson
import segno.helpers
import typst
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal
from klokwerk_contracts.invoice_created import InvoiceCreated, InvoiceKind, InvoiceParty
from klokwerk_contracts.types import Address
from stdnum import iban as iban_number

from dispatch_service.pdf.words import LOCALES, PRENOTIFICATION, REASONS, WORDS, known_language

EPC_LIMIT = Decimal("999999999.99")

_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Window:
    """Where the address stands, in millimetres from the left and top edge of the sheet."""

    left: float = 20
    top: float = 45
    width: float = 90
    height: float = 40


@dataclass(frozen=True, slots=True)
class Addressee:
    """Who the letter goes to, as the card stands now; the invoice's contents stay as issued (D-23)."""

    name: str
    address: Address
    attention: str = ""

    def lines(self, home_country: str) -> list[str]:
        """Lines as on the envelope; the country only when it is another one."""
        address = self.address
        found = [self.name, self.attention, *address.lines, f"{address.postal_code}  {address.city}".strip()]
        if address.country != home_country:
            found.append(country_name(address.country))
        return [line for line in found if line.strip()]


def render_invoice(
    invoice: InvoiceCreated, addressee: Addressee | None = None, window: Window | None = None
) -> bytes:
    """The PDF of an invoice or credit note. Takes about 25 ms a page; call it in a thread.

    Args:
        invoice: the document as issued.
        addressee: who stands in the address window; none: the buyer as issued.
        window: place of the address window; none: left window of a C5 or DL envelope.
    """
    return _compile("invoice.typ", _content(invoice, addressee, window or Window()), invoice.created_at)


def render_prenotification(invoice: InvoiceCreated, addressee: Addressee) -> bytes:
    """The letter that announces a direct payment for `invoice` (NV-44)."""
    language = known_language(invoice.language)
    locale, texts = LOCALES[language], PRENOTIFICATION[language]
    due = invoice.due_date or invoice.issue_date
    values = {
        "amount": format_currency(invoice.totals.payable, invoice.currency, locale=locale),
        "day": format_date(due, format="long", locale=locale),
        "number": invoice.invoice_number,
    }
    window = Window()
    content: dict[str, object] = {
        "language": language,
        "title": texts[0],
        "window": {"left": window.left, "top": window.top, "width": window.width, "height": window.height},
        "recipient": addressee.lines(invoice.seller.address.country),
        "seller": _seller_lines(invoice.seller),
        "paragraphs": [text.format(**values) for text in texts[1:]],
    }
    return _compile("notice.typ", content, invoice.created_at)


def _compile(template: str, content: dict[str, object], made_at: datetime) -> bytes:
    with _lock:
        made = _compiler().compile(
            _template(template),
            format="pdf",
            sys_inputs={"data": orjson.dumps(content).decode()},
            pdf_standards=["1.4"],
            timestamp=int(made_at.timestamp()),
        )
    if not isinstance(made, bytes):
        raise TypeError("typst gave no single PDF")
    return made


def country_name(code: str) -> str:
    """English name of a country in capitals, as postal services ask for abroad."""
    from babel import Locale  # noqa: PLC0415 - parsed only where a letter goes abroad

    return str(Locale("en").territories.get(code, code)).upper()


@cache
def _template(name: str) -> bytes:
    return importlib.resources.files("dispatch_service.pdf").joinpath(name).read_bytes()


@cache
def _compiler() -> typst.Compiler:
    return typst.Compiler(root=Path(__file__).parent, ignore_system_fonts=True)


def _content(invoice: InvoiceCreated, addressee: Addressee | None, window: Window) -> dict[str, object]:
    language = known_language(invoice.language)
    words, locale = WORDS[language], LOCALES[language]
    home = invoice.seller.address.country
    target = addressee or Addressee(invoice.buyer.name, invoice.buyer.address, invoice.buyer.attention)
    title = words["credit_note" if invoice.kind is InvoiceKind.CREDIT_NOTE else "invoice"]

    def money(amount: Decimal) -> str:
        return format_currency(amount, invoice.currency, locale=locale)

    def number(value: Decimal) -> str:
        return format_decimal(value, locale=locale, decimal_quantization=False)

    final = "payable" if invoice.totals.payable >= 0 and invoice.kind is InvoiceKind.INVOICE else "to_receive"
    return {
        "language": language,
        "title": f"{title} {invoice.invoice_number}",
        "window": {"left": window.left, "top": window.top, "width": window.width, "height": window.height},
        "recipient": target.lines(home),
        "seller": _seller_lines(invoice.seller),
        "facts": _facts(invoice, words, locale),
        "heads": [words[name] for name in ("item", "quantity", "price", "vat", "amount")],
        "rows": [
            [
                line.name + (f"\n{line.description}" if line.description else ""),
                number(line.quantity),
                number(line.price)
                + (f" {words['per']} {number(line.base_quantity)}" if line.base_quantity != 1 else ""),
                f"{number(line.vat_percent.normalize())}%",
                money(line.net_amount),
            ]
            for line in invoice.lines
        ],
        "sums": [
            [words["net"], money(invoice.totals.net)],
            *(
                [
                    words["vat_on"].format(
                        percent=f"{number(group.percent.normalize())}%", taxable=money(group.taxable)
                    ),
                    money(group.tax),
                ]
                for group in invoice.vat
            ),
            *([[words["prepaid"], money(-invoice.totals.prepaid)]] if invoice.totals.prepaid else []),
        ],
        "final": [words[final], money(abs(invoice.totals.payable))],
        "reasons": [
            reason
            for group in invoice.vat
            if (reason := REASONS[language].get(group.category, "") or group.reason)
        ],
        "note": invoice.note,
        "payment": _payment_text(invoice, words),
        "qr": payment_code(invoice),
        "scan": words["scan"],
        "footer": _footer(invoice.seller, words),
        "page": words["page"],
    }


def _seller_lines(seller: InvoiceParty) -> list[str]:
    address = seller.address
    found = [
        seller.name,
        *address.lines,
        f"{address.postal_code}  {address.city}".strip(),
        seller.phone,
        seller.email,
    ]
    return [line for line in found if line.strip()]


def _facts(invoice: InvoiceCreated, words: dict[str, str], locale: str) -> list[list[str]]:
    def day(value: date | None) -> str:
        return format_date(value, format="long", locale=locale) if value else ""

    facts = [
        ("number", invoice.invoice_number),
        ("date", day(invoice.issue_date)),
        ("due", day(invoice.due_date)),
        ("order_day", day(invoice.order_day)),
        ("delivered", day(invoice.delivered_on)),
        ("corrects", invoice.corrects),
        ("reference", invoice.buyer_reference or invoice.order_reference),
        ("vat_number", invoice.buyer.vat_number),
    ]
    return [[words[name], value] for name, value in facts if value]


def _payment_text(invoice: InvoiceCreated, words: dict[str, str]) -> str:
    if invoice.totals.payable <= 0 or invoice.kind is InvoiceKind.CREDIT_NOTE or not invoice.payment.iban:
        return ""
    return words["pay_to"].format(
        account=invoice.payment.iban, reference=invoice.payment.reference or invoice.invoice_number
    )


def payment_code(invoice: InvoiceCreated) -> str:
    """The EPC payment code as SVG for a euro invoice that is to be paid to an IBAN; empty otherwise."""
    payable = invoice.totals.payable
    iban = invoice.payment.iban.replace(" ", "")
    if (
        invoice.currency != "EUR"
        or invoice.kind is InvoiceKind.CREDIT_NOTE
        or not Decimal("0.01") <= payable <= EPC_LIMIT
        or not iban_number.is_valid(iban)
    ):
        return ""
    try:
        code = segno.helpers.make_epc_qr(
            name=(invoice.payment.account_name or invoice.seller.name)[:70],
            iban=iban,
            amount=payable,
            text=(invoice.payment.reference or invoice.invoice_number)[:140],
            bic=invoice.payment.bic or None,
        )
    except ValueError:
        # A reference or name the code can't hold: the invoice is good without it.
        return ""
    picture = io.BytesIO()
    code.save(picture, kind="svg", xmldecl=False, border=1)
    return picture.getvalue().decode()


def _footer(seller: InvoiceParty, words: dict[str, str]) -> str:
    parts = [seller.name]
    if seller.chamber_number:
        parts.append(f"{words['chamber']} {seller.chamber_number}")
    if seller.vat_number:
        parts.append(f"{words['vat']} {seller.vat_number}")
    return " · ".join(parts)
