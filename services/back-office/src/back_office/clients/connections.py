"""The EKT service: connections to customers' own servers, and what an installation can do."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from back_office.clients.shapes import Said, Shape, Words, at
from back_office.clients.transport import Answer, Caller, NotFound

TEST_SECONDS = 50.0
"""A test goes on for at most 40 seconds over there."""


class Step(Shape):
    """One step of a connection test."""

    name: Words = ""
    outcome: Words = ""
    message: Said = ""


class ConnectionTest(Shape):
    """What a test found; `asks` means that it goes on once somebody accepts `fingerprint`."""

    ok: bool = False
    asks: bool = False
    at: datetime | None = None
    by: Words = ""
    steps: tuple[Step, ...] = ()
    fingerprint: Words = ""


class Connection(Shape):
    """A connection without its secrets; `held` names those that are there."""

    address: dict[str, Any] = Field(default_factory=dict)
    place: Words = ""
    held: tuple[str, ...] = ()
    fingerprint: Words = ""
    changed_at: datetime | None = None
    changed_by: Words = ""
    test: ConnectionTest | None = None

    @property
    def way(self) -> str:
        """Which way it is for."""
        return str(self.address.get("way", ""))


class Returns(Shape):
    """The mailbox that bounced mails go to."""

    address: Words = ""
    mailbox_read: bool = False
    read_at: datetime | None = None
    trouble: Said = ""
    trouble_since: datetime | None = None
    counts: dict[str, int] = Field(default_factory=dict)


class Surroundings(Shape):
    """What an installation can do."""

    ways: dict[str, bool] = Field(default_factory=dict)
    confirmation_link_possible: bool = False
    returns: Returns = Returns()


class ConnectionClient:
    """Keeps and tests connections; their secrets go in and never come out."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def of(self, debtor_id: str) -> Answer[Connection] | None:
        """A debtor's connection; none when it has none yet."""
        try:
            return await self._caller.get(at("debtors", debtor_id, "connection"), Connection)
        except NotFound:
            return None

    async def save(self, debtor_id: str, body: dict[str, Any], revision: str) -> Answer[Connection]:
        """Fill it in or change it; secrets that are not sent stay."""
        path = at("debtors", debtor_id, "connection")
        return await self._caller.send("PUT", path, Connection, body, revision=revision)

    async def remove(self, debtor_id: str, revision: str) -> None:
        """Forget it with its secrets."""
        path = at("debtors", debtor_id, "connection")
        await self._caller.send("DELETE", path, type(None), revision=revision)

    async def test(self, debtor_id: str, accept: str = "") -> ConnectionTest:
        """Try it step by step, after accepting what the test before showed."""
        path = at("debtors", debtor_id, "connection", "test")
        body = {"accept": accept} if accept else {}
        return (await self._caller.send("POST", path, ConnectionTest, body, seconds=TEST_SECONDS)).value

    async def surroundings(self) -> Surroundings:
        """What the installation can do, and how its return mailbox is read."""
        return (await self._caller.get("/v1/surroundings", Surroundings)).value
