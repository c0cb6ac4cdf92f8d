"""What the accounting benchmarks work on: cards as the debtor service publishes them, and a service's database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from klokwerk.database import Database
from klokwerk.testing import fresh_database
from klokwerk_contracts import DebtorChanged

START = datetime(2026, 11, 2, 9, tzinfo=UTC)


def card(number: int, revision: int = 1, **fields: Any) -> DebtorChanged:
    """A card as wholesalers have them; every text of it is its own."""
    document = {
        "administration": "main",
        "debtor_id": f"d{number:07}",
        "revision": revision,
        "name": f"Bloemen {number} B.V.",
        "search_name": f"BL{number}",
        "debtor_number": str(1_000_000 + number),
        "addresses": [
            {
                "kind": "visit",
                "lines": [f"Legmeerdijk {number}"],
                "postal_code": "1431 GB",
                "city": "Aalsmeer",
                "country": "NL",
            },
            {
                "kind": "invoice",
                "lines": [f"Postbus {number}"],
                "postal_code": "1430 BA",
                "city": "Aalsmeer",
                "country": "NL",
            },
        ],
        "emails": [{"address": f"post{number}@example.com"}],
        "phones": ["+31 297 123456"],
        "vat_number": _vat_number(number),
        "chamber_number": "34104408",
        "payment_term_days": 30,
        "bank_accounts": [{"iban": "NL91ABNA0417164300", "bic": "ABNANL2A"}],
        "changed_at": START,
    }
    return DebtorChanged.model_validate(document | fields)


def _vat_number(number: int) -> str:
    """A Dutch one whose check digit is right: the weighted digits, modulo 11."""
    digits = f"{number % 10_000_000 + 10_000_000:08}"
    check = sum(weight * int(digit) for weight, digit in zip(range(9, 1, -1), digits, strict=True)) % 11
    return f"NL{digits}{check}B01" if check < 10 else _vat_number(number + 5_000_000)


@asynccontextmanager
async def service_database(admin_url: str, target: str = "exact-xml") -> AsyncIterator[Database]:
    """A fresh database of the service with one administration, ``main``, that is fed by the cards above."""
    from accounting_sync.domain.administration import Administration
    from accounting_sync.domain.mapping import MappingTables
    from accounting_sync.domain.targets import Target
    from accounting_sync.store import administrations

    async with fresh_database(admin_url, "accounting_sync") as url:
        database = Database(url)
        main = Administration(
            "main",
            "Main books",
            Target(target),
            "main",
            mappings=MappingTables(payment_terms={"30": "30"}, currencies={"EUR": "EUR"}),
            revision=1,
            changed_at=START,
        )
        async with database.transaction() as connection:
            await administrations.save(connection, main)
        yield database
        await database.close()
