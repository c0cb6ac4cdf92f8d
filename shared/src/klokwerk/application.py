"""Builds a service from its parts, and runs it: API, consumers, relay, workers, health, metrics.

A service starts whether or not its database and broker are there. It reports "not ready" and why, and goes on
by itself when they come back. It stops in the order that loses nothing: not ready any more, consumers (the
batch in hand is finished and committed), workers (what is under way is finished and recorded), relay (what the
two wrote is sent), HTTP, database.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import uuid4

import sqlalchemy as sa
import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from klokwerk import access, telemetry
from klokwerk.clock import Clock, SystemClock
from klokwerk.consume import Consumers, Subscription
from klokwerk.database import Database, head_revision, is_transient, schema_revision
from klokwerk.http import problems
from klokwerk.http.limits import MOST_BYTES, BodyLimit
from klokwerk.kafka import KafkaAddress
from klokwerk.outbox import Relay
from klokwerk.settings import Role, ServiceSettings

log = telemetry.get_logger(__name__)


class Worker(Protocol):
    """Something that runs beside the API until it is told to stop."""

    name: str

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then finish what is in hand and return."""
        ...


@dataclass(slots=True)
class Parts:
    """What a service consists of.

    Attributes:
        name: e.g. ``ekt-service``; also the consumer group.
        package: import name, where the migrations are.
        routers: mounted below ``/v1``, each route with its roles.
        subscriptions: topics and their handlers.
        workers: run in processes with the role ``workers``, as the relay does.
        open_routers: routes outside ``/v1`` that need no token (pages with a session of their own).
        on_ready: called once when the database is there and migrated, before consumers and workers start.
        state: put on ``app.state`` for the routes.
        larger_bodies: paths (regular expressions) that take more than `most_body_bytes`, with how much.
    """

    name: str
    package: str
    settings: ServiceSettings
    database: Database
    clock: Clock
    routers: Sequence[APIRouter] = ()
    subscriptions: Sequence[Subscription[Any]] = ()
    workers: Sequence[Worker] = ()
    open_routers: Sequence[APIRouter] = ()
    publishes: bool = True
    on_ready: Callable[[], Awaitable[None]] | None = None
    close: Sequence[Callable[[], Awaitable[None]]] = ()
    state: dict[str, Any] = field(default_factory=dict)
    most_body_bytes: int = MOST_BYTES
    larger_bodies: Mapping[str, int] = field(default_factory=dict)
    verifier: access.Verifier | None = None


def clock_of(settings: ServiceSettings) -> Clock:
    """The clock that the settings ask for."""
    return SystemClock(settings.zone, settings.clock_file)


