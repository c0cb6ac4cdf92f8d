"""What happens to invoices: drafts, finalising with a gapless number, credit notes, payment status.

A final invoice is never touched again but for its payment status and delivery time; that is held here
and, independently, by a trigger in the database (LS-09..LS-12).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import uuid4

from klokwerk.clock import Clock
from klokwerk.outbox import Outbox
from klokwerk_contracts.debtor_changed import DebtorChanged
from klokwerk_contracts.invoice_created import InvoiceCreated, InvoiceKind
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.domain.completeness import Missing, missing
from sales_service.domain.invoices import (
    Draft,
    DraftLine,
    InvoiceProblem,
    credit_of,
    issue,
    lines_from_sale,
)
from sales_service.domain.seller import Fault
from sales_service.selling import Distributions
from sales_service.store import debtors, invoices, sales, seller
from sales_service.store.invoices import FINAL, NOT_PAID, PAID, Invoice
from sales_service.store.sales import DayKey

DRAFT_NUMBER = "draft"
"""What stands for the number in the preview of a draft."""


class NotThere(Exception):
    """There is no such invoice."""


class AlreadyFinal(Exception):
    """The document is issued: its contents never change (LS-09, LS-10)."""

    def __init__(self, invoice: Invoice) -> None:
        super().__init__(f"{invoice.kind} {invoice.number} is final: its contents never change")
        self.invoice = invoice


class Refused(Exception):
    """The change is not possible now; `fault` says why and what to do instead."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class DistributionIncomplete(Exception):
    """A day can't be billed before its distribution is complete; `gaps` is what is missing."""

    def __init__(self, key: DayKey, gaps: Sequence[Missing]) -> None:
        super().__init__(f"the distribution of {key.debtor_id} on {key.order_day} is not complete")
        self.gaps = tuple(gaps)


