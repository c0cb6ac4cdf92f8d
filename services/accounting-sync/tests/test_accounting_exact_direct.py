"""The direct client against a simulated Exact Online over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from accounting_sync.domain.lines import Action
from accounting_sync.domain.relation import Address, AddressType, BankAccount, Kind, RelationData
from accounting_sync.targets.exact_answers import ConsentNeeded, ExactLost, ExactRefused, ExactTemporary
from accounting_sync.targets.exact_connection import ExactConnection, ExactCredentials
from accounting_sync.targets.exact_direct import ExactAccounts, padded
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
    """The shared state of a connection without a database; the lock is an asyncio one."""

    held: ExactCredentials
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    until: datetime | None = None
    errors: list[tuple[str, datetime, int]] = field(default_factory=list)
    saved: list[ExactCredentials] = field(default_factory=list)
    lost: bool = False

    async def credentials(self) -> ExactCredentials:
        return self.held

    @asynccontextmanager
    async def locked(self) -> AsyncIterator["Slot"]:
        async with self.lock:
            yield Slot(self)

    async def save(self, credentials: ExactCredentials) -> None:
        self.held = credentials
        self.saved.append(credentials)

    async def paused_until(self) -> datetime | None:
        return self.until

    async def pause(self, until: datetime) -> None:
        self.until = until

    async def recent_errors(self, endpoint: str, since: datetime) -> list[datetime]:
        return [at for name, at, _ in self.errors if name == endpoint and at > since]

    async def note_error(self, endpoint: str, at: datetime, status: int) -> None:
        self.errors.append((endpoint, at, status))

    async def consent_lost(self) -> None:
        self.lost = True


class Slot:
    """The credentials while the lock is held."""

    def __init__(self, state: MemoryState) -> None:
        self.credentials = state.held
        self.save = state.save


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
    return ExactConnection(http, state, clock)


@pytest.fixture
def accounts(connection: ExactConnection) -> ExactAccounts:
    return ExactAccounts(connection)


async def forget(_: str) -> None:
    """Nobody needs the GUID here."""


async def test_a_code_is_sent_and_looked_up_right_aligned(accounts: ExactAccounts, exact: Any) -> None:
    assert padded("10001") == "             10001"
    await accounts.put_through(Kind.DEBTORS, Action.INSERT, VERMEER, None, forget)
    (sent,) = await exact.stored("exact_accounts")
    assert sent["Code"] == "             10001"
    assert (await accounts.find("10001")).is_what_we_sent(Kind.DEBTORS, VERMEER)
    assert await accounts.find("0001") is None


async def test_everything_shown_arrives_with_its_addresses_and_bank_accounts(
    accounts: ExactAccounts, exact: Any
) -> None:
    await accounts.put_through(Kind.DEBTORS, Action.INSERT, VERMEER, None, forget)
    (account,) = await exact.accounts()
    assert (account["Status"], account["PaymentConditionSales"], account["City"]) == ("C", "30", "Aalsmeer")
    (address,) = await exact.stored("exact_addresses")
    assert (address["Type"], address["AddressLine1"]) == (3, "Postbus 12")
    (bank,) = await exact.stored("exact_bank_accounts")
    assert (bank["BankAccount"], bank["BICCode"], bank["Main"]) == ("NL91ABNA0417164300", "ABNANL2A", True)
    await accounts.put_through(Kind.DEBTORS, Action.UPDATE, VERMEER, None, forget)
    assert len(await exact.stored("exact_addresses")) == len(await exact.stored("exact_bank_accounts")) == 1


async def test_an_update_never_sends_the_code(accounts: ExactAccounts, exact: Any) -> None:
    await accounts.put_through(Kind.CREDITORS, Action.INSERT, PLAIN, None, forget)
    changed = replace(PLAIN, phone="020")
    await accounts.put_through(Kind.CREDITORS, Action.UPDATE, changed, None, forget)
    (account,) = await exact.accounts()
    assert (account["Phone"], account["IsSupplier"], account["Code"]) == ("020", True, "10002")
    (put,) = await exact.requests("PUT", "/api/v1")
    assert "Code" not in put["body"]


async def test_an_insert_of_what_exists_says_to_change_the_status(accounts: ExactAccounts) -> None:
    await accounts.put_through(Kind.DEBTORS, Action.INSERT, PLAIN, None, forget)
    with pytest.raises(ExactRefused, match=r"Gegeven bestaat reeds.*change the status"):
        await accounts.put_through(Kind.DEBTORS, Action.INSERT, PLAIN, None, forget)


async def test_an_update_of_what_does_not_exist_says_to_change_the_status(accounts: ExactAccounts) -> None:
    with pytest.raises(ExactRefused, match="no relation with number 10002; change the status"):
        await accounts.put_through(Kind.DEBTORS, Action.UPDATE, PLAIN, None, forget)


async def test_a_remembered_id_that_is_gone_is_looked_up_again(accounts: ExactAccounts, exact: Any) -> None:
    real = await accounts.put_through(Kind.DEBTORS, Action.INSERT, PLAIN, None, forget)
    gone = "11111111-1111-1111-1111-111111111111"
    assert await accounts.put_through(Kind.DEBTORS, Action.UPDATE, PLAIN, gone, forget) == real


async def test_a_business_error_is_permanent_and_keeps_exacts_words(
    accounts: ExactAccounts, exact: Any
) -> None:
    await exact.set(refuse=[{"code": "10002", "message": "Verplicht: A\r\nVerplicht: B"}])
    with pytest.raises(ExactRefused) as refusal:
        await accounts.put_through(Kind.DEBTORS, Action.INSERT, PLAIN, None, forget)
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
    with pytest.raises(ExactTemporary):
        await accounts.find("10001")


async def test_a_lost_answer_after_an_insert_is_told_apart_from_a_failure(
    accounts: ExactAccounts, exact: Any
) -> None:
    await exact.behave(lose_answer_after_accepting=1, only_methods=["POST"])
    with pytest.raises(ExactLost):
        await accounts.put_through(Kind.DEBTORS, Action.INSERT, PLAIN, None, forget)
    assert (await accounts.find("10002")).is_what_we_sent(Kind.DEBTORS, PLAIN)


async def test_a_server_that_is_not_there_took_nothing(
    http: httpx.AsyncClient, state: MemoryState, clock: FixedClock
) -> None:
    state.held = replace(state.held, base_url="http://127.0.0.1:9")
    with pytest.raises(ExactTemporary, match="can't be reached"):
        await ExactConnection(http, state, clock).call("POST", "crm/Accounts", body={})


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
    accounts: ExactAccounts, state: MemoryState, clock: FixedClock
) -> None:
    first = state.held
    clock.advance(timedelta(seconds=600))
    await accounts.find("1")
    state.held = replace(first, obtained_at=clock.now() - timedelta(hours=1))
    with pytest.raises(ConsentNeeded):
        await accounts.find("1")


async def test_tokens_that_were_taken_back_ask_for_consent_which_repairs_them(
    accounts: ExactAccounts, connection: ExactConnection, exact: Any
) -> None:
    await exact.revoke()
    with pytest.raises(ConsentNeeded):
        await accounts.find("1")
    await connection.exchange_code(await exact.consent_code(), "http://here/back")
    assert await accounts.find("1") is None
    assert "division 102030" in await accounts.check()


async def test_calls_stop_when_the_headers_say_that_none_are_left(
    accounts: ExactAccounts, exact: Any, state: MemoryState, clock: FixedClock
) -> None:
    await exact.set(minutely_limit=2)
    await accounts.find("1")
    await accounts.find("2")
    assert state.until == clock.now() + timedelta(minutes=1)
    with pytest.raises(ExactTemporary) as held:
        await accounts.find("3")
    assert held.value.until == state.until
    assert len(await exact.requests("GET", "/api/v1")) == 2, "the third call did not leave"
    clock.advance(timedelta(seconds=61))
    assert await accounts.find("3") is None


async def test_a_429_is_waited_out_as_it_asks(
    accounts: ExactAccounts, exact: Any, state: MemoryState, clock: FixedClock
) -> None:
    await exact.behave(status=429, retry_after=40)
    with pytest.raises(ExactTemporary) as held:
        await accounts.find("1")
    assert held.value.until == clock.now() + timedelta(seconds=40)


async def test_calls_stop_before_refusals_block_the_connection(
    accounts: ExactAccounts, connection: ExactConnection, exact: Any, clock: FixedClock
) -> None:
    gone = "11111111-1111-1111-1111-111111111111"
    for _ in range(8):
        with pytest.raises(ExactRefused):
            await connection.call("PUT", "crm/Accounts", key=gone, body={"Name": "x"})
    with pytest.raises(ExactTemporary, match="8 refused calls"):
        await accounts.find("1")
    assert len(await exact.requests(path="/api/v1")) == 8
    clock.advance(timedelta(minutes=61))
    assert await accounts.find("1") is None
