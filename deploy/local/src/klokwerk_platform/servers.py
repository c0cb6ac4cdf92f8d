"""The servers that the services stand on: PostgreSQL, Kafka, the mail sink and the simulators.

Each is started unless its address stands in the environment; then the one at that address is used.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path

import httpx

from klokwerk_platform import kafka, kafka_jars, postgres, processes
from klokwerk_platform.ports import listens, port_for
from klokwerk_platform.processes import Program

_START_SECONDS = 30
_USERS_OF_NOTHING = ("mail", "simulators", "customer")
SIMULATORS = ("access-point", "print-service", "exact-online", "vies", "moneybird", "mailchimp")

Say = Callable[[str], None]
"""Takes one line about what goes on."""

ChoosePort = Callable[[str], int]
"""Gives the port on which the server of this name is to listen."""


def say_nothing(_line: str) -> None:
    """For callers that don't want to hear."""


@dataclass(frozen=True)
class Servers:
    """Where everything listens.

    Attributes:
        vies_url: VIES or its simulator; may be empty, since looking up VAT numbers can be left out.
        moneybird_url: Moneybird's API or its simulator; may be empty, since Exact Online is enough for most.
        pop3: where the mail sink's bounces are read; empty for another mail server.
        mailchimp_url: the simulator of Mailchimp; empty where the real one is used.
    """

    admin_database_url: str
    kafka: str
    smtp: str
    mail_api: str
    access_point_url: str
    print_service_url: str
    exact_url: str
    vies_url: str = ""
    moneybird_url: str = ""
    pop3: str = ""
    mailchimp_url: str = ""

    def as_env(self) -> dict[str, str]:
        """The addresses under the names the environment uses, such as ``KLOKWERK_KAFKA``."""
        return {variable(each.name): getattr(self, each.name) for each in fields(self)}

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Servers:
        """The addresses in the environment. Raises ``LookupError`` naming what is missing."""
        missing = [
            variable(each.name)
            for each in fields(cls)
            if each.default is MISSING and not env.get(variable(each.name))
        ]
        if missing:
            raise LookupError(f"Set {', '.join(missing)} to the addresses of the running servers.")
        return cls(**{each.name: env.get(variable(each.name), "") for each in fields(cls)})


def variable(name: str) -> str:
    """The environment variable of a field of :class:`Servers`."""
    return f"KLOKWERK_{name.upper()}"


@dataclass
class RunningServers:
    """What was started here, beside the addresses of all servers, started or given."""

    addresses: Servers
    programs: dict[str, Program] = field(default_factory=dict)
    kafka_class_path: str = ""
    customer: dict[str, str] = field(default_factory=dict)
    """Addresses of the customer's servers by protocol, where they were asked for."""

    async def stop(self) -> None:
        """Stop what was started: first what uses others, then the stores."""
        await asyncio.gather(
            *(program.stop() for name, program in self.programs.items() if name in _USERS_OF_NOTHING)
        )
        await asyncio.gather(*(program.stop() for program in self.programs.values()))


async def start_servers(
    state: Path,
    *,
    brokers: int = 1,
    hasty: bool = False,
    customer: bool = False,
    say: Say = say_nothing,
    port: ChoosePort = port_for,
) -> RunningServers:
    """Start what isn't given in the environment, side by side; on any failure stop it all again.

    ``hasty`` trades safety against a crash of the machine for speed (tests). ``customer`` adds a customer's own
    SFTP, FTPS and web server, for trying out how EKTs get there.
    """
    running = RunningServers(Servers("", "", "", "", "", "", ""))
    starts: dict[str, Callable[[], Awaitable[dict[str, str]]]] = {
        "postgres": lambda: _postgres(state, running, port, hasty=hasty, say=say),
        "kafka": lambda: _kafka(state, running, port, brokers=brokers, say=say),
        "mail": lambda: _mail(state, running, port, say),
        "simulators": lambda: _simulators(state, running, port, say),
    }
    given = {each.name: os.environ.get(variable(each.name), "") for each in fields(Servers)}
    wanted = {
        "postgres": ("admin_database_url",),
        "kafka": ("kafka",),
        "mail": ("smtp",),
        "simulators": (
            "access_point_url",
            "print_service_url",
            "exact_url",
            "vies_url",
            "moneybird_url",
            "mailchimp_url",
        ),
    }
    tasks = [
        asyncio.ensure_future(starts[server]())
        for server, names in wanted.items()
        if not all(given[name] for name in names)
    ]
    if customer:
        tasks.append(asyncio.ensure_future(start_customer(state, running, port, say)))
    try:
        for found in await asyncio.gather(*tasks):
            given |= {name: address for name, address in found.items() if not given[name]}
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for program in running.programs.values():
            program.kill()
        raise
    running.addresses = Servers(**given)
    return running


async def _postgres(
    state: Path, running: RunningServers, port: ChoosePort, *, hasty: bool, say: Say
) -> dict[str, str]:
    say("Starting PostgreSQL")
    server = await postgres.start_postgres(
        state, port("postgres"), hasty=hasty, started=lambda program: _note(running, "postgres", program)
    )
    say("PostgreSQL is ready")
    return {"admin_database_url": server.admin_url}