@dataclass(slots=True)
class Runtime:
    """The parts of a service that run: what `Parts` names, supervised."""

    parts: Parts
    consumers: Consumers | None = None
    database_trouble: str = "not checked yet"
    stopping: bool = False
    _tasks: dict[str, tuple[asyncio.Event, asyncio.Task[None]]] = field(default_factory=dict)
    _starter: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start in the background; the API answers meanwhile."""
        self._starter = asyncio.create_task(self._start())

    async def _start(self) -> None:
        parts, settings = self.parts, self.parts.settings
        await self._wait_for_database()
        if parts.on_ready is not None:
            await _until_it_works("on_ready", parts.on_ready)
        kafka = KafkaAddress.of(settings)
        if settings.runs(Role.WORKERS):
            if parts.publishes:
                self._run(Relay(parts.database.url, kafka))
            for worker in parts.workers:
                self._run(worker)
        if settings.runs(Role.CONSUMERS) and parts.subscriptions:
            self.consumers = Consumers(kafka, parts.database, parts.name, parts.subscriptions)
            self._run(self.consumers)

    async def _wait_for_database(self) -> None:
        pause = 0.2
        head = head_revision(self.parts.package)
        while True:
            try:
                async with asyncio.timeout(10), self.parts.database.connect() as connection:
                    found = await schema_revision(connection)
                if found == head:
                    self.database_trouble = ""
                    return
                self.database_trouble = (
                    f"the schema is at {found or 'nothing'}, this version needs {head}: "
                    f"run python -m {self.parts.package} migrate"
                )
            except Exception as error:
                self.database_trouble = f"the database does not answer: {error!r}"
            log.warning("waiting_for_database", why=self.database_trouble)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)

    def _run(self, worker: Worker) -> None:
        stop = asyncio.Event()
        self._tasks[worker.name] = (stop, asyncio.create_task(_supervise(worker, stop), name=worker.name))

    async def end(self) -> None:
        """Stop everything in the order that loses nothing."""
        self.stopping = True
        if self._starter is not None:
            self._starter.cancel()
        first = [name for name in self._tasks if name == "consumers"]
        last = [name for name in self._tasks if name == "outbox-relay"]
        middle = [name for name in self._tasks if name not in (*first, *last)]
        for names in (first, middle, last):
            tasks = []
            for name in names:
                stop, task = self._tasks[name]
                stop.set()
                tasks.append(task)
            if tasks:
                _, pending = await asyncio.wait(tasks, timeout=40)
                for task in pending:
                    log.error("worker_did_not_stop", worker=task.get_name())
                    task.cancel()
        for close in self.parts.close:
            await close()
        await self.parts.database.close()

    async def trouble(self) -> list[str]:
        """Why this process is not ready; empty when it is."""
        found = []
        if self.stopping:
            found.append("stopping")
        if self.database_trouble:
            return [*found, self.database_trouble]
        try:
            await self.parts.database.ping()
        except Exception as error:
            found.append(f"the database does not answer: {error!r}")
        if self.consumers is not None and not self.consumers.started:
            found.append(f"not consuming: {self.consumers.trouble}")
        if self._starter is not None and not self._starter.done():
            found.append("still starting")
        return found


async def _supervise(worker: Worker, stop: asyncio.Event) -> None:
    """Run `worker`, and again when it falls over, with back-off."""
    pause = 0.5
    while not stop.is_set():
        began = time.monotonic()
        try:
            await worker.run(stop)
            if stop.is_set():
                return
            log.warning("worker_returned", worker=worker.name)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            telemetry.WORKER_RESTARTS.labels(worker.name).inc()
            report = log.warning if is_transient(error) else log.exception
            report("worker_fell_over", worker=worker.name, error=repr(error), again_in=pause)
        if time.monotonic() - began > 60:
            pause = 0.5
        try:
            async with asyncio.timeout(pause):
                await stop.wait()
        except TimeoutError:
            pass
        pause = min(pause * 2, 15.0)


async def _until_it_works(what: str, action: Callable[[], Awaitable[None]]) -> None:
    pause = 0.2
    while True:
        try:
            await action()
        except Exception as error:
            log.warning("start_step_failed", step=what, error=repr(error), again_in=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)
        else:
            return


def build(parts: Parts) -> FastAPI:
    """The ASGI app of a service.

    Raises:
        RuntimeError: a ``/v1`` route does not say who may use it.
    """
    settings = parts.settings
    runtime = Runtime(parts)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            runtime.begin()
            stack.push_async_callback(runtime.end)
            yield

    app = FastAPI(title=f"Klokwerk {parts.name}", version="1", lifespan=lifespan, redoc_url=None)
    app.state.runtime = runtime
    app.state.database = parts.database
    app.state.clock = parts.clock
    app.state.verifier = parts.verifier or access.Verifier(
        settings.issuer,
        access.RemoteKeys(settings.jwks_url or settings.issuer.rstrip("/") + "/.well-known/jwks.json"),
    )
    for name, value in parts.state.items():
        setattr(app.state, name, value)
    problems.install(app)
    app.add_middleware(BodyLimit, most=parts.most_body_bytes, larger=parts.larger_bodies)
    app.middleware("http")(_observe)
    _add_health(app, runtime)
    if settings.runs(Role.API):
        for router in parts.routers:
            app.include_router(router, prefix="/v1")
        for router in parts.open_routers:
            app.include_router(router)
    access.check_routes(app)
    return app


async def _observe(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Give every request a correlation id that logs, audit rows, problems and the answer share; time it."""
    correlation = request.headers.get("x-correlation-id", "")[:64] or uuid4().hex
    structlog.contextvars.bind_contextvars(correlation_id=correlation)
    began = time.perf_counter()
    try:
        response = await call_next(request)
    finally:
        structlog.contextvars.unbind_contextvars("correlation_id", "person")
    route = getattr(request.scope.get("route"), "path", "-")
    telemetry.HTTP_SECONDS.labels(request.method, route, str(response.status_code)).observe(
        time.perf_counter() - began
    )
    response.headers["X-Correlation-Id"] = correlation
    return response


def _add_health(app: FastAPI, runtime: Runtime) -> None:
    @app.get("/health/live", include_in_schema=False)
    async def live() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/health/ready", include_in_schema=False)
    async def ready(response: Response) -> dict[str, Any]:
        trouble = await runtime.trouble()
        response.status_code = 503 if trouble else 200
        return {"status": "not ready" if trouble else "ready", "why": trouble}

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        if runtime.parts.publishes and not runtime.database_trouble:
            await _measure_outbox(runtime.parts.database)
        return Response(generate_latest(telemetry.REGISTRY), media_type=CONTENT_TYPE_LATEST)


_OUTBOX = sa.text(
    "select count(*), coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0) from outbox"
)


async def _measure_outbox(database: Database) -> None:
    """Depth and age from any process, so that an outbox without a leader shows too."""
    try:
        async with asyncio.timeout(2), database.connect() as connection:
            depth, age = (await connection.execute(_OUTBOX)).one()
    except Exception as error:
        log.warning("outbox_not_measured", error=repr(error))
        return
    telemetry.OUTBOX_DEPTH.set(depth)
    telemetry.OUTBOX_AGE.set(float(age))
