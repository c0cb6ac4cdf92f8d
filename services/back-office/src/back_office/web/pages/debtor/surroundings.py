"""What a card is shown among: settings for customers, lists to choose from, own fields, the company's own term."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

from back_office.clients.customers import Choice, CustomerSettings, OwnFieldDefinition
from back_office.web.explain import tried
from back_office.web.visit import Visit

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything beside the card that its page needs; what could not be fetched is as if nothing were set.

    Attributes:
        company_term: payment term of the company in days, shown where the customer has none (FA-22).
    """

    settings: CustomerSettings = field(default_factory=CustomerSettings)
    own_fields: tuple[OwnFieldDefinition, ...] = ()
    categories: tuple[Choice, ...] = ()
    tiers: tuple[Choice, ...] = ()
    company_term: int | None = None

    def fields_of(self, kinds: tuple[str, ...]) -> tuple[OwnFieldDefinition, ...]:
        """The own fields that stand on cards of these kinds (FA-30)."""
        return tuple(each for each in self.own_fields if set(each.kinds) & set(kinds))


async def around(visit: Visit) -> Surroundings:
    """Fetch it, all at once; a service that is away does not keep the card from being shown."""
    clients = visit.clients

    async def wanted(work: Awaitable[T]) -> T | None:
        return (await tried(work, visit.t)).value

    settings, fields, categories, tiers, company = await asyncio.gather(
        wanted(clients.customers.settings()),
        wanted(clients.customers.own_fields()),
        wanted(clients.customers.choices("categories")),
        wanted(clients.customers.choices("price-tiers")),
        wanted(clients.company.read()),
    )
    own = company.value if company else None
    return Surroundings(
        settings=settings.value if settings else CustomerSettings(),
        own_fields=fields or (),
        categories=categories or (),
        tiers=tiers or (),
        company_term=own.payment_term_days if own else None,
    )
