"""The back office on a real database, with services that answer what a test wants."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from back_office.app import create
from back_office.settings import Settings
from fastapi import FastAPI
from klokwerk.testing import running

ADMIN, PASSWORD = "anna", "correct horse"
HOSTS = {"debtors": "debtors.test", "sales": "sales.test", "ekts": "ekts.test"}
HOSTS |= {"dispatch": "dispatch.test", "accounting": "accounting.test"}
CSRF = re.compile(r'name="_csrf" value="([0-9a-f]{64})"')
Answer = Callable[[httpx.Request], httpx.Response] | httpx.Response | Exception


@dataclass
class FakeServices:
    """Answers by method, host and path; everything that was asked is kept."""

    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)
    asked: list[httpx.Request] = field(default_factory=list)

    def on(
        self, method: str, service: str, path: str, body: Any = None, status: int = 200, **headers: str
    ) -> None:
        """Answer a call with JSON."""
        media = "application/problem+json" if status >= 400 else "application/json"
        content = json.dumps(body).encode()
        self.answers[(method, f"{HOSTS[service]}{path}")] = httpx.Response(
            status, content=content, headers={"content-type": media, **headers}
        )

    def away(self, method: str, service: str, path: str) -> None:
        """Let a call fail as if nobody listened."""
        self.answers[(method, f"{HOSTS[service]}{path}")] = httpx.ConnectError("connection refused")

    def last(self, method: str, path: str) -> httpx.Request:
        """The last call of that kind."""
        return next(one for one in reversed(self.asked) if (one.method, one.url.path) == (method, path))

    def count(self, method: str, path: str) -> int:
        return sum((one.method, one.url.path) == (method, path) for one in self.asked)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.get((request.method, f"{request.url.host}{request.url.path}"))
        if answer is None:
            body = {"title": f"No such thing: {request.method} {request.url}", "status": 404}
            return httpx.Response(404, json=body)
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            return answer(request)
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)


def settings_for(database_url: str, **changes: Any) -> Settings:
    """Settings of a back office in a test."""
    values: dict[str, Any] = {
        "database_url": database_url,
        "issuer": "http://office.test",
        "secret_key": "a secret for tests only",
        "admin_user": ADMIN,
        "admin_password": PASSWORD,
        "clients": {"webshop": {"secret": "shop secret", "roles": ["sales"]}},
        "support_phone": "+31 71 000 00 00",
        "support_email": "help@klokwerk.test",
        **{f"{name}_url": f"http://{HOSTS[host]}" for name, host in SETTINGS_HOSTS.items()},
    }
    return Settings(**(values | changes))


SETTINGS_HOSTS = {
    "debtor": "debtors",
    "sales": "sales",
    "ekt": "ekts",
    "dispatch": "dispatch",
    "accounting": "accounting",
}


@dataclass
class Browser:
    """What a person does with the pages: keeps cookies, sends the token that the page carried."""

    client: httpx.AsyncClient

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.client.get(path, **options)

    async def csrf(self, page: str = "/sign-in") -> str:
        response = await self.client.get(page, follow_redirects=True)
        found = CSRF.search(response.text)
        assert found, response.text[:2000]
        return found.group(1)

    async def post(
        self, path: str, data: dict[str, Any] | None = None, *, page: str = "/sign-in"
    ) -> httpx.Response:
        token = await self.csrf(page)
        return await self.client.post(path, data={"_csrf": token, **(data or {})})

    async def sign_in(self, name: str = ADMIN, password: str = PASSWORD) -> httpx.Response:
        return await self.post("/sign-in", {"user": name, "password": password})


@dataclass
class World:
    """A running back office."""

    app: FastAPI
    client: httpx.AsyncClient
    services: FakeServices
    settings: Settings

    def browser(self, language: str = "en", address: str = "203.0.113.1") -> Browser:
        """Somebody's browser, not signed in."""
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False, client=(address, 4000))
        client = httpx.AsyncClient(
            transport=transport, base_url="http://office.test", headers={"Accept-Language": language}
        )
        return Browser(client)

    async def signed_in(self, language: str = "en", name: str = ADMIN, password: str = PASSWORD) -> Browser:
        """The browser of somebody who is signed in."""
        browser = self.browser(language)
        response = await browser.sign_in(name, password)
        assert response.status_code == 303, response.text
        return browser

    async def speaking(self, language: str, *roles: str) -> Browser:
        """The browser of a new user (of sales unless said otherwise) who has chosen no language yet."""
        name = f"{language}-{uuid4().hex[:8]}"
        await self.app.state.office.sign_in.add_user(name, PASSWORD, roles or ("sales",))
        return await self.signed_in(language, name)

    async def with_roles(self, *roles: str, name: str) -> Browser:
        """The browser of a user with just these roles."""
        await self.app.state.office.sign_in.add_user(name, PASSWORD, roles)
        return await self.signed_in(name=name)


@asynccontextmanager
async def start_world(database_url: str, **changes: Any) -> AsyncIterator[World]:
    services = FakeServices()
    settings = settings_for(database_url, **changes)
    app = create(settings, httpx.MockTransport(services.handle))
    async with running(app) as client:
        yield World(app, client, services, settings)