async def _kafka(
    state: Path, running: RunningServers, port: ChoosePort, *, brokers: int, say: Say
) -> dict[str, str]:
    def progress(done: int, needed: int) -> None:
        if done % 10 == 0 or done == needed:
            say(f"Kafka: {done} of {needed} jars are there and checked")

    running.kafka_class_path = await asyncio.to_thread(kafka_jars.kafka_class_path, None, progress)
    say(f"Starting Kafka ({brokers} broker{'s' if brokers > 1 else ''})")
    ports = [port("kafka" if node == 1 else f"kafka-{node}") for node in range(1, brokers + 1)]
    controllers = [port(f"kafka-controller-{node}") for node in range(1, brokers + 1)]
    servers = await kafka.start_kafka(
        state,
        running.kafka_class_path,
        ports,
        controllers,
        started=lambda node, program: _note(running, f"kafka-{node}", program),
    )
    say("Kafka is ready")
    return {"kafka": servers.bootstrap}


async def _mail(state: Path, running: RunningServers, port: ChoosePort, say: Say) -> dict[str, str]:
    smtp, web, pop3 = port("smtp"), port("mail-web"), port("mail-pop3")
    env = os.environ | {
        "KLOKWERK_PORT_SMTP": str(smtp),
        "KLOKWERK_PORT_MAIL_WEB": str(web),
        "KLOKWERK_PORT_MAIL_POP3": str(pop3),
        "KLOKWERK_MAIL_FOLDER": str(state / "mail"),
    }
    program = processes.start(
        "Mail sink",
        [sys.executable, "-m", "klokwerk_platform.mail"],
        log=state / "logs" / "mail.log",
        env=env,
    )
    _note(running, "mail", program)
    await _wait_for_http(program, [f"http://127.0.0.1:{web}/health"], [smtp, pop3])
    say("The mail sink is ready")
    return {
        "smtp": f"127.0.0.1:{smtp}",
        "mail_api": f"http://127.0.0.1:{web}",
        "pop3": f"127.0.0.1:{pop3}",
    }


async def _simulators(state: Path, running: RunningServers, port: ChoosePort, say: Say) -> dict[str, str]:
    ports = {name: port(name) for name in SIMULATORS}
    program = await start_simulators(state, ports)
    _note(running, "simulators", program)
    say("The simulators are ready")
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    return {
        "access_point_url": urls["access-point"],
        "print_service_url": urls["print-service"],
        "exact_url": urls["exact-online"],
        "vies_url": urls["vies"],
        "mailchimp_url": f"{urls['mailchimp']}/3.0",
        "moneybird_url": f"{urls['moneybird']}/api/v2",
    }


async def start_simulators(state: Path, ports: Mapping[str, int]) -> Program:
    """Start the process of the simulators on these ports (``access-point`` and so on) and await it."""
    env = dict(os.environ) | {
        "KLOKWERK_SIMULATOR_STATE": str(state / "simulators"),
        # A token that ages on our moved clock has to age on theirs.
        "KLOKWERK_CLOCK_FILE": str(state / "clock.json"),
    }
    env |= {f"KLOKWERK_PORT_{name.upper().replace('-', '_')}": str(port) for name, port in ports.items()}
    program = processes.start(
        "Simulators",
        [sys.executable, "-m", "klokwerk_platform.simulators"],
        log=state / "logs" / "simulators.log",
        env=env,
    )
    try:
        await _wait_for_http(program, [f"http://127.0.0.1:{port}/_health" for port in ports.values()])
    except BaseException:
        program.kill()
        raise
    return program


async def start_customer(
    state: Path, running: RunningServers, port: ChoosePort, say: Say = say_nothing
) -> dict[str, str]:
    """Start a customer's own SFTP, FTPS and web server and await them; no address of ours comes of it."""
    ports = {name: port(f"customer-{name}") for name in ("sftp", "ftps", "http")}
    env = os.environ | {f"KLOKWERK_PORT_CUSTOMER_{name.upper()}": str(each) for name, each in ports.items()}
    env |= {
        "KLOKWERK_CUSTOMER_FOLDER": str(state / "customer"),
        "KLOKWERK_SIMULATOR_STATE": str(state / "customer" / "http"),
    }
    program = processes.start(
        "Customer's servers",
        [sys.executable, "-m", "klokwerk_platform.customer"],
        log=state / "logs" / "customer.log",
        env=env,
    )
    _note(running, "customer", program)
    running.customer = {
        name: f"{name}://127.0.0.1:{each}{'/ekt' if name == 'http' else ''}" for name, each in ports.items()
    }
    url = f"http://127.0.0.1:{ports['http']}/_health"
    await _wait_for_http(program, [url], [ports["sftp"], ports["ftps"]])
    say(f"The customer's servers are ready: {' '.join(running.customer.values())}")
    return {}


def _note(running: RunningServers, name: str, program: Program) -> None:
    running.programs[name] = program


async def _wait_for_http(program: Program, urls: list[str], ports: list[int] | None = None) -> None:
    deadline = asyncio.get_running_loop().time() + _START_SECONDS
    async with httpx.AsyncClient(timeout=2, trust_env=False) as http:
        for url in urls:
            while True:
                program.check()
                try:
                    if (await http.get(url)).is_success:
                        break
                except httpx.TransportError:
                    pass
                if asyncio.get_running_loop().time() > deadline:
                    raise TimeoutError(f"{program.name} does not answer at {url}:\n{program.log_tail()}")
                await asyncio.sleep(0.05)
    if not all(listens(port) for port in ports or []):
        raise TimeoutError(f"{program.name} does not listen on {ports}:\n{program.log_tail()}")
