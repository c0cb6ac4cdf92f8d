"""The one fixture that gives tests their platform, chosen by ``--platform`` or ``KLOKWERK_TEST_PLATFORM``.

- ``embedded`` (default): PostgreSQL, Kafka, mail sink and simulators of our own, in a temporary folder;
- ``external``: the servers whose addresses stand in the environment (see :class:`Servers`);
- ``containers``: PostgreSQL and Kafka as containers, where a Docker engine answers;
- ``auto``: containers where an engine answers, else embedded.

The same tests run on each. Tests make databases and topics of their own and leave the servers as they were.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from xdist.scheduler.loadscope import LoadScopeScheduling

from klokwerk_platform import postgres
from klokwerk_platform.containers import containers, engine_answers
from klokwerk_platform.servers import Servers, start_servers

__all__ = ["Servers", "platform_servers"]

_WHOLE = "whole platform"
_IN_THIS_ORDER = (
    *(_WHOLE, "benchmarks", "demo", "accounting-sync", "debtor-service", "ekt-service", "dispatch-service"),
    *("deploy", "shared", "sales-service", "back-office", "contracts"),
)
"""Parts of the tests: what calculates most beside the one that waits most, and the shortest last."""
_CHOICES = ("embedded", "external", "containers", "auto")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--platform``."""
    parser.addoption(
        "--platform",
        choices=_CHOICES,
        default=None,
        help="servers to test on: embedded (default), external (addresses from the environment), containers, auto",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """With several workers (``-n``) the controller starts the servers once, and all workers use them."""
    if _is_worker(config) or not getattr(config.option, "numprocesses", 0) or _chosen(config) == "external":
        return
    runner, stack = asyncio.Runner(), AsyncExitStack()
    servers = runner.run(stack.enter_async_context(_servers(_chosen(config))))
    os.environ.update(servers.as_env())

    def stop() -> None:
        runner.run(stack.aclose())
        runner.close()

    config.add_cleanup(stop)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """By parts, so that the workers neither wait for each other at the end nor all calculate at once."""
    places = {part: place for place, part in enumerate(_IN_THIS_ORDER)}
    items.sort(key=lambda item: places.get(part_of(item.nodeid), 1))


class PartScheduling(LoadScopeScheduling):
    """Keeps the tests of one part on one worker, since they share what is set up once.

    In place of ``--dist loadgroup``, whose marks get lost with pytest 9.2: every worker then sets up everything.
    """

    def _split_scope(self, nodeid: str) -> str:
        return part_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> PartScheduling:
    """Share the tests out by parts, whatever ``--dist`` says."""
    return PartScheduling(config, log)


def part_of(nodeid: str) -> str:
    """The part of the project that a test is of: a service, the library, ... or the whole platform."""
    folders = nodeid.partition("::")[0].split("/")
    if folders[0] == "tests":
        return _WHOLE if folders[1] in ("system", "browser") else folders[1]
    return folders[1] if folders[0] == "services" else folders[0]


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def pytest_report_header(config: pytest.Config) -> str:
    """Say on what the tests run."""
    return f"platform: {_chosen(config)}"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platform_servers(request: pytest.FixtureRequest) -> AsyncIterator[Servers]:
    """Addresses of the servers, the same for the whole test run."""
    async with _servers(_chosen(request.config)) as servers:
        yield servers


@asynccontextmanager
async def _servers(chosen: str) -> AsyncIterator[Servers]:
    if chosen == "external":
        yield Servers.from_env()
        return
    if chosen == "containers" and not engine_answers():
        pytest.exit(
            "--platform containers needs a Docker engine, and none answers. Use --platform embedded.", 4
        )
    use_containers = chosen == "containers" or (chosen == "auto" and engine_answers())
    async with containers() if use_containers else nothing_given(), embedded_servers() as servers:
        yield servers


@asynccontextmanager
async def embedded_servers() -> AsyncIterator[Servers]:
    """Servers of our own in a temporary folder; what the environment gives is used instead of started."""
    state = temporary_folder()
    running = await start_servers(state, hasty=True)
    try:
        yield running.addresses
    finally:
        await running.stop()
        postgres.remove_data(state)
        shutil.rmtree(state, ignore_errors=True)


def temporary_folder() -> Path:
    """A folder of our own that other users can pass through."""
    folder = Path(tempfile.mkdtemp(prefix="klokwerk-test-"))
    # The folder is 0700 by nature; PostgreSQL's user must get through when we are root.
    folder.chmod(0o711)
    return folder


@asynccontextmanager
async def nothing_given() -> AsyncIterator[None]:
    """The environment without addresses: embedded means ours, also where a shell still names others."""
    with pytest.MonkeyPatch.context() as patch:
        for name in Servers("", "", "", "", "", "", "").as_env():
            patch.delenv(name, raising=False)
        yield


def _chosen(config: pytest.Config) -> str:
    if _is_worker(config):
        return "external"
    chosen = config.getoption("--platform") or os.environ.get("KLOKWERK_TEST_PLATFORM") or "embedded"
    if chosen not in _CHOICES:
        raise pytest.UsageError(
            f"KLOKWERK_TEST_PLATFORM is {chosen!r}; it must be one of {', '.join(_CHOICES)}."
        )
    return str(chosen)
