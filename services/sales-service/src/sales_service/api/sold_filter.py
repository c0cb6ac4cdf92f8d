"""What the list of a day is narrowed to: in the query of an address and in a body, for list, export and resends."""

from __future__ import annotations

from typing import Annotated, ClassVar

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from sales_service.api.context import Words
from sales_service.domain.ekts import EktFilter
from sales_service.store.sold import SoldFilter


class SoldQuery(BaseModel):
    """Which debtors of a day; what is not said narrows nothing."""

    q: Words = ""
    complete: bool | None = None
    use_ekts: bool | None = None
    ekt: Annotated[list[EktFilter], Field(max_length=len(EktFilter))] = []

    def as_domain(self) -> SoldFilter:
        """As the queries use it."""
        return SoldFilter(words=self.q, complete=self.complete, use_ekts=self.use_ekts, ekt=tuple(self.ekt))


class SoldBody(SoldQuery):
    """The same in a request's body, where a field that nobody knows is refused."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


def _wanted(asked: Annotated[SoldQuery, Query()]) -> SoldFilter:
    return asked.as_domain()


Wanted = Annotated[SoldFilter, Depends(_wanted)]
"""The filter of a request."""
