"""What the home page shows of this service."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from klokwerk import parked
from klokwerk.access import SignedIn

from debtor_service.api.answers import services
from debtor_service.store import cards, numbers

router = APIRouter(tags=["summary"])


@router.get("/summary")
async def summary(request: Request, _: SignedIn) -> dict[str, Any]:
    """Counts and the latest changes."""
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        counts = await cards.counts(connection)
        waiting = await parked.waiting_count(connection)
        recent = await cards.recent(connection, 10)
        warnings = [
            w for r in await numbers.ranges(connection) if (w := (await numbers.use(connection, r)).warning)
        ]
    return {
        "counts": [
            _count("debtors", "Debtors", counts["debtors"]),
            _count("creditors", "Creditors", counts["creditors"]),
            _count("debtors_with_ekts", "Debtors that use EKTs", counts["ekts"]),
            _count("debtors_without_number", "Debtors without a number", counts["unnumbered"]),
            _count("waiting_for_number", "Triggers that wait", waiting, "warn" if waiting else "ok"),
            _count(
                "number_ranges_nearly_used_up",
                "Number ranges to widen",
                len(warnings),
                "warn" if warnings else "ok",
            ),
        ],
        "recent": [
            {
                "at": change.at,
                "text": f"{change.name}: changed by {change.by}",
                "state": "ok",
                "link": f"/debtors/{change.debtor_id}",
            }
            for change in recent
        ],
    }


def _count(name: str, label: str, value: int, state: str = "ok") -> dict[str, Any]:
    return {"name": name, "label": label, "value": value, "state": state}
