"""Dates, times, numbers and amounts as people of a language write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_currency, format_decimal

LOCALES = {"nl": "nl_NL", "en": "en_GB"}


class Formats:
    """Writes values for one language and the company's zone.

    Args:
        language: ``nl`` or ``en``.
        zone: the company's zone; instants are shown in it.
        now: the moment that relative times count from.
    """

    def __init__(self, language: str, zone: ZoneInfo, now: datetime) -> None:
        self._locale = Locale.parse(LOCALES.get(language, "en_GB"))
        self._zone = zone
        self._now = now

    def day(self, value: date | None) -> str:
        """A day with its weekday: ``Mon 2 Nov 2026``."""
        if not value:
            return ""
        text = format_date(value, "EEE d MMM y", locale=self._locale)
        return text[:1].upper() + text[1:]

    def short_day(self, value: date | None) -> str:
        """A day in a table column: ``2 Nov 2026``."""
        return format_date(value, "d MMM y", locale=self._locale) if value else ""

    def instant(self, value: datetime | None) -> str:
        """A moment in the company's zone: ``2 Nov 2026, 09:15:03``."""
        if not value:
            return ""
        return format_datetime(value, "d MMM y, HH:mm:ss", tzinfo=self._zone, locale=self._locale)

    def clock(self, value: datetime | None) -> str:
        """The time of a moment: ``09:15``."""
        return format_datetime(value, "HH:mm", tzinfo=self._zone, locale=self._locale) if value else ""

    def ago(self, value: datetime | None) -> str:
        """How long ago a moment was, or how far off: ``3 minutes ago``; a date when it is over a week."""
        if not value:
            return ""
        distance = value - self._now
        if abs(distance) > timedelta(days=7):
            return self.short_day(value.astimezone(self._zone).date())
        if abs(distance) < timedelta(seconds=1):
            distance = timedelta(seconds=-1)
        return format_timedelta(distance, add_direction=True, locale=self._locale, threshold=1.2)

    def machine(self, value: datetime | None) -> str:
        """A moment for the ``datetime`` attribute."""
        return value.astimezone(UTC).isoformat(timespec="seconds") if value else ""

    def money(self, amount: Decimal | None, currency: str = "EUR") -> str:
        """An amount: ``€ 1.234,50``."""
        return format_currency(amount, currency, locale=self._locale) if amount is not None else ""

    def number(self, value: Decimal | int | None) -> str:
        """A number with the language's separators."""
        return format_decimal(value, locale=self._locale) if value is not None else ""

    def typed(self, value: Decimal) -> str:
        """A number as it stands in a field: as it is typed, without separators of thousands."""
        text = format(value.normalize() + 0, "f")
        return text.replace(".", ",") if self._locale.language == "nl" else text
