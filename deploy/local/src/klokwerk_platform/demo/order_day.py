"""The files in ``demo/``, read into values: what a wholesaler would have on paper."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

CHARACTERISTICS = ("S20", "L11", "S05", "S62", "S98", "S01", "S02", "S03")


@dataclass(frozen=True, slots=True)
class PlannedInvoice:
    """One invoice of the play and what is to become of it.

    Attributes:
        night: 1 or 2, the night's run that takes it.
        outcome: ``sent``, ``failed`` or ``ignored``.
        channel: the channel it goes or would have gone by; empty when there is none.
        why: in words.
    """

    debtor_id: str
    order_day: date
    night: int
    channels: tuple[str, ...]
    outcome: str
    channel: str
    why: str


@dataclass(frozen=True, slots=True)
class Correction:
    """A mistake in a distribution and how it is put right."""

    line_id: str
    debtor_id: str
    order_day: date
    units: int
    price: str
    reason: str


class OrderDay:
    """Everything the demo plays.

    Args:
        folder: the project's ``demo`` folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.company: dict[str, Any] = json.loads((folder / "company.json").read_text())
        self.outside: dict[str, Any] = json.loads((folder / "outside.json").read_text())
        self.customers = list(self._rows("customers.csv"))
        self.suppliers = list(self._rows("suppliers.csv"))
        self.sales = list(self._rows("sales.csv"))

    def _rows(self, name: str) -> Iterator[dict[str, str]]:
        with (self.folder / name).open(encoding="utf-8-sig", newline="") as file:
            yield from csv.DictReader(file, delimiter=";")

    @property
    def growers(self) -> dict[str, str]:
        """Names of the growers by number."""
        return {row["number"]: row["name"] for row in self._rows("growers.csv")}

    @property
    def days(self) -> list[date]:
        """The order days, in order."""
        return sorted({date.fromisoformat(row["order_day"]) for row in self.sales})

    def articles(self) -> Iterator[dict[str, Any]]:
        """Articles as the sales service takes them."""
        for row in self._rows("articles.csv"):
            yield {
                "number": row["number"],
                "name": row["name"],
                "vbn_code": row["vbn_code"],
                "packing_code": row["packing_code"],
                "packing_price": row["packing_price"] or None,
                "pieces_per_unit": int(row["pieces_per_unit"]),
                "vat_class": "reduced",
                "characteristics": [
                    {"type": kind, "value": row[kind]} for kind in CHARACTERISTICS if row.get(kind)
                ],
                "country_of_origin": row["S62"] or None,
            }

    def lines(self, day: date) -> list[dict[str, Any]]:
        """Sale lines of a day as the sales service takes them, in the order they were sold."""
        growers = self.growers
        return [
            {
                "line_id": row["line_id"],
                "debtor_id": row["debtor_id"],
                "article_number": row["article_number"],
                "units": int(row["units"]),
                "pieces_per_unit": int(row["pieces_per_unit"]),
                "price": row["price"],
                "grower": {"number": row["grower_number"], "name": growers.get(row["grower_number"], "")},
                "bought": row["bought"],
                "clock_number": int(row["clock_number"]) if row["clock_number"] else None,
                "supply_letter": row["supply_letter"],
                "plate": row["plate"],
                "order_reference": row["order_reference"],
                "transaction_at": f"{row['order_day']}T{row['time']}+01:00",
            }
            for row in self.sales
            if row["order_day"] == day.isoformat()
        ]

    def buyers(self, day: date) -> list[str]:
        """Debtors who bought on a day."""
        return sorted({row["debtor_id"] for row in self.sales if row["order_day"] == day.isoformat()})

    def ekt_users(self) -> dict[str, str]:
        """E-mail address for EKTs of each customer who uses them by e-mail."""
        return {
            row["debtor_id"]: row["email_ekt"] or row["email"]
            for row in self.customers
            if row["use_ekts"] == "yes" and row["ekt_method"] == "email"
        }

    def administration_of(self, debtor_id: str) -> str:
        """The legal entity a card belongs to."""
        rows = [*self.customers, *self.suppliers]
        return next(row["administration"] or "main" for row in rows if row["debtor_id"] == debtor_id)

    def corrections(self) -> list[Correction]:
        """What was entered wrongly."""
        return [
            Correction(
                row["line_id"],
                row["debtor_id"],
                date.fromisoformat(row["order_day"]),
                int(row["units"]),
                row["price"],
                row["reason"],
            )
            for row in self._rows("corrections.csv")
        ]

    def invoices(self) -> list[PlannedInvoice]:
        """Which days are billed, and what is to become of each invoice."""
        return [
            PlannedInvoice(
                row["debtor_id"],
                date.fromisoformat(row["order_day"]),
                int(row["night"]),
                tuple(row["selected_channels"].split(",")),
                row["expected_outcome"],
                row["expected_channel"],
                row["why"],
            )
            for row in self._rows("invoices.csv")
        ]
