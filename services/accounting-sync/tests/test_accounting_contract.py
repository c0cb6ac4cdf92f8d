"""What we take for granted of Exact Online and Moneybird, tried on the simulators and, when asked, on the real ones.

A real account is named by the environment; without it the test is skipped:

- Exact Online: ``KLOKWERK_CONTRACT_EXACT_URL`` (https://start.exactonline.nl), ``..._DIVISION``, ``..._CLIENT_ID``,
  ``..._CLIENT_SECRET`` and ``..._TOKEN_FILE``: a file with a refresh token of a test division. The token changes at
  every use, so the new one is written back to that file before anything else is done with it.
- Moneybird: ``KLOKWERK_CONTRACT_MONEYBIRD_URL`` (https://moneybird.com/api/v2), ``..._ADMINISTRATION`` and
  ``..._TOKEN`` of a sandbox.

Each makes one relation, whose number is given by ``KLOKWERK_CONTRACT_NUMBER`` (default 999001) and must be free.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from accounting_sync.domain.lines import Action
from accounting_sync.domain.relation import Address, AddressType, Kind, RelationData
from accounting_sync.targets import exact_connection, moneybird
from accounting_sync.targets.answers import Refused
from accounting_sync.targets.direct import DirectTarget, Sending
from accounting_sync.targets.exact_connection import ExactConnection
from accounting_sync.targets.exact_direct import ExactAccounts
from accounting_sync.targets.exact_tokens import Claim, ExactCredentials, ExactTokens
from accounting_sync.targets.gate import CallGate, Places
from accounting_sync.targets.moneybird import MoneybirdContacts, MoneybirdCredentials
from accounting_world import exact_online
from accounting_world import moneybird as simulated_moneybird
from klokwerk.clock import SystemClock

NUMBER = os.environ.get("KLOKWERK_CONTRACT_NUMBER", "999001")
CLOCK = SystemClock()


def asked(prefix: str, *names: str) -> dict[str, str]:
    """Settings of a real account; the test is skipped where one is missing."""
    found = {name: os.environ.get(f"KLOKWERK_CONTRACT_{prefix}_{name}", "") for name in names}
    if missing := [f"KLOKWERK_CONTRACT_{prefix}_{name}" for name, value in found.items() if not value]:
        pytest.skip(f"no real account: {', '.join(missing)} not set")
    return found


@dataclass
class OneProcess:
    """The shared state of a connection that nobody shares."""

    exact: ExactCredentials | None = None
    bird: MoneybirdCredentials | None = None
    token_file: Path | None = None
    pauses: list[datetime] = field(default_factory=list)

    async def credentials(self) -> ExactCredentials:
        assert self.exact is not None
        return self.exact

    stored = credentials

    async def moneybird(self) -> MoneybirdCredentials:
        assert self.bird is not None
        return self.bird

    async def useless(self, reason: str) -> None:
        pytest.fail(reason)

    async def claim_renewal(self, holder: uuid.UUID) -> Claim:
        return Claim(await self.credentials(), None)

    async def end_renewal(self, holder: uuid.UUID, *, answer_lost: bool) -> None:
        assert not answer_lost

    async def save_renewed(self, old: ExactCredentials, new: ExactCredentials) -> None:
        self.exact = new
        if self.token_file is not None:
            self.token_file.write_text(new.refresh_token or "")

    async def consent_lost(self, credentials: ExactCredentials, reason: str) -> None:
        pytest.fail(reason)

    async def paused_until(self) -> datetime | None:
        return None

    async def pause(self, until: datetime) -> None:
        self.pauses.append(until)

    async def hold_places(
        self, holder: uuid.UUID, endpoint: str, wanted: int, allowance: int, since: datetime
    ) -> Places:
        return Places(wanted, 0, None)

    async def note_error(self, holder: uuid.UUID, endpoint: str, at: datetime, status: int) -> None:
        """A refused call is part of the test."""

    async def give_places_back(self, holder: uuid.UUID) -> None:
        """Nobody else wants them."""


@pytest.fixture(params=["exact simulated", "exact real", "moneybird simulated", "moneybird real"])
async def target(request: pytest.FixtureRequest) -> AsyncIterator[DirectTarget]:
    """The relations of one administration, over there."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=30))
        state = OneProcess()
        if request.param == "exact simulated":
            world = await stack.enter_async_context(exact_online(CLOCK))
            token = (await world.tokens())["refresh_token"]
            access = (await world.tokens())["access_token"]
            state.exact = ExactCredentials(
                world.url, 102030, "klokwerk", "klokwerk-secret", token, access, CLOCK.now()
            )
        elif request.param == "exact real":
            given = asked("EXACT", "URL", "DIVISION", "CLIENT_ID", "CLIENT_SECRET", "TOKEN_FILE")
            state.token_file = Path(given["TOKEN_FILE"])
            token = state.token_file.read_text().strip()
            state.exact = ExactCredentials(
                given["URL"], int(given["DIVISION"]), given["CLIENT_ID"], given["CLIENT_SECRET"], token
            )
        elif request.param == "moneybird simulated":
            bird = await stack.enter_async_context(simulated_moneybird(CLOCK))
            state.bird = MoneybirdCredentials(f"{bird.url}/api/v2", "123456789", "moneybird-token")
        else:
            given = asked("MONEYBIRD", "URL", "ADMINISTRATION", "TOKEN")
            state.bird = MoneybirdCredentials(given["URL"], given["ADMINISTRATION"], given["TOKEN"])
        if state.exact is not None:
            gate = CallGate(state, CLOCK, exact_connection.READER)
            tokens = ExactTokens(http, state, CLOCK)
            yield ExactAccounts(ExactConnection(http, tokens, gate, CLOCK))
        else:
            yield MoneybirdContacts(http, state, CallGate(state, CLOCK, moneybird.READER), CLOCK)


def sending(action: Action, name: str, *cleared: str, phone: str | None = "020 1234567") -> Sending:
    data = RelationData(
        code=NUMBER,
        name=name,
        phone=phone,
        addresses=(Address(AddressType.INVOICE, "Kade 1", None, "1011 AB", "Amsterdam", "NL"),),
    )
    return Sending(Kind.DEBTORS, action, data, cleared)


async def test_a_relation_is_made_found_again_changed_and_never_made_twice(target: DirectTarget) -> None:
    remembered: list[str] = []

    async def remember(remote: str) -> None:
        remembered.append(remote)

    assert await target.check()
    first = sending(Action.INSERT, "Klokwerk contract test")
    assert await target.sent_before(first) is None, f"number {NUMBER} must be free"
    made = await target.put_through(first, None, remember)
    assert await target.sent_before(first) == made
    with pytest.raises(Refused, match="change the status of this line to Update"):
        await target.put_through(first, None, remember)
    changed = sending(Action.UPDATE, "Klokwerk contract test, changed", "phone", phone=None)
    assert await target.put_through(changed, made, remember) == made
    assert await target.put_through(changed, None, remember) == made, "found by its number"
    assert await target.sent_before(first) is None, "it is another one now"
