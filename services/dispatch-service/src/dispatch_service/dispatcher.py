"""Decides on one invoice and plans its delivery: for the night's run, or on a person's word."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from uuid import NAMESPACE_URL, UUID, uuid5

from klokwerk import deliveries
from klokwerk.clock import Clock
from klokwerk.deliveries import Delivery, Plan, State
from klokwerk_contracts.invoice_created import InvoiceCreated
from klokwerk_contracts.invoice_dispatch_changed import DispatchIntent, DispatchPurpose
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatch_service.documents import (
    PDF,
    ContentRefused,
    Document,
    prepare,
    prepare_factoring_notice,
    prepare_prenotification,
)
from dispatch_service.domain.cascade import CHAIN, CHANNEL_NAMES, Channel, Verdict, choose_channel
from dispatch_service.domain.choices import Choices
from dispatch_service.domain.companions import (
    CompanionDecision,
    decide_factoring_notice,
    decide_prenotification,
)
from dispatch_service.domain.reachability import Reach, must_be_structured, reach_of
from dispatch_service.outcomes import KIND, Outcomes
from dispatch_service.store import debtors
from dispatch_service.store.invoices import InvoiceRow, InvoiceState
from dispatch_service.ubl.validation import UblValidator

SETTLED = (State.SENT, State.FAILED, State.IGNORED)


class NotPossible(Exception):
    """What a person asked for can't be done; `why` says it with the cure."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def dispatch_id(natural_key: str) -> UUID:
    """The id of the dispatch with this natural key: the same in every replay."""
    return uuid5(NAMESPACE_URL, f"klokwerk:{natural_key}")


