"""What every page stands on: one object for the process, built when the service starts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from klokwerk.clock import Clock
from klokwerk.database import Database

from back_office.clients import Clients, Services
from back_office.issuer.sign_in import SignIn
from back_office.issuer.tokens import Mint, Subject
from back_office.settings import Settings
from back_office.store import User
from back_office.web.rendering import Renderer
from back_office.web.session import Sessions

PAGE_TOKEN_LIFE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Office:
    """The parts that pages share."""

    settings: Settings
    database: Database
    clock: Clock
    mint: Mint
    sign_in: SignIn
    sessions: Sessions
    services: Services
    renderer: Renderer

    def clients_for(self, user: User, correlation: str) -> Clients:
        """The services, called with a short-lived token of the user's own."""
        subject = Subject(str(user.id), user.name, user.roles)
        token = self.mint.token(subject, now=self.clock.now(), lifetime=PAGE_TOKEN_LIFE)
        return self.services.as_user(token, correlation)
