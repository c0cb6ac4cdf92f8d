"""Makes what can go out: line numbers, interchange references, files, mail and plan of many EKTs at once.

A busy hour completes hundreds of distributions, so everything that has to be asked of the database is asked
once for all EKTs of a batch.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from klokwerk.clock import Clock
from klokwerk.deliveries import Plan
from klokwerk.parked import Parked
from klokwerk_contracts import SaleCompleted
from klokwerk_contracts.ekt_delivery_changed import EktTrigger
from klokwerk_contracts.outcomes import DeliveryState
from sqlalchemy.ext.asyncio import AsyncConnection

from ekt_service.domain import files as ekt_files
from ekt_service.domain import mail
from ekt_service.domain.confirmation import ConfirmationLinks
from ekt_service.domain.debtor import Debtor, Way
from ekt_service.domain.ekt import KIND, Ekt, EktFile, natural_key
from ekt_service.domain.file_name import PatternError
from ekt_service.domain.line_numbers import LineNumbers, OutOfNumbersError
from ekt_service.domain.module import EktModule
from ekt_service.domain.returns import ReturnAddress
from ekt_service.store import ekts, line_numbers
from ekt_service.store.line_numbers import Day, Wanted


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one EKT: its new state, with files and delivery, or what it waits for."""

    ekt: Ekt
    files: Sequence[EktFile] = ()
    plan: Plan | None = None
    wait: Parked | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """An EKT that lacks nothing."""

    ekt: Ekt
    debtor: Debtor
    sale: SaleCompleted


@dataclass(frozen=True, slots=True)
class Building:
    """Builds EKTs.

    Args:
        mail_domain: right side of Message-IDs.
        returns: makes the envelope sender of each mail; none: bounces go to the address that mails come from.
        links: makes confirmation links; none: they are not possible.
    """

    clock: Clock
    mail_domain: str
    returns: ReturnAddress | None = None
    links: ConfirmationLinks | None = None

    async def build(
        self, connection: AsyncConnection, ready: Sequence[Ready], settings: EktModule
    ) -> list[Decision]:
        """A decision for each of `ready`, in their order: planned with its files, or failed with the reason."""
        if not ready:
            return []
        forms = [ekt_files.format_of(each.debtor, settings) for each in ready]
        days = [_day_of(each) for each in ready]
        wanted = [
            Wanted(day, form.auction, each.sale.lines)
            for each, day, form in zip(ready, days, forms, strict=True)
        ]
        numbers = await line_numbers.numbers_for(connection, wanted)
        needed = [ekt_files.files_needed(each.sale, form) for each, form in zip(ready, forms, strict=True)]
        references = iter(await ekts.new_references(connection, sum(needed)))
        decisions = []
        for each, form, day, many in zip(ready, forms, days, needed, strict=True):
            own = [next(references) for _ in range(many)]
            decisions.append(self._one(each, form, settings, numbers[day], own))
            # Building hundreds takes a second; sendings under way and requests get their turn in between.
            await asyncio.sleep(0)
        return decisions

    def _one(
        self,
        ready: Ready,
        form: ekt_files.Format,
        settings: EktModule,
        numbers: Mapping[str, LineNumbers],
        references: Sequence[int],
    ) -> Decision:
        sale = ready.sale
        try:
            if any(line.line_id not in numbers for line in sale.lines):
                raise OutOfNumbersError(sale.order_day)
            built = ekt_files.build(
                sale, form, settings, numbers, references, self.clock.now(), self.clock.zone
            )
        except (ekt_files.FaultyFileError, OutOfNumbersError, PatternError) as problem:
            return Decision(replace(ready.ekt, state=DeliveryState.FAILED, message=str(problem)))
        return self._planned(ready, settings, built)

    def _planned(self, ready: Ready, settings: EktModule, built: list[EktFile]) -> Decision:
        debtor, sale = ready.debtor, ready.sale
        more = f" (+{len(built) - 1} more)" if len(built) > 1 else ""
        whole = built[0] if len(built) == 1 else EktFile("", b"".join(f.content for f in built), "", 0)
        ekt = replace(
            ready.ekt,
            state=DeliveryState.PLANNED,
            sale_revision=sale.revision,
            file_name=built[0].name + more,
            sha256=whole.sha256,
            lines=len(sale.lines),
            message=f"On its way to {debtor.recipient}.",
        )
        plan = Plan(
            id=ekt.id,
            natural_key=natural_key(ekt.sale, ekt.request_id),
            kind=KIND,
            subject=str(ekt.id),
            channel=debtor.way.value,
            recipient=debtor.recipient,
        )
        if debtor.way is Way.EMAIL:
            plan = self._as_mail(plan, ekt, debtor, settings, built)
        return Decision(ekt, built, plan)

    def _as_mail(
        self, plan: Plan, ekt: Ekt, debtor: Debtor, settings: EktModule, built: list[EktFile]
    ) -> Plan:
        chosen = settings.mail_for(debtor.language)
        if chosen is None:
            raise RuntimeError("requirements() lets no mail pass without a template")
        language, template = chosen
        fields = mail.MailFields(
            debtor_name=debtor.name,
            order_day=ekt.sale.order_day,
            lines=ekt.lines,
            resend=ekt.trigger is EktTrigger.RESEND,
            sender_name=settings.sender_name,
            file_names=", ".join(file.name for file in built),
            debtor_number=debtor.number,
            language=language,
            confirm_url=self.links.of(ekt.id, self.clock.now())
            if self.links and settings.confirmation_link
            else "",
        )
        message_id = f"<{ekt.id}@{self.mail_domain}>"
        recipients = [mail.wire_address(address) for address in debtor.emails]
        content = mail.compose(
            template,
            fields,
            built,
            sender=(settings.sender_name, settings.mail_from),
            reply_to=settings.reply_to,
            recipients=recipients,
            message_id=message_id,
            made=self.clock.now(),
        )
        return replace(
            plan,
            payload=content,
            file_name=f"{ekt.id}.eml",
            media_type="message/rfc822",
            context={
                "sender": self.returns.of(ekt.id) if self.returns else settings.mail_from,
                "recipients": recipients,
                "message_id": message_id,
            },
        )


def _day_of(ready: Ready) -> Day:
    return Day(ready.ekt.sale.administration, ready.debtor.id, ready.sale.order_day, ready.sale.debtor_id)
