"""The direct client against a simulated Exact Online over HTTP."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from accounting_sync.domain.lines import Action
from accounting_sync.domain.relation import Address, AddressType, BankAccount, Kind, RelationData
from accounting_sync.targets.answers import ConsentNeeded, Lost, Refused, Temporary
from accounting_sync.targets.direct import Sending
from accounting_sync.targets.exact_connection import READER, ExactConnection
from accounting_sync.targets.exact_direct import ExactAccounts, padded
from accounting_sync.targets.exact_tokens import Claim, ExactCredentials, ExactTokens
from accounting_sync.targets.gate import CallGate, Places
from klokwerk.clock import FixedClock

VERMEER = RelationData(
    code="10001",
    name="Vermeer",
    email="vermeer@klant.example",
    currency="EUR",
    payment_condition="30",
    addresses=(
        Address(AddressType.VISIT, "Legmeerdijk 313", None, "1431 GB", "Aalsmeer", "NL"),
        Address(AddressType.INVOICE, "Postbus 12", None, "1430 AA", "Aalsmeer", "NL"),
    ),
    bank_accounts=(BankAccount("NL91ABNA0417164300", "ABNANL2A"),),
)
PLAIN = RelationData(code="10002", name="Kiosk O'Hara")


@dataclass
class MemoryState:
    """What processes share of a connection, without a database."""

    held: ExactCredentials
    renewing: uuid.UUID | None = None
    lost_answer: bool = False
    until: datetime | None = None
    errors: list[tuple[str, datetime]] = field(default_factory=list)
    saved: list[ExactCredentials] = field(default_factory=list)
    lost: str = ""

    async def credentials(self) -> ExactCredentials:
        if self.lost:
            raise ConsentNeeded(self.lost)
        return self.held

    async def stored(self) -> ExactCredentials:
        return self.held

    async def claim_renewal(self, holder: uuid.UUID) -> Claim | None:
        if self.renewing is not None:
            return None
        self.renewing = holder
        return Claim(self.held, self.saved[-1].obtained_at if self.lost_answer else None)

    async def end_renewal(self, holder: uuid.UUID, *, answer_lost: bool) -> None:
        self.renewing, self.lost_answer = None, answer_lost

    async def save_renewed(self, old: ExactCredentials, new: ExactCredentials) -> None:
        self.held, self.lost = new, ""
        self.saved.append(new)

    async def consent_lost(self, credentials: ExactCredentials, reason: str) -> None:
        self.lost = reason

    async def paused_until(self) -> datetime | None:
        return self.until

    async def pause(self, until: datetime) -> None:
        self.until = until

    async def hold_places(
        self, holder: uuid.UUID, endpoint: str, wanted: int, allowance: int, since: datetime
    ) -> Places:
        recent = [at for name, at in self.errors if name == endpoint and at > since]
        again = min(recent) + timedelta(hours=1) if recent else None
        return Places(max(0, min(wanted, allowance - len(recent))), len(recent), again)

    async def note_error(self, holder: uuid.UUID, endpoint: str, at: datetime, status: int) -> None:
        self.errors.append((endpoint, at))

    async def give_places_back(self, holder: uuid.UUID) -> None:
        """Nobody else wants them."""


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=2) as client:
        yield client


@pytest.fixture
async def state(exact: Any, clock: FixedClock) -> MemoryState:
    tokens = await exact.tokens()
    return MemoryState(
        ExactCredentials(
            base_url=exact.url,
            division=102030,
            client_id="klokwerk",
            client_secret="klokwerk-secret",
            refresh_token=tokens["refresh_token"],
            access_token=tokens["access_token"],
            obtained_at=clock.now(),
        )
    )


@pytest.fixture
def connection(http: httpx.AsyncClient, state: MemoryState, clock: FixedClock) -> ExactConnection:
    return connected(http, state, clock)


def connected(http: httpx.AsyncClient, state: MemoryState, clock: FixedClock) -> ExactConnection:
    return ExactConnection(http, ExactTokens(http, state, clock), CallGate(state, clock, READER), clock)


def insert(data: RelationData, kind: Kind = Kind.DEBTORS) -> Sending:
    return Sending(kind, Action.INSERT, data)


def update(data: RelationData, kind: Kind = Kind.DEBTORS, *cleared: str) -> Sending:
    return Sending(kind, Action.UPDATE, data, cleared)


@pytest.fixture
def accounts(connection: ExactConnection) -> ExactAccounts:
    return ExactAccounts(connection)


async def forget(_: str) -> None:
    """Nobody needs the GUID here."""


async def test_a_code_is_sent_and_looked_up_right_aligned(accounts: ExactAccounts, exact: Any) -> None:
    assert padded("10001") == "             10001"
    await accounts.put_through(insert(VERMEER), None, forget)
    (sent,) = await exact.stored("exact_accounts")
    assert sent["Code"] == "             10001"
    assert (await accounts.find("10001")).is_what_we_sent(insert(VERMEER))
    assert await accounts.find("0001") is None


async def test_everything_shown_arrives_with_its_addresses_and_bank_accounts(
    accounts: ExactAccounts, exact: Any
) -> None:
    await accounts.put_through(insert(VERMEER), None, forget)
    (account,) = await exact.accounts()
    assert (account["Status"], account["PaymentConditionSales"], account["City"]) == ("C", "30", "Aalsmeer")
    (address,) = await exact.stored("exact_addresses")
    assert (address["Type"], address["AddressLine1"]) == (3, "Postbus 12")
    (bank,) = await exact.stored("exact_bank_accounts")
    assert (bank["BankAccount"], bank["BICCode"], bank["Main"]) == ("NL91ABNA0417164300", "ABNANL2A", True)
    await accounts.put_through(update(VERMEER), None, forget)
    assert len(await exact.stored("exact_addresses")) == len(await exact.stored("exact_bank_accounts")) == 1


async def test_an_update_never_sends_the_code(accounts: ExactAccounts, exact: Any) -> None:
    await accounts.put_through(insert(PLAIN, Kind.CREDITORS), None, forget)
    changed = replace(PLAIN, phone="020")
    await accounts.put_through(update(changed, Kind.CREDITORS), None, forget)
    (account,) = await exact.accounts()
    assert (account["Phone"], account["IsSupplier"], account["Code"]) == ("020", True, "10002")
    (put,) = await exact.requests("PUT", "/api/v1")
    assert "Code" not in put["body"]


async def test_an_insert_of_what_exists_says_to_change_the_status(accounts: ExactAccounts) -> None:
    await accounts.put_through(insert(PLAIN), None, forget)
    with pytest.raises(Refused, match=r"Gegeven bestaat reeds.*change the status"):
        await accounts.put_through(insert(PLAIN), None, forget)


async def test_an_update_of_what_does_not_exist_says_to_change_the_status(accounts: ExactAccounts) -> None:
    with pytest.raises(Refused, match="no relation with number 10002; change the status"):
        await accounts.put_through(update(PLAIN), None, forget)


async def test_a_remembered_id_that_is_gone_is_looked_up_again(accounts: ExactAccounts, exact: Any) -> None:
    real = await accounts.put_through(insert(PLAIN), None, forget)
    gone = "11111111-1111-1111-1111-111111111111"
    assert await accounts.put_through(update(PLAIN), gone, forget) == real


async def test_a_business_error_is_permanent_and_keeps_exacts_words(
    accounts: ExactAccounts, exact: Any
) -> None:
    await exact.set(refuse=[{"code": "10002", "message": "Verplicht: A\r\nVerplicht: B"}])
    with pytest.raises(Refused) as refusal:
        await accounts.put_through(insert(PLAIN), None, forget)
    assert refusal.value.message == "Verplicht: A; Verplicht: B"


@pytest.mark.parametrize(
    "trouble",
    [{"status": 500, "body": False}, {"status": 502}, {"status": 503}, {"status": 504, "body": "<html>"}],
    ids=["500 without body", "502", "503", "504"],
)
async def test_trouble_of_the_other_side_is_temporary(
    accounts: ExactAccounts, exact: Any, trouble: dict[str, Any]
) -> None:
    await exact.behave(**trouble)
    with pytest.raises(Temporary):
        await accounts.find("10001")


async def test_a_lost_answer_after_an_insert_is_told_apart_from_a_failure(
    accounts: ExactAccounts, exact: Any
) -> None:
    await exact.behave(lose_answer_after_accepting=1, only_methods=["POST"])
    with pytest.raises(Lost):
        await accounts.put_through(insert(PLAIN), None, forget)
    assert (await accounts.find("10002")).is_what_we_sent(insert(PLAIN))


async def test_a_server_that_is_not_there_took_nothing(
    http: httpx.AsyncClient, state: MemoryState, clock: FixedClock
) -> None:
    state.held = replace(state.held, base_url="http://127.0.0.1:9")
    with pytest.raises(Temporary, match="can't be reached"):
        await connected(http, state, clock).call("POST", "crm/Accounts", body={})


async def test_a_token_is_used_until_it_may_be_refreshed_and_then_rotated_once(
    accounts: ExactAccounts, exact: Any, state: MemoryState, clock: FixedClock
) -> None:
    clock.advance(timedelta(seconds=569))
    await accounts.find("1")
    assert state.saved == []
    clock.advance(timedelta(seconds=2))
    await asyncio.gather(*(accounts.find("1") for _ in range(5)))
    assert len(state.saved) == 1
    assert len(await exact.requests("POST", "/api/oauth2/token")) == 1


async def test_clocks_that_disagree_do_not_lock_the_connection_out(
    accounts: ExactAccounts, exact: Any, state: MemoryState, clock: FixedClock
) -> None:
    state.held = replace(state.held, obtained_at=clock.now() - timedelta(hours=1))
    assert await accounts.find("1") is None
    assert state.held.obtained_at == clock.now()


async def test_a_spent_refresh_token_asks_for_consent(
    accounts: ExactAccounts, http: httpx.AsyncClient, state: MemoryState, clock: FixedClock
) -> None:
    first = state.held
    clock.advance(timedelta(seconds=600))
    await accounts.find("1")
    clock.advance(timedelta(seconds=600))
    state.held = first
    with pytest.raises(ConsentNeeded):
        await connected(http, state, clock).call("GET", "Me")


async def test_tokens_that_were_taken_back_ask_for_consent_which_repairs_them(
    accounts: ExactAccounts, connection: ExactConnection, exact: Any
) -> None:
    await exact.revoke()
    with pytest.raises(ConsentNeeded):
        await accounts.find("1")
    page = "/api/oauth2/auth?client_id=klokwerk&redirect_uri=http://here/back"
    back = await exact.visit(page)
    await connection.tokens.exchange_code(back["code"], "http://here/back", "")
    assert await accounts.find("1") is None
    assert "division 102030" in await accounts.check()


async def test_calls_stop_when_the_headers_say_that_none_are_left(
    accounts: ExactAccounts, exact: Any, state: MemoryState, clock: FixedClock
) -> None:
    await exact.set(minutely_limit=2)
    await accounts.find("1")
    await accounts.find("2")
    assert state.until == clock.now() + timedelta(minutes=1)
    with pytest.raises(Temporary) as held:
        await accounts.find("3")
    assert held.value.until == state.until
    assert len(await exact.requests("GET", "/api/v1")) == 2, "the third call did not leave"
    clock.advance(timedelta(seconds=61))
    assert await accounts.find("3") is None


async def test_a_429_is_waited_out_as_it_asks(
    accounts: ExactAccounts, exact: Any, state: MemoryState, clock: FixedClock
) -> None:
    await exact.behave(status=429, retry_after=40)
    with pytest.raises(Temporary) as held:
        await accounts.find("1")
    assert held.value.until == clock.now() + timedelta(seconds=40)


async def test_calls_stop_before_refusals_block_the_connection(
    accounts: ExactAccounts, connection: ExactConnection, exact: Any, clock: FixedClock
) -> None:
    gone = "11111111-1111-1111-1111-111111111111"
    for _ in range(8):
        with pytest.raises(Refused):
            await connection.call("PUT", "crm/Accounts", key=gone, body={"Name": "x"})
    with pytest.raises(Temporary, match="8 refused calls"):
        await accounts.find("1")
    assert len(await exact.requests(path="/api/v1")) == 8
    clock.advance(timedelta(minutes=61))
    assert await accounts.find("1") is None


async def test_a_field_that_was_emptied_is_emptied_over_there(accounts: ExactAccounts, exact: Any) -> None:
    await accounts.put_through(insert(replace(PLAIN, phone="020", vat_code="4")), None, forget)
    await accounts.put_through(update(PLAIN, Kind.DEBTORS, "phone"), None, forget)
    (account,) = await exact.accounts()
    assert (account["Phone"], account["SalesVATCode"]) == (None, "4")


async def test_the_error_allowance_holds_however_many_calls_go_at_once(
    connection: ExactConnection, exact: Any
) -> None:
    gone = "11111111-1111-1111-1111-111111111111"
    calls = [connection.call("PUT", "crm/Accounts", key=gone, body={"Name": "x"}) for _ in range(30)]
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(each, Refused) for each in found) == 8
    assert sum(isinstance(each, Temporary) for each in found) == 22
    assert len(await exact.requests("PUT", "/api/v1")) == 8


async def test_no_more_calls_leave_at_once_than_are_left(connection: ExactConnection, exact: Any) -> None:
    await exact.set(minutely_limit=4)
    await connection.call("GET", "Me")
    await exact.behave(slow_seconds=0.1)
    found = await asyncio.gather(*(connection.call("GET", "Me") for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(each, Temporary) for each in found) == 3
    statuses = [each["status"] for each in await exact.requests("GET", "/api/v1")]
    assert statuses == [200] * 4, "none was answered with 429"
