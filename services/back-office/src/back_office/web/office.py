"""What every page stands on: one object for the process, built when the service starts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from klokwerk.clock import Clock
from klokwerk.database import Database

from back_office.clients import Clients, Services
from back_office.clients.shapes import Say
from back_office.issuer.sign_in import SignIn
from back_office.issuer.tokens import Mint, Subject
from back_office.settings import Settings
from back_office.store import User
from back_office.web.rendering import Renderer
from back_office.web.session import Sessions

PAGE_TOKEN_LIFE = timedelta(minutes=5)


class NotReady(Exception):
    """The signing keys are not loaded yet: the database is still awaited."""


@dataclass(slots=True)
class Office:
    """The parts that pages share.

    Attributes:
        clock: the company's clock, which the demo and the tests may move.
        wall: the machine's own clock, for whatever others compare with theirs: tokens, sessions, waiting times.
    """

    settings: Settings
    database: Database
    clock: Clock
    wall: Clock
    sign_in: SignIn
    sessions: Sessions
    services: Services
    renderer: Renderer
    _mint: Mint | None = None

    @property
    def ready(self) -> bool:
        """Whether tokens can be made."""
        return self._mint is not None

    @property
    def mint(self) -> Mint:
        """What signs tokens.

        Raises:
            NotReady: the service is still starting.
        """
        if self._mint is None:
            raise NotReady
        return self._mint

    def use(self, mint: Mint) -> None:
        """Sign with these keys from now on."""
        self._mint = mint

    def clients_for(self, user: User, correlation: str, say: Say | None = None) -> Clients:
        """The services, called with a short-lived token of the user's own; `say` puts their sentences into words."""
        subject = Subject(str(user.id), user.name, user.roles)
        token = self.mint.token(subject, now=self.wall.now(), lifetime=PAGE_TOKEN_LIFE)
        return self.services.as_user(token, correlation, say)
