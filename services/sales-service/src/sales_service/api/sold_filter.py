"""What the list of a day is narrowed to, as the query of a URL says it; the same for list, export and resends."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from sales_service.api.context import Words
from sales_service.domain.ekts import EktFilter
from sales_service.store.sold import SoldFilter


def _wanted(
    q: Words = "",
    complete: bool | None = None,
    use_ekts: bool | None = None,
    ekt: Annotated[list[EktFilter] | None, Query(max_length=len(EktFilter))] = None,
) -> SoldFilter:
    return SoldFilter(words=q, complete=complete, use_ekts=use_ekts, ekt=tuple(ekt or ()))


Wanted = Annotated[SoldFilter, Depends(_wanted)]
"""The filter of a request."""
