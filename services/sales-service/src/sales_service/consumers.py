"""What this service does with each event; one function a topic, set-based, the same however often it comes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from klokwerk import parked, telemetry
from klokwerk.access import Person, audit
from klokwerk.clock import Clock
from klokwerk.consume import Received, Rejected, Subscription
from klokwerk.parked import Parked
from klokwerk_contracts.debtor_changed import DebtorChanged
from klokwerk_contracts.ekt_delivery_changed import EktDeliveryChanged
from klokwerk_contracts.invoice_created import InvoiceCreated
from klokwerk_contracts.invoice_dispatch_changed import InvoiceDispatchChanged
from klokwerk_contracts.sale_completed import SaleCompleted
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.domain.distribution import standing
from sales_service.domain.lines import from_contract
from sales_service.selling import ENTITY, Distributions, entity_of
from sales_service.store import debtors, invoices, outcomes, privacy, sales
from sales_service.store.sales import DayKey, DayRow, Outcome

log = telemetry.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Sale:
    event: SaleCompleted
    source: str


@dataclass(frozen=True, slots=True)
class _Invoice:
    event: InvoiceCreated
    source: str


@dataclass(frozen=True, slots=True)
class Consumers:
    """The handlers of this service.

    Args:
        distributions: our own sales; its outbox names the source whose events are our own.
    """

    distributions: Distributions
    clock: Clock

    def subscriptions(self) -> list[Subscription[Any]]:
        """Every topic that this service reads; debtors first, so that fewer things have to wait."""
        return [
            Subscription(DebtorChanged, self.on_debtors),
            Subscription(SaleCompleted, self.on_sales),
            Subscription(InvoiceCreated, self.on_invoices),
            Subscription(EktDeliveryChanged, self.on_ekts),
            Subscription(InvoiceDispatchChanged, self.on_dispatches),
        ]

    @property
    def _own(self) -> str:
        return self.distributions.outbox.source

    async def on_debtors(self, connection: AsyncConnection, batch: list[Received[DebtorChanged]]) -> None:
        """Keep newer cards, re-point what belongs to merged ones, go on with what waited for them."""
        changed, merges = await debtors.upsert(connection, [item.event for item in batch])
        gone = await privacy.anonymised(connection, changed)
        if gone:
            await privacy.blank(connection, gone)
        for merge in merges:
            await self.distributions.merge(connection, merge.removed, merge.target)
            await outcomes.move(connection, merge.removed, merge.target)
            await invoices.move(connection, merge.removed, merge.target)
        woken = await parked.wake(connection, [_waits_for(debtor_id) for debtor_id in changed])
        await self._sales(
            connection,
            [
                _Sale(SaleCompleted.model_validate(item.body["event"]), str(item.body["source"]))
                for item in woken
                if item.kind == SaleCompleted.TOPIC
            ],
            strict=False,
        )
        await self._invoices(
            connection,
            [
                _Invoice(InvoiceCreated.model_validate(item.body["event"]), str(item.body["source"]))
                for item in woken
                if item.kind == InvoiceCreated.TOPIC
            ],
            strict=False,
        )

    async def on_sales(self, connection: AsyncConnection, batch: list[Received[SaleCompleted]]) -> None:
        """Record sales that other systems completed; our own are known already."""
        found = [
            _Sale(item.event, item.envelope.source) for item in batch if item.envelope.source != self._own
        ]
        await self._sales(connection, found, strict=True)

    async def on_invoices(self, connection: AsyncConnection, batch: list[Received[InvoiceCreated]]) -> None:
        """Record invoices that other systems issued, with their number and source (NV-11, NV-13)."""
        found = [
            _Invoice(item.event, item.envelope.source) for item in batch if item.envelope.source != self._own
        ]
        await self._invoices(connection, found, strict=True)

    async def on_ekts(self, connection: AsyncConnection, batch: list[Received[EktDeliveryChanged]]) -> None:
        """Keep the last state of each EKT for the lists."""
        events = [item.event for item in batch]
        targets = await debtors.hold(connection, [event.debtor_id for event in events])
        await outcomes.keep_ekts(connection, events, targets)
        gone = await privacy.anonymised(connection, targets.values())
        if gone:
            await privacy.blank_ekts(connection, gone)

    async def on_dispatches(
        self, connection: AsyncConnection, batch: list[Received[InvoiceDispatchChanged]]
    ) -> None:
        """Keep the last state of each invoice's dispatch for the lists."""
        await outcomes.keep_dispatches(connection, [item.event for item in batch])

    # --- sales of other systems -----------------------------------------------------------------------------

    async def _sales(self, connection: AsyncConnection, found: Sequence[_Sale], *, strict: bool) -> None:
        """Replace the lines of each debtor and day by its newest revision.

        With `strict` a sale that can't be taken is rejected with its reason; without, it is left out (it
        waited here, and whoever woke it is not to blame).
        """
        targets = await self._known(connection, [item.event.debtor_id for item in found])
        waiting = [item for item in found if item.event.debtor_id not in targets]
        await parked.park(
            connection,
            *(
                self._park(
                    item.event,
                    item.source,
                    f"{item.source}:{item.event.debtor_id}:{item.event.order_day}:{item.event.revision}",
                )
                for item in waiting
            ),
        )
        newest: dict[DayKey, _Sale] = {}
        for item in found:
            if item.event.debtor_id not in targets:
                continue
            key = DayKey(targets[item.event.debtor_id], item.event.order_day)
            if key in newest and newest[key].source != item.source:
                if strict:
                    raise Rejected(_kept_by(key, newest[key].source))
                continue
            if key not in newest or newest[key].event.revision < item.event.revision:
                newest[key] = item
        if not newest:
            return
        now = self.clock.now()
        # A row made here belongs to nobody until the first sale is written below.
        rows = await sales.lock(connection, newest, source="", now=now)
        taken = {
            key: item for key, item in newest.items() if self._takes(rows[key], item, key, strict=strict)
        }
        lines = {key: [from_contract(line) for line in item.event.lines] for key, item in taken.items()}
        await sales.keep_only(
            connection, {key: [line.line_id for line in some] for key, some in lines.items()}
        )
        await sales.write(connection, lines)
        await sales.save(
            connection,
            [
                Outcome(
                    row=rows[key],
                    standing=standing(lines[key], rows[key].published),
                    source=item.source,
                    revision=item.event.revision,
                    digest="",
                    completed_at=item.event.completed_at,
                    changed_by=item.source,
                )
                for key, item in taken.items()
            ],
            now,
        )
        for key, item in taken.items():
            correction = item.event.correction
            told = {
                "revision": item.event.revision,
                "lines": len(item.event.lines),
                "reason": correction.reason if correction else "",
            }
            who = Person(item.source, (correction.by if correction else "") or item.source, frozenset())
            await audit(connection, who, now, "received", ENTITY, entity_of(key), new=told)

    def _takes(self, row: DayRow, item: _Sale, key: DayKey, *, strict: bool) -> bool:
        """Whether a sale is to be recorded on the locked `row`.

        Raises:
            Rejected: another system keeps this sale, and nothing explains the clash.
        """
        if row.free or row.source == item.source:
            return row.revision < item.event.revision
        if item.event.debtor_id != key.debtor_id or not strict:
            return False
        raise Rejected(_kept_by(key, row.source))

    # --- invoices of other systems --------------------------------------------------------------------------

    async def _invoices(
        self, connection: AsyncConnection, found: Sequence[_Invoice], *, strict: bool
    ) -> None:
        targets = await self._known(connection, [item.event.debtor_id for item in found])
        await parked.park(
            connection,
            *(
                self._park(item.event, item.source, f"{item.source}:{item.event.invoice_id}")
                for item in found
                if item.event.debtor_id not in targets
            ),
        )
        by_source: dict[str, dict[str, InvoiceCreated]] = {}
        for item in found:
            if item.event.debtor_id in targets:
                by_source.setdefault(item.source, {}).setdefault(item.event.invoice_id, item.event)
        for source, events in by_source.items():
            refused = await invoices.add_issued(
                connection,
                [(event, targets[event.debtor_id]) for event in events.values()],
                origin=source,
                now=self.clock.now(),
            )
            if refused and strict:
                raise Rejected("; ".join(refused.values()))
            for invoice_id, why in refused.items():
                log.warning("waiting_invoice_not_taken", invoice_id=invoice_id, why=why)

    # --- waiting for a debtor -------------------------------------------------------------------------------

    async def _known(self, connection: AsyncConnection, ids: Iterable[str]) -> dict[str, str]:
        """The card that each known id stands for now; neither a merge nor a wake-up call comes in between."""
        wanted = set(ids)
        targets = await debtors.hold(connection, wanted)
        unknown = wanted - set(targets)
        if unknown:
            await parked.guard(connection, [_waits_for(debtor_id) for debtor_id in unknown])
            targets |= await debtors.hold(connection, unknown)
        return targets

    def _park(self, event: SaleCompleted | InvoiceCreated, source: str, identity: str) -> Parked:
        return Parked(
            natural_key=f"{event.TOPIC}:{identity}",
            waits_for=_waits_for(event.debtor_id),
            kind=event.TOPIC,
            body={"event": event.model_dump(mode="json"), "source": source},
            reason=f"debtor {event.debtor_id} is not known yet; it goes on by itself when the card comes",
            parked_at=self.clock.now(),
        )


def _waits_for(debtor_id: str) -> str:
    return f"debtor:{debtor_id}"


def _kept_by(key: DayKey, source: str) -> str:
    return (
        f"the sale of debtor {key.debtor_id} on {key.order_day} is kept by {source}: "
        "correct it there, one system keeps one debtor's day"
    )
