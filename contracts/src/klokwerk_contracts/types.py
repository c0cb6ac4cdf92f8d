"""Value types that the events share: decimals as strings, money, addresses, languages."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from klokwerk_contracts.documentation import describe

DECIMAL_PATTERN = r"^-?[0-9]{1,15}(\.[0-9]{1,6})?$"


def _no_float(value: Any) -> Any:
    if isinstance(value, float):
        raise ValueError('write it as a string, e.g. "12.50": a JSON number may lose digits')
    return value


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:  # the first or last hours of the calendar, in a zone far from UTC
        raise ValueError("lies beyond the calendar in UTC") from error


def plain(value: Decimal) -> str:
    """A decimal without exponent, as it stands in events: ``Decimal("1E+2")`` becomes ``"100"``."""
    return format(value, "f")


DecimalString = Annotated[
    Decimal,
    BeforeValidator(_no_float),
    Field(max_digits=21, decimal_places=6, allow_inf_nan=False),
    PlainSerializer(plain, return_type=str),
    WithJsonSchema({"type": "string", "pattern": DECIMAL_PATTERN}),
]
"""An exact number, in JSON a string such as ``"12.50"``; at most 15 digits before and 6 after the point."""

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
"""An id that other systems may have made: 1 to 64 letters, digits or ``._:-``."""
Text = Annotated[str, StringConstraints(max_length=200)]
LongText = Annotated[str, StringConstraints(max_length=4000)]
Email = Annotated[str, StringConstraints(min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A moment, ISO 8601 with a zone; read in any zone, kept and written in UTC."""


class Part(BaseModel):
    """Base of everything inside an event: immutable, unknown fields ignored (a later version may add)."""

    # Nearly every value of an event is its own: looking each up among those seen before is a fifth of reading it.
    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="ignore", frozen=True, json_schema_extra=describe, cache_strings="keys"
    )


class Event(Part):
    """Base of every event body.

    Attributes:
        administration: the legal entity it belongs to; ``main`` where there is only one.
    """

    TOPIC: ClassVar[str]
    VERSION: ClassVar[int] = 1

    administration: Identifier = "main"

    @property
    def key(self) -> str:
        """The Kafka key: what order is kept for."""
        raise NotImplementedError


class Money(Part):
    """An amount with its currency (ISO 4217)."""

    amount: DecimalString
    currency: Currency = "EUR"


class Address(Part):
    """A postal address; `lines` hold street and number as written on an envelope."""

    lines: tuple[Text, ...] = ()
    postal_code: Annotated[str, StringConstraints(max_length=20)] = ""
    city: Annotated[str, StringConstraints(max_length=100)] = ""
    region: Annotated[str, StringConstraints(max_length=100)] = ""
    country: Country


class ElectronicAddress(Part):
    """An e-invoice (Peppol) participant: `scheme` is the EAS code, e.g. ``0106`` for a KvK number."""

    scheme: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")]
    identifier: Annotated[str, StringConstraints(min_length=1, max_length=50)]
