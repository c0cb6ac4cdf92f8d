"""Rows of a file of sale lines, read one by one: what each says, and what in it can't be read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sales_service.domain.cells import BadCell, CellProblem, bare
from sales_service.domain.sale_columns import SaleColumn


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row of a file as it was read; an empty cell says nothing.

    Attributes:
        body: the line as the API takes it.
        line_id: as given, else one made of what the row says, so that the same row comes in once.
        given_id: the row names its line itself.
    """

    debtor_id: str
    debtor_number: str
    line_id: str
    given_id: bool
    body: dict[str, Any]
    problems: tuple[CellProblem, ...] = ()


@dataclass(slots=True)
class SheetReader:
    """Reads the rows of one file, one after the other.

    Args:
        columns: what each of its columns means; none for one that is not read.
        zone: in which times without a zone are meant.
    """

    columns: Sequence[SaleColumn | None]
    zone: ZoneInfo
    _times: dict[str, int] = field(default_factory=dict)

    def read(self, cells: Sequence[str]) -> SheetRow:
        """One row."""
        values: dict[str, Any] = {}
        told: list[str] = []
        problems: list[CellProblem] = []
        for column, cell in zip(self.columns, cells, strict=False):
            text = bare(cell)
            if column is None or not column.into or not text:
                continue
            told.append(f"{column.name}={text}")
            try:
                value = self._moment(text) if column.name == "transaction_at" else column.read(text)
            except BadCell as error:
                problems.append(CellProblem(column.name, str(error), error.cure))
            else:
                _put(values, column.into, value)
        debtor_id, number = values.pop("debtor_id", ""), values.pop("debtor_number", "")
        line_id = values.pop("line_id", "")
        return SheetRow(
            debtor_id, number, line_id or self._made_id(told), bool(line_id), _priced(values), tuple(problems)
        )

    def _made_id(self, told: Sequence[str]) -> str:
        digest = hashlib.sha256("\n".join(sorted(told)).encode()).hexdigest()[:24]
        count = self._times[digest] = self._times.get(digest, 0) + 1
        return f"row-{digest}-{count}"

    def _moment(self, text: str) -> str:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise BadCell(f"{text!r} is no moment", "write it like 2026-11-02T06:30:00") from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=self.zone)).isoformat()


def _put(values: dict[str, Any], path: str, value: Any) -> None:
    *outer, last = path.split(".")
    inside = values
    for part in outer:
        inside = inside.setdefault(part, {})
    if isinstance(value, dict):
        inside.setdefault(last, {}).update(value)
    else:
        inside[last] = value


def _priced(values: dict[str, Any]) -> dict[str, Any]:
    """Every price with the currency of the row, where it names one."""
    currency = values.pop("currency", "")
    if not currency:
        return values
    for name in ("price", "customer_price"):
        if name in values:
            values[name] = {"amount": values[name], "currency": currency}
    if "price" in values.get("packing", {}):
        values["packing"]["price"] = {"amount": values["packing"]["price"], "currency": currency}
    return values
