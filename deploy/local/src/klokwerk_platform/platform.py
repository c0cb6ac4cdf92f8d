"""The whole platform as an object: servers, databases, topics and services, started and stopped together.

``klokwerk up`` runs one; the demo, the system tests and the fault tests run theirs::

    async with Platform(folder) as platform:
        platform.kill("ekt-service")
        await platform.wait_ready("ekt-service")
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from klokwerk.kafka import KafkaAddress

from klokwerk_platform import kafka, postgres
from klokwerk_platform.databases import bring_up_to_date, make_database
from klokwerk_platform.processes import PlatformError, Program
from klokwerk_platform.readiness import wait_until_ready
from klokwerk_platform.secrets_file import Secrets, load_secrets
from klokwerk_platform.servers import RunningServers, Say, Servers, say_nothing, start_servers
from klokwerk_platform.services import (
    ADMIN_USER,
    BACK_OFFICE,
    BY_NAME,
    CLIENT_NAME,
    SERVICES,
    Service,
    Surroundings,
    environment,
)
from klokwerk_platform.state import Address, Directory, StateFolder
from klokwerk_platform.supervision import Replica, Supervision
from klokwerk_platform.topics import apply_topics

__all__ = ["Platform", "PlatformError"]

_STOP_SECONDS = 45


class Platform:
    """One platform on one state folder.

    Args:
        state: folder for data, logs and addresses; made when it isn't there.
        brokers: how many Kafka brokers (3 for tests that kill one).
        services: names of the services to run; all by default, none for the servers only.
        hasty: give up PostgreSQL's safety against a crash of the machine, for speed in tests.
        customer: also start a customer's own SFTP, FTPS and web server.
        restart: start a service again when it ends by itself or is killed (five times in five minutes).
        prefix: put before topics, groups and databases, for a platform on servers shared with others.
        say: takes lines about the progress.

    Servers whose address stands in the environment (``KLOKWERK_KAFKA`` and so on) are used, not started.
    Create and start it in the main thread: Linux ends our children when the thread that started them ends.
    """

    def __init__(
        self,
        state: Path,
        *,
        brokers: int = 1,
        services: Iterable[str] | None = None,
        hasty: bool = False,
        customer: bool = False,
        restart: bool = True,
        prefix: str | None = None,
        say: Say = say_nothing,
    ) -> None:
        self._state = StateFolder(state)
        self._brokers = brokers
        self._wanted = _known(services)
        self._hasty = hasty
        self._customer = customer
        self._restart = restart
        self._prefix = os.environ.get("KLOKWERK_TOPIC_PREFIX", "") if prefix is None else prefix
        self._say = say
        self._secrets: Secrets | None = None
        self._running: RunningServers | None = None
        self._supervision = Supervision(self._note, say)
        self._directory = Directory(os.getpid())
        self._urls: dict[str, str] = {}
        self._database_urls: dict[str, str] = {}

    async def __aenter__(self) -> Platform:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # --- what callers ask -----------------------------------------------------------------------------------

    @property
    def state(self) -> Path:
        return self._state.path

    @property
    def customer(self) -> dict[str, str]:
        """Addresses of a customer's own servers by protocol; empty where none were asked for."""
        return self._started.customer

    @property
    def servers(self) -> Servers:
        """Addresses of the servers."""
        return self._started.addresses

    @property
    def secrets(self) -> Secrets:
        if self._secrets is None:
            raise PlatformError("The platform isn't started.")
        return self._secrets

    @property
    def prefix(self) -> str:
        """What stands before topic, group and database names."""
        return self._prefix

    def url(self, service: str) -> str:
        """Address of the first replica of a service."""
        return self.urls(service)[0]

    def urls(self, service: str) -> list[str]:
        """Addresses of all replicas of a service."""
        return [replica.url for replica in self._supervision.of(service)]

    def pid(self, service: str, replica: int = 0) -> int:
        """Process id of a replica."""
        return self._supervision.of(service)[replica].program.pid

    def environment_of(self, service: str) -> dict[str, str]:
        """Environment of a service's first replica, to run its own commands with."""
        return dict(self._supervision.first(service).env)

    # --- what the fault tests do ----------------------------------------------------------------------------

    def kill(self, service: str, replica: int | None = None) -> None:
        """kill -9 one replica of a service, or all; it comes back by itself when ``restart`` is on."""
        self._supervision.kill(service, replica)

    async def restart(self, service: str) -> None:
        """Start the replicas of a service that don't run, and wait until they are ready."""
        await self._supervision.restart(service)

    async def stop_service(self, service: str) -> None:
        """Stop a service as an operator would (SIGTERM); it stays away until ``restart``."""
        await self._supervision.stop_service(service)

    async def scale(self, service: str, replicas: int) -> None:
        """Run so many replicas of a service, each on a port of its own, and wait until they are ready."""
        while len(self._supervision.of(service)) > replicas:
            await self._supervision.drop_last(service)
        new = [
            self._replica(BY_NAME[service], number, self._state.port(f"{service}-{number}"))
            for number in range(len(self._supervision.of(service)) + 1, replicas + 1)
        ]
        await asyncio.gather(*(self._supervision.add(replica) for replica in new))

    async def wait_ready(self, service: str | None = None, seconds: float = 60) -> None:
        """Wait until every replica (of one service) is ready. Raises ``TimeoutError`` with the log's end."""
        names = [service] if service else [each.name for each in self._wanted]
        replicas = [replica for name in names for replica in self._supervision.of(name)]
        await asyncio.gather(*(wait_until_ready(replica, seconds) for replica in replicas))

    def kill_broker(self, node: int) -> None:
        """kill -9 one Kafka broker (from 1)."""
        self._started.programs[f"kafka-{node}"].kill()

    async def start_broker(self, node: int) -> None:
        """Start a broker that was killed."""
        self._started.programs[f"kafka-{node}"] = kafka.start_broker(
            self.state, self._started.kafka_class_path, node
        )
        self._note()

    def kill_postgres(self) -> None:
        """kill -9 PostgreSQL; only for a platform that started it."""
        self._started.programs["postgres"].kill()

    async def start_postgres(self) -> None:
        """Start PostgreSQL again, on the same port, after it was killed."""
        port = urlsplit(self.servers.admin_database_url).port or 0
        server = await postgres.start_postgres(self.state, port, hasty=self._hasty)
        self._started.programs["postgres"] = server.program
        self._note()

    def failed_server(self) -> Program | None:
        """A server that ended by itself, if one did."""
        programs = self._running.programs.values() if self._running else ()
        return next((program for program in programs if not program.running), None)

    # --- start and stop -------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start everything; when anything fails nothing is left running.

        Raises:
            AlreadyRunningError: another supervisor runs on the state folder.
            PortRefusedError: a port that was asked for can't be had.
            JarError, ProgramEndedError, TimeoutError, PlatformError: with what to do, or the log's end.
        """
        self._state.lock()
        try:
            self._secrets = load_secrets(self.state)
            self._running = await start_servers(
                self.state,
                brokers=self._brokers,
                hasty=self._hasty,
                customer=self._customer,
                say=self._say,
                port=self._state.port,
            )
            self._note()
            await apply_topics(KafkaAddress(self.servers.kafka, self._prefix), say=self._say)
            if self._wanted:
                await self._start_services()
            self._directory.ready = True
            self._note()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop the services first, then the servers they stand on."""
        self._say("Stopping")
        await self._supervision.stop(_STOP_SECONDS)
        if self._running is not None:
            await self._running.stop()
            self._running = None
        self._directory = Directory(os.getpid())
        if self._secrets is not None:
            self._state.write_directory(self._directory)
        self._state.note_processes([])
        self._state.unlock()

    async def _start_services(self) -> None:
        ports = {each.name: self._state.port(each.name) for each in SERVICES}
        self._urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        (self.state / "exports").mkdir(exist_ok=True)
        await asyncio.gather(*(self._start_service(each, ports[each.name]) for each in self._wanted))
        if self._restart:
            self._supervision.watch()

    async def _start_service(self, service: Service, port: int) -> None:
        if importlib.util.find_spec(f"{service.package}.__main__") is None:
            raise PlatformError(f"The package {service.package} can't be run. Install it with `make setup`.")
        password = self.secrets.key_for(f"database/{service.name}")
        url = await make_database(self.servers.admin_database_url, service, password, self._prefix)
        self._database_urls[service.name] = url
        replica = self._replica(service, 1, port)
        if await bring_up_to_date(service, url, replica.env, replica.log):
            self._say(f"{service.name}: the database was brought to its newest version")
        await self._supervision.add(replica)
        self._say(f"{service.name} is ready at {replica.url}")

    def _replica(self, service: Service, number: int, port: int) -> Replica:
        around = Surroundings(self.state, self.servers, self.secrets, self._urls, self._prefix)
        env = dict(os.environ) | environment(service, self._database_urls[service.name], around)
        env |= {"KLOKWERK_HOST": "127.0.0.1", "KLOKWERK_PORT": str(port), "PYTHONUNBUFFERED": "1"}
        suffix = "" if number == 1 else f"-{number}"
        return Replica(
            service=service.name,
            number=number,
            command=[sys.executable, "-m", service.package, "serve"],
            env=env,
            log=self._state.logs / f"{service.name}{suffix}.log",
            url=f"http://127.0.0.1:{port}",
        )

    # --- what is written down -------------------------------------------------------------------------------

    @property
    def _started(self) -> RunningServers:
        if self._running is None:
            raise PlatformError("The platform isn't started.")
        return self._running

    def _note(self) -> None:
        """Write the directory and the list of processes anew."""
        if self._running is None:
            return
        servers = self._running.programs
        replicas = self._supervision.all()
        self._directory.addresses = [
            *_server_addresses(self.servers, servers, " ".join(self.customer.values())),
            *(replica.as_address() for replica in replicas),
        ]
        self._directory.env = self.servers.as_env() | {"KLOKWERK_TOPIC_PREFIX": self._prefix}
        self._directory.env["KLOKWERK_CLOCK_FILE"] = str(self.state / "clock.json")
        for replica in replicas:
            if replica.number == 1:
                name = BY_NAME[replica.service].url_variable or "KLOKWERK_BACK_OFFICE_URL"
                self._directory.env[name] = replica.url
                if replica.service == BACK_OFFICE:
                    self._directory.env |= {
                        "KLOKWERK_ADMIN_USER": ADMIN_USER,
                        "KLOKWERK_ADMIN_PASSWORD": self.secrets.admin_password,
                        "KLOKWERK_CLIENT_ID": CLIENT_NAME,
                        "KLOKWERK_CLIENT_SECRET": self.secrets.client_secret,
                    }
        self._state.write_directory(self._directory)
        programs = [*servers.values(), *(each.program for each in replicas if each.has_program)]
        self._state.note_processes(programs)


