"""The account at Mailchimp: its API key, sealed at rest, and a client that speaks with it."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
from klokwerk.sealing import Sealer, WrongSecretKey

from debtor_service.newsletter.mailchimp import KEY, KeyRefused, Mailchimp
from debtor_service.store.newsletter import NewsletterSettings

_ABOUT = "newsletter"


class NotReady(Exception):
    """Something is not set; the text says what."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """Opens accounts.

    Attributes:
        sealer: for the key; none where ``KLOKWERK_SECRET_KEY`` is not set.
        base: address of the API, with ``{dc}`` for the data centre.
        pauses: seconds before each further try.
    """

    http: httpx.AsyncClient
    sealer: Sealer | None
    base: str
    pauses: tuple[float, ...]

    def seal(self, key: str) -> bytes:
        """The key as it is stored.

        Raises:
            NotReady: there is no secret to seal it with.
        """
        if self.sealer is None:
            raise NotReady(
                "Set KLOKWERK_SECRET_KEY for the debtor service, so that the key can be kept sealed."
            )
        return self.sealer.seal(key.encode(), _ABOUT)

    def with_key(self, key: str) -> Mailchimp:
        """A client with this key.

        Raises:
            KeyRefused: it can't be a key.
        """
        if not KEY.match(key):
            raise KeyRefused("It ends on a hyphen and the data centre, like -us21.")
        return Mailchimp(self.http, self.base, key, self.pauses)

    def of(self, settings: NewsletterSettings) -> Mailchimp:
        """A client with the stored key.

        Raises:
            NotReady: there is none.
            KeyRefused: it can't be read with the secret key that is set now.
        """
        if settings.api_key is None:
            raise NotReady("There is no API key yet.")
        if self.sealer is None:
            raise NotReady("KLOKWERK_SECRET_KEY is not set, so the API key can't be read.")
        try:
            return self.with_key(self.sealer.open(settings.api_key, _ABOUT).decode())
        except WrongSecretKey as error:
            raise KeyRefused(f"{error}.") from error
