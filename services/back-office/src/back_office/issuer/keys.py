"""The issuer's key ring: made on first start, sealed in the database, the same for every replica."""

from __future__ import annotations

from datetime import timedelta

from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.sealing import Sealer

from back_office import store
from back_office.issuer.tokens import Mint, SigningKey, exported, imported, new_signing_key

SEALED = "back-office/sealed"
"""What the secret key of the settings is derived for where keys are kept."""

KEEP_RETIRED = timedelta(days=2)
"""A retired key stays in the key set for longer than any token lives."""


class KeyRing:
    """Loads the signing keys, and renews them when told to."""

    def __init__(self, database: Database, sealer: Sealer, clock: Clock) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock

    async def mint(self, issuer: str) -> Mint:
        """What signs tokens for `issuer`; makes the first key where there is none.

        Raises:
            WrongSecretKey: the keys were sealed with another ``KLOKWERK_SECRET_KEY``.
        """
        async with self._database.transaction() as connection:
            await store.lock_keys(connection)
            now = self._clock.now()
            kept = await store.usable_keys(connection, now - KEEP_RETIRED)
            keys = [imported(row.kid, self._sealer.open(row.sealed, row.kid)) for row in kept]
            if not keys:
                keys = [new_signing_key()]
                await store.add_key(connection, self._sealed(keys[0]), now)
        return Mint(keys, issuer)

    async def renew(self) -> str:
        """Make a new signing key; tokens signed with the old one stay good. Returns its id."""
        key = new_signing_key()
        async with self._database.transaction() as connection:
            await store.lock_keys(connection)
            await store.add_key(connection, self._sealed(key), self._clock.now())
        return key.kid

    def _sealed(self, key: SigningKey) -> store.SealedKey:
        return store.SealedKey(key.kid, self._sealer.seal(exported(key), key.kid))
