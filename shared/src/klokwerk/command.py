"""The command line of every service: ``python -m <package> serve`` and ``python -m <package> migrate``."""

from __future__ import annotations

import asyncio
import gc
import importlib
import sys
from collections.abc import Callable, Mapping, Sequence

from klokwerk import telemetry
from klokwerk.database import Database
from klokwerk.settings import ServiceSettings, load

Command = Callable[[Sequence[str]], int]


def run(
    name: str,
    package: str,
    settings: type[ServiceSettings],
    app: str,
    extra: Mapping[str, Command] | None = None,
) -> None:
    """Do what the command line asks, and exit with its status.

    Args:
        name: the service's name in logs and traces.
        package: import name, where the migrations are.
        settings: the service's settings.
        app: ``module:function`` that builds the app from its settings; imported by ``serve`` alone, since it takes
            most of the time that a migration would need to start.
        extra: further commands by name; each gets the remaining arguments and gives the exit status.
    """
    commands = {"serve", "migrate", *(extra or {})}
    chosen, *rest = sys.argv[1:] or ["serve"]
    if chosen not in commands:
        sys.stderr.write(f"usage: python -m {package} {{{'|'.join(sorted(commands))}}}\n")
        raise SystemExit(2)
    if extra and chosen in extra:
        raise SystemExit(extra[chosen](rest))
    values = load(settings)
    telemetry.configure_logging(name, values.log_level)
    if chosen == "migrate":
        asyncio.run(_migrate(values, package))
        return
    telemetry.configure_tracing(name, values.otlp_endpoint)
    _serve(app, values)


def _serve(app: str, values: ServiceSettings) -> None:
    uvicorn = importlib.import_module("uvicorn")
    module, _, function = app.partition(":")
    create = getattr(importlib.import_module(module), function)
    built = create(values)
    calm_collector()
    uvicorn.run(
        built,
        host=values.host,
        port=values.port,
        loop="uvloop",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=60,
        server_header=False,
    )


def calm_collector() -> None:
    """Keep the garbage collector from walking again and again through what startup left for good.

    Hundreds of thousands of objects of imported modules never go away; a full collection among them takes a
    tenth of a second, and a stream of events brings one about several times a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


async def _migrate(values: ServiceSettings, package: str) -> None:
    migrate = importlib.import_module("klokwerk.migration").migrate
    database = Database(str(values.database_url))
    try:
        await migrate(database, package)
    finally:
        await database.close()
