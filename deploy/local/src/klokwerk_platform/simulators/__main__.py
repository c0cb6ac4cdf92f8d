"""``python -m klokwerk_platform.simulators``: all simulators in one process, each on its own port.

Ports come from ``KLOKWERK_PORT_ACCESS_POINT`` and so on for each of `SIMULATORS`; ``KLOKWERK_HOST`` is the address
to listen on (127.0.0.1).
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
import sys

from fastapi import FastAPI

from klokwerk_platform.http_server import serving, wait_for_stop
from klokwerk_platform.simulators.behaviour import simulator_app

SIMULATORS = {
    "access_point": "Access point (simulated)",
    "print_service": "Print service (simulated)",
    "exact_online": "Exact Online (simulated)",
    "vies": "VIES (simulated)",
    "moneybird": "Moneybird (simulated)",
    "mailchimp": "Mailchimp (simulated)",
}


def create(module: str) -> FastAPI:
    """The app of one simulator, or a bare one that only records where its module isn't installed."""
    name = f"klokwerk_platform.simulators.{module}"
    if importlib.util.find_spec(name) is None:
        return simulator_app(module, f"{SIMULATORS[module]}, without routes")
    app: FastAPI = importlib.import_module(name).create_app()
    return app


def _port(module: str) -> int:
    variable = f"KLOKWERK_PORT_{module.upper()}"
    try:
        return int(os.environ[variable])
    except (KeyError, ValueError):
        sys.exit(f"{variable} must hold the port on which the simulator {module} listens.")


async def main() -> None:
    apps = [(create(module), _port(module)) for module in SIMULATORS]
    async with serving(apps, os.environ.get("KLOKWERK_HOST", "127.0.0.1")):
        await wait_for_stop()


if __name__ == "__main__":
    asyncio.run(main())
