"""A debtor's order day: the log, what is missing for a resend, and whether the button is there."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from fastapi import APIRouter, Request
from klokwerk.access import SignedIn
from klokwerk.database import Database
from klokwerk_contracts import SaleCompleted
from klokwerk_contracts.ekt_delivery_changed import EktTrigger
from sqlalchemy.ext.asyncio import AsyncConnection

from ekt_service.api.log import DifferenceView, HintView, differences_of, hints_of
from ekt_service.api.views import DebtorDay, EktView, RequirementView, ResendCheck
from ekt_service.domain.debtor import Debtor, Way
from ekt_service.domain.ekt import Ekt, SaleKey
from ekt_service.domain.requirements import Requirements, requirements, shown
from ekt_service.sending import Sending
from ekt_service.store import connections, debtors, ekt_log, ekts, module, sales

router = APIRouter(prefix="/debtors/{debtor_id}", tags=["Debtor days"])

_USUAL_RESENDS = 2


class DebtorDayLog(DebtorDay):
    """A debtor's order day with advice where EKTs keep not arriving (EF-48, EF-49).

    Attributes:
        differences: by EKT id, what changed from the file before; of the newest ones, with their first changes.
    """

    hints: list[HintView]
    differences: dict[UUID, DifferenceView]


@dataclass(frozen=True, slots=True)
class _Found:
    owner_id: str
    debtor: Debtor | None
    sale: SaleCompleted | None
    ekts: list[Ekt]
    visible: bool
    requirements: Requirements
    other_address_possible: bool

    @property
    def warnings(self) -> list[RequirementView]:
        """From the third resend on: it confuses the customer, but it is never blocked (EF-53, EF-54)."""
        resent = sum(ekt.trigger is EktTrigger.RESEND for ekt in self.ekts)
        if resent < _USUAL_RESENDS:
            return []
        text = (
            f"It was resent {resent} times already. Usually one or two resends are enough: ask the customer."
        )
        return [RequirementView(code="EF-54", text=text, field="", link="")]


@router.get("/days/{order_day}", summary="Log, requirements and whether a resend is possible")
async def read_day(
    request: Request, _: SignedIn, debtor_id: str, order_day: date, administration: str = "main"
) -> DebtorDayLog:
    """Everything about EKTs of one debtor and order day."""
    database: Database = request.app.state.database
    async with database.connect() as connection:
        found = await _find(connection, request, SaleKey(administration, debtor_id, order_day))
        facts = await ekts.file_facts(connection, [ekt.id for ekt in found.ekts])
        differences = await differences_of(connection, found.ekts)
        past = await ekt_log.past(connection, administration, found.owner_id)
    check = ResendCheck.of(found.visible, found.requirements, found.warnings)
    return DebtorDayLog(
        **check.model_dump(),
        debtor_id=debtor_id,
        owner_id=found.owner_id,
        order_day=order_day,
        name=found.debtor.name if found.debtor else "",
        use_ekts=bool(found.debtor and found.debtor.ekt.use_ekts),
        method=found.debtor.way.value if found.debtor else "",
        recipient=found.debtor.recipient if found.debtor else "",
        sale_revision=found.sale.revision if found.sale else None,
        lines=len(found.sale.lines) if found.sale else 0,
        other_address_possible=found.other_address_possible,
        ekts=[EktView.of(ekt, facts.get(ekt.id, ())) for ekt in found.ekts],
        hints=hints_of(request, found.owner_id, past),
        differences=differences,
    )


@router.get("/days/{order_day}/resend-check", summary="Everything that is missing for a resend, at once")
async def check_resend(
    request: Request, _: SignedIn, debtor_id: str, order_day: date, administration: str = "main"
) -> ResendCheck:
    """What a click on "Resend EKT" would meet now; the same rules refuse it when it comes."""
    database: Database = request.app.state.database
    async with database.connect() as connection:
        found = await _find(connection, request, SaleKey(administration, debtor_id, order_day))
    return ResendCheck.of(found.visible, found.requirements, found.warnings)


async def _find(connection: AsyncConnection, request: Request, key: SaleKey) -> _Found:
    sending: Sending = request.app.state.sending
    debtor_key = (key.administration, key.debtor_id)
    owner = (await debtors.owners(connection, [debtor_key]))[debtor_key]
    owner_day = SaleKey(*owner, key.order_day)
    known = await sales.load(connection, {key, owner_day})
    stored = known.get(key) or known.get(owner_day)
    debtor = (await debtors.load(connection, [owner])).get(owner)
    settings = (await module.get(connection)).settings
    sale = stored.sale if stored else None
    way_to = (await connections.states(connection, [owner])).get(owner)
    return _Found(
        owner_id=owner[1],
        debtor=debtor,
        sale=sale,
        ekts=await ekts.of_day(connection, *owner, key.order_day),
        visible=shown(debtor, settings),
        requirements=requirements(owner_day, debtor, sale, settings, sending.abilities, way_to),
        other_address_possible=(
            debtor is not None and debtor.way is Way.EMAIL and settings.other_address_allowed
        ),
    )
