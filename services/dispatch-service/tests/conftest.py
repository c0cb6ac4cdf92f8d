"""Fixtures of the dispatch service's tests: factories, and the real service with real servers around it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from klokwerk import telemetry
from klokwerk_contracts.debtor_changed import DebtorChanged
from klokwerk_contracts.invoice_created import InvoiceCreated
from klokwerk_contracts.types import ElectronicAddress

sys.path.insert(0, str(Path(__file__).parent))

from dispatch_factories import ADDRESSES, debtor_event, invoice_event
from dispatch_world import Tenant, World, start_world

telemetry.configure_logging("dispatch-test", "WARNING")


@pytest.fixture(scope="session")
def make_invoice() -> Callable[..., InvoiceCreated]:
    """Factory of `invoice.created` bodies."""
    return invoice_event


@pytest.fixture(scope="session")
def make_debtor() -> Callable[..., DebtorChanged]:
    """Factory of `debtor.changed` bodies."""
    return debtor_event


@pytest.fixture(scope="session")
def receivers() -> dict[str, ElectronicAddress]:
    """E-invoice addresses of the customers by country."""
    return ADDRESSES


@pytest.fixture(scope="session")
async def world(platform_servers, tmp_path_factory) -> AsyncIterator[World]:
    """One running service with a mail sink and providers of its own; tests differ by administration."""
    async with start_world(platform_servers, tmp_path_factory.mktemp("dispatch")) as world:
        yield world


@pytest.fixture
async def tenant(world: World) -> AsyncIterator[Tenant]:
    """An administration of one test; its service is switched off and every fault ended afterwards."""
    tenant = world.tenant()
    world.go_to("2026-03-02T12:00")
    yield tenant
    await world.behave()
    await tenant.deactivate()
