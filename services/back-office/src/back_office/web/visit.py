"""One request of a browser: who it is, in which language, and how to answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Annotated, Any
from uuid import uuid4

import structlog
from fastapi import Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from back_office import store
from back_office.clients import Clients
from back_office.clients.shapes import Say
from back_office.domain.roles import Action, may
from back_office.texts.catalogue import LANGUAGES, Translator, preferred
from back_office.texts.formats import Formats
from back_office.texts.phrases import phrasebook
from back_office.web.components.addresses import local, with_query
from back_office.web.components.message import Message
from back_office.web.navigation import NAVIGATION, current
from back_office.web.office import Office
from back_office.web.session import CSRF_FIELD, CSRF_HEADER, LANGUAGE_COOKIE, same_site

MOST_FIELDS = 20_000


class SignInNeeded(Exception):
    """The page asks for a user, and there is none."""


class ForgedRequest(Exception):
    """A form came without the token of this browser, or from another site."""


@dataclass(slots=True)
class _Caller:
    name: str
    is_new: bool


class Visit:
    """One request with its user, language and clients of the services."""

    def __init__(self, request: Request, office: Office, session: store.Session | None) -> None:
        self.request = request
        self.office = office
        self.session = session
        known = structlog.contextvars.get_contextvars().get("correlation_id")
        self.correlation = str(known or uuid4().hex)
        self._visitor = _Caller(*office.sessions.visitor(request))
        self.now = office.clock.now()

    @property
    def user(self) -> store.User:
        """Who is signed in.

        Raises:
            SignInNeeded: nobody is.
        """
        if self.session is None:
            raise SignInNeeded
        return self.session.user

    @cached_property
    def language(self) -> str:
        """The user's choice, else the browser's."""
        chosen = self.session.user.language if self.session else ""
        chosen = chosen or self.request.cookies.get(LANGUAGE_COOKIE, "")
        return chosen if chosen in LANGUAGES else preferred(self.request.headers.get("accept-language", ""))

    @cached_property
    def t(self) -> Translator:
        """Texts in the user's language."""
        return Translator(self.language)

    @cached_property
    def formats(self) -> Formats:
        """Dates and amounts in the user's language."""
        return Formats(self.language, self.office.clock.zone, self.now)

    @cached_property
    def wording(self) -> Say | None:
        """Puts a sentence of a service into the user's language; none where that is the services' own."""
        book = phrasebook(self.language)
        return book.said if book else None

    def said(self, text: str) -> str:
        """A sentence of a service that did not come as one, such as a code without words of its own."""
        return self.wording(text) if self.wording else text

    @cached_property
    def clients(self) -> Clients:
        """The services as this user may use them, speaking the user's language."""
        return self.office.clients_for(self.user, self.correlation, self.wording)

    @property
    def today(self) -> date:
        """The company's day."""
        return self.office.clock.today()

    @property
    def csrf(self) -> str:
        """The token that forms of this browser carry."""
        return self.office.sessions.csrf(self._visitor.name)

    @property
    def query(self) -> dict[str, str]:
        """Parameters of the URL."""
        return dict(self.request.query_params)

    @property
    def here(self) -> str:
        """Address of this page."""
        query = {name: value for name, value in self.query.items() if name not in ("part", "cursor")}
        return with_query(self.request.url.path, query)

    def may(self, action: str) -> bool:
        """Whether the user is offered an action."""
        return may(self.user.roles, Action(action))

    async def form(self) -> dict[str, str]:
        """What was posted, one value a field."""
        return {name: value for name, value in (await posted(self.request)).items() if isinstance(value, str)}

    async def chosen(self, name: str = "ids") -> list[str]:
        """The rows that were ticked."""
        return [value for value in (await posted(self.request)).getlist(name) if isinstance(value, str)]

    async def say(self, message: Message) -> None:
        """Show a message on the next page."""
        if self.session:
            async with self.office.database.transaction() as connection:
                await store.set_flash(connection, self.session.id_hash, message.kept())

    async def remember_day(self, day: date) -> None:
        """Open the sales pages on this day from now on (EF-15)."""
        if self.session and self.session.order_day != day:
            async with self.office.database.transaction() as connection:
                await store.remember_day(connection, self.session.id_hash, day)

    async def page(self, template: str, *, status: int = 200, **context: Any) -> Response:
        """Answer with a whole page."""
        messages = list(context.pop("messages", ()))
        if self.session and self.session.flash:
            messages.insert(0, Message.from_kept(self.session.flash))
            async with self.office.database.transaction() as connection:
                await store.set_flash(connection, self.session.id_hash, None)
        response = HTMLResponse(self.rendered(template, messages=messages, **context), status)
        if self._visitor.is_new:
            self.office.sessions.remember_visit(response, self._visitor.name)
        return response

    def part(self, template: str, *, address: str = "", **context: Any) -> Response:
        """Answer with a part of a page; `address` is what the browser then shows."""
        response = HTMLResponse(self.rendered(template, messages=(), **context))
        if address:
            response.headers["HX-Push-Url"] = address
        return response

    def go(self, address: str) -> Response:
        """Send the browser on to another page of ours."""
        return RedirectResponse(local(address), status_code=303)

    def rendered(self, template: str, **context: Any) -> str:
        """A template with what every page has."""
        return self.office.renderer.render(
            template,
            {
                "visit": self,
                "t": self.t,
                "fmt": self.formats,
                "csrf": self.csrf,
                "user": self.session.user if self.session else None,
                "settings": self.office.settings,
                "navigation": NAVIGATION,
                "current": current(self.request.url.path),
                "languages": LANGUAGES,
                **context,
            },
        )


async def posted(request: Request) -> FormData:
    """The form that was posted, with at most one file; its size is limited for the whole service."""
    return await request.form(max_files=1, max_fields=MOST_FIELDS)


async def anybody(request: Request) -> Visit:
    """A visit, signed in or not; a form must carry the browser's own token."""
    office: Office = request.app.state.office
    visit = Visit(request, office, await office.sessions.find(request))
    if request.method not in ("GET", "HEAD"):
        token = request.headers.get(CSRF_HEADER) or (await posted(request)).get(CSRF_FIELD)
        if not same_site(request) or token != visit.csrf:
            raise ForgedRequest
    return visit


async def signed_in(visit: Annotated[Visit, Depends(anybody)]) -> Visit:
    """A visit of somebody who is signed in."""
    if visit.session is None:
        raise SignInNeeded
    return visit


Anybody = Annotated[Visit, Depends(anybody)]
SignedIn = Annotated[Visit, Depends(signed_in)]