@dataclass(frozen=True, slots=True)
class Invoicing:
    """Invoices and credit notes of our own company.

    Args:
        outbox: where ``invoice.created`` goes; its source marks an invoice as ours.
        distributions: what is sold; corrections that wait are published before the invoice about them.
        administration: legal entity that issues them.
    """

    outbox: Outbox
    clock: Clock
    distributions: Distributions
    administration: str = "main"

    async def draft(self, connection: AsyncConnection, wanted: Draft, *, from_sale: bool) -> Invoice:
        """Make a draft; with `from_sale` the lines of its order day that are not billed yet are taken.

        Raises:
            InvoiceProblem, DistributionIncomplete: it can't become an invoice; every cause is named.
        """
        debtor = await self._debtor(connection, wanted.debtor_id)
        draft = wanted.model_copy(update={"debtor_id": debtor.debtor_id})
        if from_sale and draft.order_day is not None:
            lines = await self._unbilled(connection, DayKey(debtor.debtor_id, draft.order_day), debtor)
            draft = draft.model_copy(update={"lines": (*lines, *draft.lines)})
        invoice_id = str(uuid4())
        preview = await self._issue(connection, draft, debtor, invoice_id, DRAFT_NUMBER)
        await invoices.add_draft(
            connection,
            draft,
            preview,
            administration=self.administration,
            origin=self.outbox.source,
            now=self.clock.now(),
        )
        return await self._get(connection, invoice_id)

    async def edit(self, connection: AsyncConnection, invoice: Invoice, wanted: Draft) -> Invoice:
        """Overwrite a locked draft. What a credit note took from its invoice stays as it was issued.

        Raises:
            AlreadyFinal: it is issued.
            InvoiceProblem: the new contents can't become an invoice.
        """
        if invoice.state == FINAL or invoice.draft is None:
            raise AlreadyFinal(invoice)
        known = invoice.draft
        debtor = await self._debtor(connection, wanted.debtor_id)
        if known.corrects_id and debtor.debtor_id != invoice.debtor_id:
            raise Refused(
                Fault("debtor_id", "a credit note is for the customer of its invoice", "leave the customer")
            )
        draft = wanted.model_copy(
            update={
                "debtor_id": debtor.debtor_id,
                "kind": known.kind,
                "source": known.source,
                "corrects": known.corrects,
                "corrects_date": known.corrects_date,
                "corrects_id": known.corrects_id,
                "buyer": known.buyer,
                "seller": known.seller,
                "lines": _keep_tax(known.lines, wanted.lines) if known.corrects_id else wanted.lines,
            }
        )
        preview = await self._issue(connection, draft, debtor, invoice.invoice_id, DRAFT_NUMBER)
        await invoices.change(connection, invoice, draft, preview, final=False, now=self.clock.now())
        return await self._get(connection, invoice.invoice_id)

    async def finalise(self, connection: AsyncConnection, invoice: Invoice) -> Invoice:
        """Issue a locked draft: number, frozen contents, ``invoice.created``. Doing it twice does it once.

        Raises:
            InvoiceProblem: it can't be issued with the master data as it stands now.
            Refused: a line was billed, or the invoice credited, meanwhile.
        """
        if invoice.state == FINAL or invoice.draft is None:
            return invoice
        draft = invoice.draft
        debtor = await self._debtor(connection, draft.debtor_id)
        # A rehearsal before the counter is locked: what can't be issued must not hold up the others.
        rehearsal = await self._issue(connection, draft, debtor, invoice.invoice_id, DRAFT_NUMBER)
        in_full = False
        if draft.corrects_id:
            in_full = await self._check_credit(connection, draft.corrects_id, rehearsal)
        await self._claim_lines(connection, invoice.invoice_id, draft, debtor.debtor_id)
        _, company = await seller.read(connection, self.administration)
        series = "" if company is None else company.invoice_series
        if company is not None and draft.kind is InvoiceKind.CREDIT_NOTE:
            series = company.credit_series
        year = rehearsal.issue_date.year
        counted = await seller.next_number(connection, self.administration, series, year)
        number = f"{series}{year}-{counted:05d}"
        document = await self._issue(connection, draft, debtor, invoice.invoice_id, number)
        now = self.clock.now()
        await invoices.change(connection, invoice, draft, document, final=True, now=now)
        if in_full and draft.corrects_id:
            await sales.free_invoiced(connection, draft.corrects_id)
        await self.outbox.append(connection, document, time=now)
        return await self._get(connection, invoice.invoice_id)

    async def credit(self, connection: AsyncConnection, invoice: Invoice) -> Invoice:
        """A draft credit note for the whole of an issued invoice.

        Raises:
            Refused: it is a draft, a credit note, another system's invoice, or credited already.
        """
        if invoice.document is None:
            raise Refused(Fault("state", "a draft has nothing to credit", "change or delete the draft"))
        if invoice.kind is InvoiceKind.CREDIT_NOTE:
            raise Refused(Fault("kind", "a credit note is not credited", "make a new invoice"))
        if invoice.origin != self.outbox.source:
            raise Refused(
                Fault("origin", f"the invoice was issued by {invoice.origin}", "make the credit note there")
            )
        if other := await invoices.credited_by(connection, invoice.invoice_id):
            raise Refused(
                Fault("invoice_id", f"it was credited with {other} before", "make a new invoice if needed")
            )
        draft = credit_of(invoice.document)
        return await self.draft(connection, draft, from_sale=False)

    def payment(self, invoice: Invoice, *, status: str, paid_on: date | None) -> tuple[str, date | None]:
        """Payment status and date that `invoice` may get.

        A standard invoice goes from not paid to paid only (LS-33, LS-34); a processed credit note may be
        set to either (LS-35); a draft has no payment status yet (LS-36).

        Raises:
            Refused: the change is not offered.
        """
        if invoice.state != FINAL:
            raise Refused(Fault("payment_status", "a draft has no payment status", "finalise it first"))
        if status == invoice.payment_status:
            return status, invoice.paid_on
        if status == NOT_PAID and invoice.kind is InvoiceKind.INVOICE:
            raise Refused(
                Fault(
                    "payment_status",
                    "a paid invoice is not set back to not paid",
                    "use reverse payment, with a reason",
                )
            )
        return (PAID, paid_on or self.clock.today()) if status == PAID else (NOT_PAID, None)

    # --- parts ----------------------------------------------------------------------------------------------

    async def _get(self, connection: AsyncConnection, invoice_id: str) -> Invoice:
        found = await invoices.get(connection, invoice_id)
        if found is None:
            raise NotThere(invoice_id)
        return found

    async def preview(self, connection: AsyncConnection, invoice: Invoice) -> InvoiceCreated:
        """The document of an invoice: as issued, or as a draft would be issued now."""
        if invoice.document is not None or invoice.draft is None:
            if invoice.document is None:
                raise NotThere(invoice.invoice_id)
            return invoice.document
        debtor = await self._debtor(connection, invoice.draft.debtor_id)
        return await self._issue(connection, invoice.draft, debtor, invoice.invoice_id, DRAFT_NUMBER)

    async def _debtor(self, connection: AsyncConnection, debtor_id: str) -> DebtorChanged:
        target = (await debtors.resolve(connection, [debtor_id])).get(debtor_id, debtor_id)
        card = await debtors.card(connection, target)
        if card is None:
            raise InvoiceProblem(
                [
                    Fault(
                        "debtor_id", f"debtor {debtor_id} is not known here", "make the card in Debtors first"
                    )
                ]
            )
        return card

    async def _issue(
        self,
        connection: AsyncConnection,
        draft: Draft,
        debtor: DebtorChanged,
        invoice_id: str,
        number: str,
    ) -> InvoiceCreated:
        _, company = await seller.read(connection, self.administration)
        if company is None:
            raise InvoiceProblem(
                [
                    Fault(
                        "seller", "the details of our own company are not filled in", "fill in PUT /v1/seller"
                    )
                ]
            )
        return issue(
            draft,
            seller=company,
            debtor=debtor,
            administration=self.administration,
            invoice_id=invoice_id,
            invoice_number=number,
            today=self.clock.today(),
            created_at=self.clock.now(),
        )

    async def _unbilled(
        self, connection: AsyncConnection, key: DayKey, debtor: DebtorChanged
    ) -> tuple[DraftLine, ...]:
        sold = (await sales.lines(connection, [key]))[key]
        if gaps := missing(sold):
            raise DistributionIncomplete(key, gaps)
        billed = await sales.invoiced(connection, key)
        left = [line for line in sold if line.line_id not in billed]
        if not left:
            raise InvoiceProblem(
                [
                    Fault(
                        "order_day",
                        f"every line of {key.order_day} is invoiced already",
                        "credit that invoice first, or choose another day",
                    )
                ]
            )
        return lines_from_sale(left, key.order_day, debtor.language)

    async def _claim_lines(
        self, connection: AsyncConnection, invoice_id: str, draft: Draft, debtor_id: str
    ) -> None:
        """Mark the sale lines of `draft` as billed, each once only."""
        wanted = [line.sale_line_id for line in draft.lines if line.sale_line_id]
        if not wanted or draft.order_day is None:
            return
        key = DayKey(debtor_id, draft.order_day)
        rows = await sales.lock_existing(connection, key)
        await self.distributions.publish_pending(connection, rows.values())
        claimed = await sales.mark_invoiced(connection, key, wanted, invoice_id)
        if claimed != len(wanted):
            raise Refused(
                Fault(
                    "lines",
                    "a sale line of this draft was invoiced, removed or moved meanwhile",
                    "make a new draft from the order day",
                )
            )

    async def _check_credit(
        self, connection: AsyncConnection, corrects_id: str, note: InvoiceCreated
    ) -> bool:
        """Whether `note` credits the whole invoice; its sale lines may then be billed anew."""
        original = await invoices.lock(connection, corrects_id)
        if other := await invoices.credited_by(connection, corrects_id):
            raise Refused(
                Fault("corrects", f"the invoice was credited with {other} before", "delete the draft")
            )
        if original is not None and note.totals.gross > original.gross:
            raise Refused(
                Fault(
                    "lines",
                    f"more is credited ({note.totals.gross}) than was invoiced ({original.gross})",
                    "lower the quantities",
                )
            )
        return original is not None and note.totals.gross == original.gross


def _keep_tax(known: Sequence[DraftLine], wanted: Sequence[DraftLine]) -> tuple[DraftLine, ...]:
    """Lines of a credit note keep the tax of the invoice's line with the same id."""
    taxes = {line.line_id: line for line in known}
    return tuple(
        line.model_copy(
            update={
                "vat_category": taxes[line.line_id].vat_category,
                "vat_percent": taxes[line.line_id].vat_percent,
            }
        )
        if line.line_id in taxes
        else line
        for line in wanted
    )