def automatic_key(invoice_id: str) -> str:
    """Natural key of an invoice's one automatic dispatch (NV-59: there is never a second)."""
    return f"dispatch:{invoice_id}:invoice:automatic"


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Plans deliveries of invoices."""

    clock: Clock
    outcomes: Outcomes
    validator: UblValidator | None

    async def plan_automatic(
        self, connection: AsyncConnection, row: InvoiceRow, choices: Choices
    ) -> Delivery | None:
        """Decide on an invoice of a run and plan what follows, in the caller's transaction (NV-22..NV-32)."""
        key = automatic_key(row.invoice_id)
        context: dict[str, object] = {
            "intent": DispatchIntent.AUTOMATIC.value,
            "purpose": DispatchPurpose.INVOICE.value,
            "run": row.run_id,
        }
        card = await debtors.card_of(connection, row.debtor_id)
        if card is None:
            plan = self._final(
                key, row, State.FAILED, "none", "The customer's card is not known here.", context
            )
            return await self._commit(connection, plan)
        invoice = row.document
        reach = reach_of(card, consumer_einvoicing=choices.consumer_einvoicing)
        decision = choose_channel(
            choices.channels,
            reach.capabilities,
            structured_only=must_be_structured(invoice, belgian_rule=choices.belgian_rule),
        )
        context["reason"] = decision.reason.value
        if decision.verdict is Verdict.IGNORED:
            channel = decision.channel.value if decision.channel else "none"
            plan = self._final(key, row, State.IGNORED, channel, decision.explanation, context)
        elif decision.channel is None:
            plan = self._final(key, row, State.FAILED, "none", decision.explanation, context)
        else:
            plan = await self._sending(
                key, row, invoice, decision.channel, reach, context, decision.explanation
            )
        made = await self._commit(connection, plan)
        if made is not None and made.state is State.PLANNED:
            for companion in await self._companions(row, invoice, reach, choices):
                await self._commit(connection, companion)
        return made

    async def _companions(
        self, row: InvoiceRow, invoice: InvoiceCreated, reach: Reach, choices: Choices
    ) -> list[Plan]:
        """What goes along with an invoice that is sent, each as a delivery of its own (D-12)."""
        plans = []
        if invoice.direct_payment:
            decision = decide_prenotification(choices.channels, reach.capabilities)
            making = prepare_prenotification(invoice, reach)
            plans.append(await self._companion(row, DispatchPurpose.PRENOTIFICATION, decision, making))
        if invoice.factoring_notice:
            decision = decide_factoring_notice(choices.factoring_email)
            making = prepare_factoring_notice(invoice, choices.factoring_email)
            plans.append(await self._companion(row, DispatchPurpose.FACTORING_NOTICE, decision, making))
        return plans

    async def _companion(
        self,
        row: InvoiceRow,
        purpose: DispatchPurpose,
        decision: CompanionDecision,
        making: Coroutine[None, None, Document],
    ) -> Plan:
        key = f"dispatch:{row.invoice_id}:{purpose.value}:automatic"
        context: dict[str, object] = {
            "intent": DispatchIntent.AUTOMATIC.value,
            "purpose": purpose.value,
            "run": row.run_id,
        }
        channel = decision.channel.value if decision.channel else "none"
        if decision.verdict is not Verdict.SEND:
            making.close()
            state = State.IGNORED if decision.verdict is Verdict.IGNORED else State.FAILED
            return self._final(key, row, state, channel, decision.explanation, context)
        return self._planned(key, row, channel, await making, context, decision.explanation)

    async def fail_automatic(self, connection: AsyncConnection, row: InvoiceRow, why: str) -> None:
        """End an invoice of a run as failed because it could not even be decided on (NV-39)."""
        context: dict[str, object] = {
            "intent": DispatchIntent.AUTOMATIC.value,
            "purpose": DispatchPurpose.INVOICE.value,
            "run": row.run_id,
        }
        key = automatic_key(row.invoice_id)
        await self._commit(connection, self._final(key, row, State.FAILED, "none", why, context))

    async def plan_by_hand(
        self, connection: AsyncConnection, row: InvoiceRow, choices: Choices, wanted: Channel | None, by: str
    ) -> Delivery:
        """Plan a sending on a person's word; `row` is locked by the caller's transaction.

        Args:
            choices: the settings in force, for what the seller offers; its channels bind nobody here.
            wanted: the channel that was asked for; none for the first possible one.

        Raises:
            NotPossible: naming the cure.
        """
        earlier = await deliveries.of_subjects(connection, KIND, [row.invoice_id])
        if row.state is InvoiceState.QUEUED or any(d.state not in SETTLED for d in earlier):
            raise NotPossible("The invoice is being sent at this moment. Wait for the outcome.")
        card = await debtors.card_of(connection, row.debtor_id)
        if card is None:
            raise NotPossible(
                f"The card of customer {row.debtor_id} has not come yet. Try again when it is there."
            )
        invoice = row.document
        reach = reach_of(card, consumer_einvoicing=choices.consumer_einvoicing)
        channel = wanted or self._first_possible(invoice, reach, choices, earlier)
        if (obstacle := reach.capabilities.obstacle(channel)) is not None:
            raise NotPossible(
                f"{CHANNEL_NAMES[channel].capitalize()} is not possible: {obstacle}. Complete the customer's card "
                "or choose another channel."
            )
        mine = [d for d in earlier if d.context.get("purpose") == DispatchPurpose.INVOICE.value]
        if (
            channel is Channel.E_INVOICE
            and (again := await self._e_invoice_again(connection, mine)) is not None
        ):
            return again
        was_sent = any(d.state is State.SENT for d in mine)
        intent = DispatchIntent.RESEND if was_sent else DispatchIntent.MANUAL
        context: dict[str, object] = {
            "intent": intent.value,
            "purpose": DispatchPurpose.INVOICE.value,
            "by": by,
            "reason": "by-hand",
        }
        key = f"dispatch:{row.invoice_id}:invoice:hand:{len(earlier) + 1}"
        message = f"Asked for by {by}."
        original = await self._original_pdf(connection, mine)
        plan = await self._sending(key, row, invoice, channel, reach, context, message, original)
        planned = await self._commit(connection, plan)
        if planned is None:
            raise NotPossible("The same sending was asked for at this moment. Reload the invoice.")
        return planned

    def _first_possible(
        self, invoice: InvoiceCreated, reach: Reach, choices: Choices, earlier: list[Delivery]
    ) -> Channel:
        """The channel when a person leaves the choice to us: as last time, else the first possible one."""
        sent = [d.channel for d in earlier if d.state is State.SENT and d.channel != Channel.E_INVOICE]
        if sent:
            return Channel(sent[-1])
        structured = must_be_structured(invoice, belgian_rule=choices.belgian_rule)
        decision = choose_channel(frozenset(CHAIN), reach.capabilities, structured_only=structured)
        if decision.channel is None:
            raise NotPossible(decision.explanation)
        return decision.channel

    async def _e_invoice_again(self, connection: AsyncConnection, earlier: list[Delivery]) -> Delivery | None:
        """A structured e-invoice never leaves twice as a new document.

        One whose outcome stayed unknown is sent again under its own key with its own bytes, which the access
        point recognises; one that was refused outright may be made anew (none is returned).
        """
        for delivery in reversed([d for d in earlier if d.channel == Channel.E_INVOICE]):
            if delivery.state is State.SENT:
                raise NotPossible(
                    "The invoice was already delivered as e-invoice, and the same e-invoice may not be sent twice. "
                    "Send a copy by e-mail or print instead."
                )
            if delivery.state is State.FAILED and await _may_have_arrived(connection, delivery):
                again = await deliveries.send_again(
                    connection,
                    self.clock,
                    delivery.id,
                    states=[State.FAILED],
                    message="Sent again under the same key, so that it can't arrive twice.",
                )
                if again is not None:
                    await self.outcomes.on_change(connection, again)
                    return again
        return None

    async def _original_pdf(self, connection: AsyncConnection, earlier: list[Delivery]) -> bytes | None:
        """The PDF as it was sent before (LS-25)."""
        for delivery in earlier:
            if delivery.media_type == PDF and delivery.state is State.SENT:
                full = await deliveries.get(connection, delivery.id)
                return full.payload if full else None
        return None

    async def _sending(
        self,
        key: str,
        row: InvoiceRow,
        invoice: InvoiceCreated,
        channel: Channel,
        reach: Reach,
        context: dict[str, object],
        message: str,
        original: bytes | None = None,
    ) -> Plan:
        try:
            document = await prepare(invoice, channel, reach, self.validator, original)
        except ContentRefused as error:
            return self._final(
                key, row, State.FAILED, channel.value, str(error), context, reach.recipient(channel)
            )
        return self._planned(key, row, channel.value, document, context, message)

    def _planned(
        self,
        key: str,
        row: InvoiceRow,
        channel: str,
        document: Document,
        context: dict[str, object],
        message: str,
    ) -> Plan:
        return Plan(
            natural_key=key,
            kind=KIND,
            subject=row.invoice_id,
            channel=channel,
            recipient=document.recipient,
            context=context | dict(document.context),
            file_name=document.file_name,
            media_type=document.media_type,
            payload=document.payload,
            message=message,
            id=dispatch_id(key),
        )

    def _final(
        self,
        key: str,
        row: InvoiceRow,
        state: State,
        channel: str,
        message: str,
        context: dict[str, object],
        recipient: str = "",
    ) -> Plan:
        return Plan(
            natural_key=key,
            kind=KIND,
            subject=row.invoice_id,
            channel=channel,
            recipient=recipient,
            context=context,
            state=state,
            message=message,
            id=dispatch_id(key),
        )

    async def _commit(self, connection: AsyncConnection, plan: Plan) -> Delivery | None:
        made = await deliveries.plan(connection, self.clock, plan)
        for delivery in made:
            await self.outcomes.on_change(connection, delivery)
        return made[0] if made else None


async def _may_have_arrived(connection: AsyncConnection, delivery: Delivery) -> bool:
    """Whether the last word on a failed delivery leaves it open that the other side has it."""
    open_question = False
    for attempt in await deliveries.attempts(connection, delivery.id):
        if attempt.purpose == "send":
            open_question = attempt.outcome in (None, "unknown")
        elif attempt.outcome in ("not_there", "sent"):
            open_question = False
    return open_question
