"""Simulator of VIES, the European Commission's check of VAT numbers, as its REST interface answers.

``POST /check-vat-number`` takes ``{"countryCode", "vatNumber"}``. A number that is registered here is valid, any
other is not; Germany and Spain never tell names, as in reality. ``PUT /_registered/{vat_number}`` registers one,
``PUT /_errors`` makes a member state, or all of them (``*``), answer with one of the real error codes.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from klokwerk_platform.simulators.behaviour import Store, simulator_app

MEMBER_STATES = frozenset({
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FI", "FR", "HR", "HU",
    "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK", "XI",
})  # fmt: skip
_SILENT = frozenset({"DE", "ES"})
"""Member states that confirm a number without telling whose it is."""

_UNDISCLOSED = "---"
_THINKING_SECONDS = 0.05


class ViesError(StrEnum):
    """Codes with which VIES refuses or fails."""

    INVALID_INPUT = "INVALID_INPUT"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    MS_UNAVAILABLE = "MS_UNAVAILABLE"
    TIMEOUT = "TIMEOUT"
    VAT_BLOCKED = "VAT_BLOCKED"
    IP_BLOCKED = "IP_BLOCKED"
    GLOBAL_MAX_CONCURRENT_REQ = "GLOBAL_MAX_CONCURRENT_REQ"
    MS_MAX_CONCURRENT_REQ = "MS_MAX_CONCURRENT_REQ"


class Errors(BaseModel):
    """Which member states fail, with what, how often (none: until told otherwise) and with which HTTP status.

    With ``at_once`` set, more questions than that under way at one moment get ``MS_MAX_CONCURRENT_REQ``.
    """

    by_country: dict[str, ViesError] = Field(default_factory=dict)
    times: int | None = Field(None, ge=1)
    status: int = Field(200, ge=200, le=599)
    at_once: int | None = Field(None, ge=1)


class Registered(BaseModel):
    """Who has a VAT number; the address as the member state writes it, lines parted by line feeds."""

    name: str
    address: str


class Query(BaseModel):
    """What is asked."""

    countryCode: str = ""  # noqa: N815 - the name in the protocol
    vatNumber: str = ""  # noqa: N815


_AT_FIRST = {
    "NL999000010B17": Registered(
        name="VIS BLOEMEN KATWIJK B.V.", address="\nHARINGKADE 00012\n2225AA KATWIJK\n"
    ),
    "BE0777777177": Registered(name="BV Fleurs d'Anvers", address="Bloemenmarkt 7\n2000 Antwerpen"),
    "SE559900001401": Registered(
        name="Blomsterhandeln Sjöberg AB", address="ÖSTRA FÖRSTADSGATAN 5 \n211 31 MALMÖ"
    ),
}


def create_app() -> FastAPI:
    """VIES as an app."""
    registered: Store[Registered] = Store("vies_registered", Registered)
    for number, entry in _AT_FIRST.items():
        if number not in registered:
            registered.put(number, entry)
    app = simulator_app("vies", "VIES (simulated)", {"registered": registered})
    app.state.errors = Errors()
    app.state.under_way = 0

    @app.put("/_registered/{vat_number}", tags=["control"], status_code=204)
    async def register(vat_number: str, entry: Registered) -> None:
        registered.put(vat_number.upper(), entry)

    @app.put("/_errors", tags=["control"])
    async def set_errors(errors: Errors) -> Errors:
        app.state.errors = errors
        return errors

    @app.post("/check-vat-number")
    async def check(query: Query) -> JSONResponse:
        country, number = query.countryCode.upper(), query.vatNumber.strip()
        if country not in MEMBER_STATES or not number.isalnum():
            return _failure(ViesError.INVALID_INPUT, 400)
        if (error := _error_for(app, country)) is not None:
            return error
        app.state.under_way += 1
        try:
            if (most := app.state.errors.at_once) is not None:
                if app.state.under_way > most:
                    return _failure(ViesError.MS_MAX_CONCURRENT_REQ, app.state.errors.status)
                await asyncio.sleep(_THINKING_SECONDS)  # a member state takes its time
            return JSONResponse(_answer(country, number, registered.get(country + number.upper())))
        finally:
            app.state.under_way -= 1

    return app


def _error_for(app: FastAPI, country: str) -> JSONResponse | None:
    errors: Errors = app.state.errors
    code = errors.by_country.get(country) or errors.by_country.get("*")
    if code is None:
        return None
    if errors.times is not None:
        left = errors.times - 1
        app.state.errors = errors.model_copy(update={"times": left}) if left else Errors()
    return _failure(code, errors.status)


def _failure(code: ViesError, status: int) -> JSONResponse:
    return JSONResponse({"actionSucceed": False, "errorWrappers": [{"error": code.value}]}, status)


def _answer(country: str, number: str, found: Registered | None) -> dict[str, Any]:
    told = found is not None and country not in _SILENT
    trader = ("traderName", "traderStreet", "traderPostalCode", "traderCity", "traderCompanyType")
    return {
        "countryCode": country,
        "vatNumber": number,
        "requestDate": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "valid": found is not None,
        "requestIdentifier": "",
        "name": found.name if found and told else _UNDISCLOSED,
        "address": found.address if found and told else _UNDISCLOSED,
        **dict.fromkeys(trader, _UNDISCLOSED),
        **dict.fromkeys((f"{name}Match" for name in trader), "NOT_PROCESSED"),
    }
