"""A generic CSV of relations, for accounting systems without a format of their own, written as a stream.

UTF-8 with a byte order mark, ``;`` between the cells, every cell in quotes, one relation a line; a cell that is
emptied on purpose looks like one that is empty. Such a file is opened in spreadsheets too, so a cell that a
spreadsheet would run as a formula gets an apostrophe before it; phone numbers are left alone.
"""

import csv
import io
import re
from collections.abc import Sequence
from typing import IO, Self

from accounting_sync.domain.relation import Address, AddressType, Kind, RelationData

FORMULA = re.compile(r"^[=+\-@\t\r]")
PHONE = re.compile(r"^[+-]?[\d ()./-]+$")
ADDRESS = ("line1", "line2", "postal_code", "city", "country")
HEADINGS = (
    "kind",
    "number",
    "name",
    "search_code",
    "phone",
    "email",
    "website",
    "language",
    "blocked",
    *(f"{kind.value}_{part}" for kind in AddressType for part in ADDRESS),
    "iban",
    "bic",
    "further_ibans",
    "vat_number",
    "chamber_number",
    "currency",
    "payment_condition",
    "vat_code",
)


class CsvFile:
    """One file of relations of one kind; a context manager, `add` a relation at a time."""

    def __init__(self, out: IO[bytes], kind: Kind) -> None:
        self._kind = kind
        self._text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="")
        self._rows = csv.writer(self._text, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        self.count = 0

    def __enter__(self) -> Self:
        self._rows.writerow(HEADINGS)
        return self

    def add(self, relation: RelationData, cleared: Sequence[str] = ()) -> None:
        """Write one relation and forget it; every cell is written, so nothing has to be said of `cleared`."""
        del cleared
        self._rows.writerow([_defused(value) for value in _cells(self._kind, relation)])
        self.count += 1

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self._text.flush()
        self._text.detach()


def _cells(kind: Kind, data: RelationData) -> tuple[str | None, ...]:
    by_type: dict[AddressType, Address] = {address.type: address for address in data.addresses}
    first, *further = data.bank_accounts or (None,)
    return (
        kind.one,
        data.code,
        data.name,
        data.search_code,
        data.phone,
        data.email,
        data.website,
        data.language,
        "yes" if data.blocked else "no",
        *(getattr(by_type.get(kind), part, None) for kind in AddressType for part in ADDRESS),
        first.iban if first else None,
        first.bic if first else None,
        " ".join(account.iban for account in further if account),
        data.vat_number,
        data.chamber_number,
        data.currency,
        data.payment_condition,
        data.vat_code,
    )


def _defused(value: str | None) -> str:
    text = value or ""
    return f"'{text}" if FORMULA.match(text) and not PHONE.match(text) else text
