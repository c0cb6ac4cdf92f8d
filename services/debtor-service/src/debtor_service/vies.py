"""Asks VIES, the European Commission's service, whether a VAT number is valid and whose it is (FA-08).

``POST {base}/check-vat-number`` with ``{"countryCode", "vatNumber"}``. VIES passes the question on to the member
state, which is often away or busy; it then answers with an error code and whatever HTTP status. None of that
says anything about the number, so it is "unknown". Only an answer that says ``"valid": false`` makes it invalid.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx
from klokwerk import telemetry

from debtor_service.domain.vat_lookup import UNDISCLOSED, VIES_PREFIXES, VatLookup, VatStatus

log = telemetry.get_logger(__name__)

_BY_HAND = "The card can be filled in by hand."
_BUSY = frozenset(
    {
        "GLOBAL_MAX_CONCURRENT_REQ",
        "GLOBAL_MAX_CONCURRENT_REQ_TIME",
        "MS_MAX_CONCURRENT_REQ",
        "MS_MAX_CONCURRENT_REQ_TIME",
        "SERVICE_UNAVAILABLE",
        "TIMEOUT",
        "SERVER_BUSY",
    }
)
"""Worth a second try at once; a member state that is away (``MS_UNAVAILABLE``) is not."""

_WORDS = {
    "MS_UNAVAILABLE": "The tax office of {country} does not answer at the moment.",
    "MS_MAX_CONCURRENT_REQ": "The tax office of {country} gets too many questions at the moment.",
    "MS_MAX_CONCURRENT_REQ_TIME": "The tax office of {country} gets too many questions at the moment.",
    "GLOBAL_MAX_CONCURRENT_REQ": "VIES gets too many questions at the moment.",
    "GLOBAL_MAX_CONCURRENT_REQ_TIME": "VIES gets too many questions at the moment.",
    "SERVICE_UNAVAILABLE": "VIES is out of order at the moment.",
    "TIMEOUT": "The tax office of {country} did not answer in time.",
    "VAT_BLOCKED": "VIES takes no questions about this number.",
    "IP_BLOCKED": "VIES takes no questions from this system.",
    "UNREACHABLE": "VIES can't be reached.",
    "NO_TIME": "VIES did not answer in time.",
}
_LASTING = frozenset({"VAT_BLOCKED", "IP_BLOCKED"})


class _Failed(Exception):
    """VIES did not say whether the number is valid."""

    def __init__(self, code: str, *, busy: bool) -> None:
        super().__init__(code)
        self.code, self.busy = code, busy


@dataclass(frozen=True, slots=True)
class Vies:
    """The service at an address.

    Attributes:
        base: e.g. ``https://ec.europa.eu/taxation_customs/vies/rest-api``; empty: not configured.
        seconds: for one look-up with all its tries.
        pauses: seconds before each further try.
        at_once: how many questions this process has under way, so that we are not the ones who flood VIES.
    """

    http: httpx.AsyncClient
    base: str
    seconds: float
    pauses: tuple[float, ...]
    at_once: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(4))

    async def look_up(self, vat_number: str) -> VatLookup:
        """What VIES says about a number in its tidied form, with prefix; never raises for what VIES does."""
        country = vat_number[:2]
        if not self.base:
            return VatLookup(
                VatStatus.UNKNOWN,
                f"Looking up VAT numbers is not configured: set KLOKWERK_VIES_URL. {_BY_HAND}",
                code="NOT_CONFIGURED",
            )
        if country not in VIES_PREFIXES:
            return VatLookup(
                VatStatus.UNKNOWN,
                f"VIES only knows VAT numbers of the European Union, not of {country}. {_BY_HAND}",
                code="NOT_IN_VIES",
            )
        try:
            async with asyncio.timeout(self.seconds), self.at_once:
                return await self._with_retries(country, vat_number[2:])
        except TimeoutError:
            failed = _Failed("NO_TIME", busy=True)
        except _Failed as error:
            failed = error
        log.info("vat_number_unknown", code=failed.code, country=country)
        words = _WORDS.get(failed.code, f"VIES answered {failed.code}.").format(country=country)
        again = failed.code not in _LASTING
        return VatLookup(
            VatStatus.UNKNOWN,
            f"{words} {'Try again later. ' if again else ''}{_BY_HAND}",
            code=failed.code,
            again=again,
        )

    async def _with_retries(self, country: str, number: str) -> VatLookup:
        for pause in self.pauses:
            try:
                return await self._ask(country, number)
            except _Failed as error:
                if not error.busy:
                    raise
            await asyncio.sleep(pause)
        return await self._ask(country, number)

    async def _ask(self, country: str, number: str) -> VatLookup:
        try:
            answer = await self.http.post(
                f"{self.base.rstrip('/')}/check-vat-number",
                json={"countryCode": country, "vatNumber": number},
            )
        except httpx.TimeoutException as error:
            raise _Failed("NO_TIME", busy=True) from error
        except httpx.HTTPError as error:
            raise _Failed("UNREACHABLE", busy=True) from error
        return _read(answer)


def _read(answer: httpx.Response) -> VatLookup:
    """What an answer says.

    Raises:
        _Failed: it says nothing about the number.
    """
    body = _object(answer)
    if (code := _error_code(body)) is not None:
        if code == "INVALID_INPUT":
            return VatLookup(
                VatStatus.INVALID,
                "VIES does not take it for a VAT number. Compare it with the papers.",
                code=code,
            )
        raise _Failed(code, busy=code in _BUSY)
    valid = body.get("valid")
    if not answer.is_success or not isinstance(valid, bool):
        status = answer.status_code
        raise _Failed(f"HTTP {status}", busy=status == 429 or status >= 500)
    if not valid:
        return VatLookup(
            VatStatus.INVALID, "It is not registered for trade inside the EU. Compare it with the papers."
        )
    name, address = _disclosed(body.get("name")), _disclosed(body.get("address"))
    message = "The number is valid." if name or address else "The number is valid; whose it is, is not told."
    return VatLookup(VatStatus.VALID, message, name=" ".join(name.split())[:200], address=address[:1000])


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _error_code(body: dict[str, Any]) -> str | None:
    """The error code in an answer; VIES writes it in one of two places."""
    wrappers = body.get("errorWrappers")
    if isinstance(wrappers, list) and wrappers and isinstance(wrappers[0], dict):
        return str(wrappers[0].get("error") or "ERROR")[:60]
    if body.get("actionSucceed") is False:
        return "ERROR"
    user_error = body.get("userError")
    return str(user_error)[:60] if user_error not in (None, "", "VALID", "INVALID") else None


def _disclosed(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    return "" if text == UNDISCLOSED else text
