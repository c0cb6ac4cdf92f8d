"""The ways to accounting systems that take relations one by one: one link an administration in each process."""

import httpx
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.sealing import Sealer

from accounting_sync.domain.targets import Target
from accounting_sync.store.call_limits import SharedLimits
from accounting_sync.store.connections import StoredCredentials
from accounting_sync.targets import exact_connection, moneybird
from accounting_sync.targets.direct import DirectTarget
from accounting_sync.targets.exact_connection import ExactConnection
from accounting_sync.targets.exact_direct import ExactAccounts
from accounting_sync.targets.exact_tokens import ExactTokens
from accounting_sync.targets.gate import CallGate, LimitReader
from accounting_sync.targets.moneybird import MoneybirdContacts

AT_ONCE = 4
"""Calls under way at the same time, for each connection and process."""


class Links:
    """Makes and keeps the links; they share one HTTP client."""

    def __init__(self, database: Database, clock: Clock, box: Sealer, http: httpx.AsyncClient) -> None:
        self._database = database
        self._clock = clock
        self._box = box
        self._http = http
        self._exact: dict[str, ExactConnection] = {}
        self._moneybird: dict[str, MoneybirdContacts] = {}

    def target(self, administration: str, target: Target) -> DirectTarget:
        """The relations of an administration over there."""
        if target is Target.MONEYBIRD:
            return self.moneybird(administration)
        return ExactAccounts(self.exact(administration))

    def exact(self, administration: str) -> ExactConnection:
        """The connection of an administration to Exact Online."""
        if administration not in self._exact:
            gate = self._gate(administration, exact_connection.READER)
            tokens = ExactTokens(self._http, self._stored(administration), self._clock)
            self._exact[administration] = ExactConnection(self._http, tokens, gate, self._clock)
        return self._exact[administration]

    def moneybird(self, administration: str) -> MoneybirdContacts:
        """The contacts of an administration in Moneybird."""
        if administration not in self._moneybird:
            gate = self._gate(administration, moneybird.READER)
            stored = self._stored(administration)
            self._moneybird[administration] = MoneybirdContacts(self._http, stored, gate, self._clock)
        return self._moneybird[administration]

    def forget(self, administration: str) -> None:
        """A person changed the credentials: read them anew before the next call of this process."""
        if administration in self._exact:
            self._exact[administration].tokens.forget()

    async def let_idle_ones_go(self) -> None:
        """Hold no places of an error allowance that nobody needs at this moment."""
        for gate in self._gates():
            await gate.close_when_idle()

    async def close(self) -> None:
        """End what must not be cut off, and let others have what this process held."""
        for link in self._exact.values():
            await link.tokens.close()
        for gate in self._gates():
            await gate.close()
        await self._http.aclose()

    def _gates(self) -> list[CallGate]:
        exact = [link.gate for link in self._exact.values()]
        return exact + [link.gate for link in self._moneybird.values()]

    def _stored(self, administration: str) -> StoredCredentials:
        return StoredCredentials(self._database, self._clock, self._box, administration)

    def _gate(self, administration: str, reader: LimitReader) -> CallGate:
        return CallGate(
            SharedLimits(self._database, administration), self._clock, reader, most_at_once=AT_ONCE
        )
