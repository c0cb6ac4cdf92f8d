"""Small factories for the library's tests."""

from __future__ import annotations

from datetime import UTC, date, datetime

from klokwerk_contracts import EktResendRequested

GROUP = "library-test"


def request(number: int, *, debtor: str = "d1", note: str = "") -> EktResendRequested:
    return EktResendRequested(
        request_id=f"r{number}",
        debtor_id=debtor,
        order_day=date(2026, 11, 2),
        sale_revision=1,
        requested_by="Anna",
        requested_at=datetime(2026, 11, 2, 9, tzinfo=UTC),
        note=note,
    )
