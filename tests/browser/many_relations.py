"""A set of books with as many relations as one wants, from the event on; cheaper than entering them one by one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from klokwerk.kafka import KafkaAddress
from klokwerk.testing import eventually, publish
from klokwerk_contracts import DebtorChanged

ADDRESS = {"kind": "visit", "lines": ["Kade 1"], "postal_code": "2221 AB", "city": "Katwijk", "country": "NL"}


async def books_of_many(system: Any, code: str, count: int) -> None:
    """An administration of its own that knows `count` relations which accounting was never told of."""
    ranges = {
        "debtors": {"first": 100_000, "last": 199_999},
        "creditors": {"first": 200_000, "last": 299_999},
    }
    body = {"name": code.title(), "target": "exact-xml", "ranges": ranges}
    await system.office.call("PUT", "accounting-sync", f"/administrations/{code}", body)
    platform = system.platform
    cards = (
        DebtorChanged.model_validate(
            {
                "administration": code,
                "debtor_id": f"{code}-{number}",
                "revision": 1,
                "kinds": ["debtor"],
                "name": f"{'Kiosk' if number % 10 == 0 else 'Bloemist'} {number:05}",
                "debtor_number": str(100_000 + number),
                "addresses": [ADDRESS],
                "changed_at": datetime(2026, 11, 2, 9, tzinfo=UTC),
            }
        )
        for number in range(1, count + 1)
    )
    await publish(KafkaAddress(platform.servers.kafka, platform.prefix), *cards)

    async def taken_in() -> bool:
        tiles = (await system.office.call("GET", "accounting-sync", "/summary"))["counts"]
        return next(tile["value"] for tile in tiles if tile["name"] == "accounting_to_fetch") >= count

    await eventually(taken_in, within=90)