def _known(services: Iterable[str] | None) -> list[Service]:
    if services is None:
        return list(SERVICES)
    names = list(services)
    unknown = sorted(set(names) - set(BY_NAME))
    if unknown:
        raise ValueError(f"There is no service {', '.join(unknown)}; there are {', '.join(BY_NAME)}.")
    return [BY_NAME[name] for name in names]


def _server_addresses(servers: Servers, programs: dict[str, Program], customer: str) -> list[Address]:
    shown = {
        "postgres": servers.admin_database_url.rpartition("@")[2],
        "mail": f"{servers.mail_api} (SMTP {servers.smtp})",
        "simulators": " ".join(
            (
                servers.access_point_url,
                servers.print_service_url,
                servers.exact_url,
                servers.vies_url,
                servers.mailchimp_url,
                servers.moneybird_url,
            )
        ).rstrip(),
    }
    if customer:
        shown["customer"] = customer
    addresses = []
    brokers = servers.kafka.split(",")
    kafka_programs = [name for name in programs if name.startswith("kafka-")]
    if not kafka_programs:
        addresses.append(Address("kafka", servers.kafka))
    for name, broker in zip(sorted(kafka_programs), brokers, strict=False):
        addresses.append(Address(name, broker, programs[name].pid, programs[name].started_at))
    for name, address in shown.items():
        program = programs.get(name)
        addresses.append(
            Address(name, address, program.pid, program.started_at) if program else Address(name, address)
        )
    return addresses
