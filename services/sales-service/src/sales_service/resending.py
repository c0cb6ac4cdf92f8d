"""Resend EKT, for one debtor or for thousands: judged and asked for with a fixed number of statements.

A request names a revision, so corrections that wait are published first. It changes neither the sale nor any
invoice (EF-06).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from klokwerk.access import Person, audit_all
from klokwerk_contracts import new_event_id
from klokwerk_contracts.ekt_resend_requested import EktResendRequested, ResendReason
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.domain.completeness import Missing, missing
from sales_service.domain.distribution import MOST_REASON
from sales_service.domain.resending import Customer, requirements
from sales_service.selling import ENTITY, Distributions, entity_of
from sales_service.store import debtors, outcomes, sales
from sales_service.store.outcomes import Asked
from sales_service.store.sales import DayKey, DayRow


@dataclass(frozen=True, slots=True)
class Checked:
    """One debtor and day that is to be resent.

    Attributes:
        revision: what a request made now would name.
        missing: everything that stands in the way.
    """

    key: DayKey
    customer: Customer | None
    row: DayRow | None
    revision: int
    missing: tuple[Missing, ...]

    @property
    def can(self) -> bool:
        """Nothing stands in the way, as far as this service knows."""
        return not self.missing


@dataclass(frozen=True, slots=True)
class Wish:
    """What goes along with a request.

    Attributes:
        recipients: addresses of this sending; the EKT service decides whether they are allowed (EF-56).
    """

    reason: ResendReason = ResendReason.UNSAID
    note: str = ""
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Resending:
    """Checks resends and asks for them."""

    distributions: Distributions

    async def check(
        self, connection: AsyncConnection, day: date, ids: Collection[str], *, ask: bool = False
    ) -> list[Checked]:
        """What stands in the way of each of `ids`, in their order; merged cards by their target, each once.

        Args:
            ask: it will be asked for now: the days are locked, and what waits to be published is published.
        """
        resolve = debtors.hold if ask else debtors.resolve
        targets = await resolve(connection, ids)
        keys = list(dict.fromkeys(DayKey(targets.get(one, one), day) for one in ids))
        rows = await (sales.lock_existing(connection, *keys) if ask else sales.read(connection, keys))
        if ask:
            rows = await self.distributions.publish_pending(connection, rows.values())
        customers = await debtors.customers(connection, [key.debtor_id for key in keys])
        gaps = await self._gaps(connection, keys)
        found = []
        for key in keys:
            row, customer = rows.get(key), customers.get(key.debtor_id)
            pending = row is not None and row.pending is not None
            revision = row.revision + pending if row else 0
            lacking = requirements(key.debtor_id, customer, gaps[key], revision=revision)
            found.append(Checked(key, customer, row, revision, lacking))
        return found

    async def _gaps(
        self, connection: AsyncConnection, keys: Iterable[DayKey]
    ) -> dict[DayKey, tuple[Missing, ...]]:
        """What each day lacks; the lines are read of those alone that lack something."""
        incomplete = await sales.incomplete(connection, keys)
        lines = await sales.lines(connection, incomplete)
        return {key: missing(lines[key]) if key in incomplete else () for key in keys}

    async def ask(
        self,
        connection: AsyncConnection,
        checked: Sequence[Checked],
        wish: Wish,
        person: Person,
        *,
        batch_id: str | None = None,
    ) -> dict[DayKey, Asked]:
        """Ask for those of `checked` that can be resent; they were checked to be asked for."""
        now = self.distributions.clock.now()
        asked = {
            one.key: Asked(
                request_id=new_event_id().hex,
                sale_revision=one.revision,
                requested_by=person.name[:MOST_REASON],
                requested_at=now,
                reason=wish.reason,
                note=wish.note,
                batch_id=batch_id,
                recipients=wish.recipients,
            )
            for one in checked
            if one.can
        }
        if not asked:
            return {}
        await outcomes.add_requests(connection, asked)
        await self.distributions.outbox.append(
            connection, *(self._event(key, one) for key, one in asked.items()), time=now
        )
        told = [
            (
                entity_of(key),
                None,
                {
                    "request_id": one.request_id,
                    "sale_revision": one.sale_revision,
                    "reason": one.reason,
                    "note": one.note,
                },
            )
            for key, one in asked.items()
        ]
        await audit_all(connection, person, now, "resend requested", ENTITY, told)
        return asked

    def _event(self, key: DayKey, asked: Asked) -> EktResendRequested:
        return EktResendRequested(
            administration=self.distributions.administration,
            request_id=asked.request_id,
            debtor_id=key.debtor_id,
            order_day=key.order_day,
            sale_revision=asked.sale_revision,
            requested_by=asked.requested_by,
            requested_at=asked.requested_at,
            reason=ResendReason(asked.reason),
            note=asked.note,
            recipients=asked.recipients,
            batch_id=asked.batch_id or "",
        )
