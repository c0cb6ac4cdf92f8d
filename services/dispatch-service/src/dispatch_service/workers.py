"""What runs by the clock: the night's run, shared by all replicas, and its digest."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from klokwerk import deliveries, telemetry
from klokwerk.clock import Clock
from klokwerk.database import Database, is_transient
from klokwerk.deliveries import Plan, State
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatch_service.dispatcher import Dispatcher, dispatch_id
from dispatch_service.domain.cascade import CHAIN, CHANNEL_NAMES
from dispatch_service.domain.digest import Digest, DigestLine, RunResult, write_digest
from dispatch_service.domain.timing import current_run_day, midnight, run_is_owed
from dispatch_service.outcomes import SERVICE
from dispatch_service.store import choices, invoices, runs
from dispatch_service.store.invoices import InvoiceState
from dispatch_service.store.runs import Run

log = telemetry.get_logger(__name__)

NOTICE = "notice"
"""Kind of the deliveries that carry a run's digest."""
NOTICE_EMAIL = "notice-email"
NOTICE_SMS = "notice-sms"


@dataclass(slots=True)
class NightRun:
    """Starts the runs that are owed, decides on their invoices, and ends them with a digest.

    Every replica runs one. The run's row is unique for its day, so that one of them makes it; its invoices
    are claimed one by one with SKIP LOCKED, so that they share the work.

    Args:
        hands: how many invoices one process decides on at the same time.
    """

    database: Database
    clock: Clock
    dispatcher: Dispatcher
    hands: int = 3
    poll_seconds: float = 0.5
    name: str = "night-run"

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`; the invoices in hand are decided on first."""
        while not stop.is_set():
            await self.start_owed()
            busy = any(await asyncio.gather(*(self._decide(stop) for _ in range(self.hands))))
            busy = bool(await self.finish_done()) or busy
            if not busy:
                try:
                    async with asyncio.timeout(self.poll_seconds):
                        await stop.wait()
                except TimeoutError:
                    continue

    async def start_owed(self) -> list[Run]:
        """Make the run of every administration that is owed one (NV-36, NV-40); returns the new ones."""
        now = self.clock.now()
        started = []
        async with self.database.connect() as connection:
            active = await choices.all_current(connection)
        for activation in active:
            day = current_run_day(now, self.clock.zone)
            async with self.database.connect() as connection:
                done = await runs.night_exists(connection, activation.administration, day)
            if not run_is_owed(
                day, now=now, activated_at=activation.active_since, zone=self.clock.zone, already_run=done
            ):
                continue
            run = await self.start(activation.administration, by=SERVICE)
            started += [run] if run else []
        return started

    async def start(self, administration: str, *, by: str, night: bool = True) -> Run | None:
        """Make a run now, for the current company day.

        Returns:
            None when another replica made it, or the service is off by now (NV-68).
        """
        now = self.clock.now()
        day = current_run_day(now, self.clock.zone)
        async with self.database.transaction() as connection:
            await choices.lock(connection, administration)
            activation = await choices.current(connection, administration)
            if activation is None:
                return None
            sequence = runs.NIGHT if night else await runs.next_sequence(connection, administration, day)
            run = await runs.start(
                connection,
                administration,
                day,
                sequence=sequence,
                by=by,
                choices=activation.choices,
                cut_off=midnight(day, self.clock.zone),
                now=now,
            )
        if run is not None:
            log.info("run_started", run=run.id, administration=administration, day=str(day), added=run.added)
        return run

    async def _decide(self, stop: asyncio.Event) -> bool:
        """Decide on invoices until there is none left; whether there was any."""
        any_done = False
        while not stop.is_set() and await self._decide_one():
            any_done = True
        return any_done

    async def _decide_one(self) -> bool:
        invoice_id = ""
        try:
            async with self.database.transaction() as connection:
                row = await invoices.claim_queued(connection)
                if row is None:
                    return False
                invoice_id = row.invoice_id
                run = await runs.get(connection, row.run_id or 0)
                if run is None:
                    raise LookupError(f"run {row.run_id} is gone")
                planned = await self.dispatcher.plan_automatic(connection, row, run.choices)
                if planned is None:
                    await self._already_dispatched(connection, invoice_id)
        except Exception as error:
            if is_transient(error):
                raise
            log.exception("invoice_not_decided", invoice=invoice_id)
            await self._fail(invoice_id, error)
        return True

    async def _already_dispatched(self, connection: AsyncConnection, invoice_id: str) -> None:
        """Its one automatic dispatch was planned before: leave the invoice as it stands, out of the queue."""
        await invoices.change(
            connection,
            invoice_id,
            InvoiceState.FAILED,
            reason="already-dispatched",
            message="The invoice went through automatic dispatch before; it is not tried twice. Send it by hand.",
            now=self.clock.now(),
        )

    async def _fail(self, invoice_id: str, error: Exception) -> None:
        """One invoice that can't be handled does not stop the others (NV-39)."""
        async with self.database.transaction() as connection:
            row = await invoices.get(connection, invoice_id, locked=True)
            if row is not None and row.state is InvoiceState.QUEUED:
                why = f"The invoice could not be prepared ({type(error).__name__}: {error}). Send it by hand."
                await self.dispatcher.fail_automatic(connection, row, why[:2000])

    async def finish_done(self) -> list[Run]:
        """Close the runs of which every invoice has its outcome, and plan their digests (NV-37, D-11)."""
        async with self.database.transaction() as connection:
            done = await runs.ready_to_finish(connection)
            for run in done:
                await self._finish(connection, run)
        return done

    async def _finish(self, connection: AsyncConnection, run: Run) -> None:
        result = _result_of(
            run, await runs.outcomes(connection, run.id), await runs.companions(connection, run.id)
        )
        summary = {
            "sent": dict(result.sent),
            "failed": len(result.failed),
            "ignored": len(result.ignored),
        }
        await runs.finish(connection, run.id, summary, self.clock.now())
        digest = write_digest(result, include_ignored=run.choices.report_ignored)
        if digest is not None:
            await deliveries.plan(connection, self.clock, *_notices(run, digest))
        log.info("run_finished", run=run.id, **summary)


def _result_of(run: Run, outcomes: list[dict[str, str]], companions: list[dict[str, str]]) -> RunResult:
    def lines(state: InvoiceState) -> tuple[DigestLine, ...]:
        return tuple(
            DigestLine(o["number"], o["buyer_name"], o["message"])
            for o in (*outcomes, *companions)
            if o["state"] == state
        )

    sent = [
        (CHANNEL_NAMES[channel], sum(o["state"] == "sent" and o["channel"] == channel for o in outcomes))
        for channel in CHAIN
    ]
    return RunResult(
        administration=run.administration,
        day=run.day,
        sent=tuple((name, count) for name, count in sent if count),
        failed=lines(InvoiceState.FAILED),
        ignored=lines(InvoiceState.IGNORED),
    )


def _notices(run: Run, digest: Digest) -> list[Plan]:
    """One notice for each address that is set (NV-04, NV-62)."""
    plans = []
    if run.choices.notice_email:
        key = f"notice:{run.id}:email"
        plans.append(
            Plan(
                natural_key=key,
                kind=NOTICE,
                subject=str(run.id),
                channel=NOTICE_EMAIL,
                recipient=run.choices.notice_email,
                context={"subject": digest.subject, "text": digest.text},
                media_type="text/plain",
                payload=digest.text.encode(),
                id=dispatch_id(key),
            )
        )
    if run.choices.notice_phone:
        key = f"notice:{run.id}:sms"
        plans.append(
            Plan(
                natural_key=key,
                kind=NOTICE,
                subject=str(run.id),
                channel=NOTICE_SMS,
                recipient=run.choices.notice_phone,
                media_type="text/plain",
                payload=digest.short.encode(),
                id=dispatch_id(key),
                state=State.FAILED,
                message="Text messages can't be sent: no gateway for them is set up. Use the e-mail notice.",
            )
        )
    return plans
