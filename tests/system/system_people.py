"""People with one role each, who sign in and use the services' APIs themselves."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from system_world import World

ROLES = ("sales", "finance", "billing-admin", "ops", "read-only")
_PASSWORD = "a password for tests"


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in; answers are given as they come, refusals included."""

    urls: dict[str, str]
    client: httpx.AsyncClient

    async def ask(
        self, service: str, method: str, path: str, json: Any = None, revision: str | None = None
    ) -> httpx.Response:
        headers = {} if revision is None else {"If-Match": revision}
        url = f"{self.urls[service]}/v1{path}"
        return await self.client.request(method, url, json=json, headers=headers)


@asynccontextmanager
async def people(world: World) -> AsyncIterator[dict[str, Person]]:
    """One person for each role, by its name."""
    names = {role: f"{role}-{secrets.token_hex(3)}" for role in ROLES}
    await _make_users(world, names)
    found = {role: await _signed_in(world, name) for role, name in names.items()}
    try:
        yield found
    finally:
        for person in found.values():
            await person.client.aclose()


async def _make_users(world: World, names: dict[str, str]) -> None:
    """What `python -m back_office add-user NAME ROLE` does, for all of them in one process."""
    calls = "".join(f"add_user([{name!r}, {role!r}]) or " for role, name in names.items())
    program = f"from back_office.__main__ import add_user; raise SystemExit({calls}0)"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program),
        env=world.platform.environment_of("back-office"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate(f"{_PASSWORD}\n".encode() * len(names))
    assert process.returncode == 0, output.decode()


async def _signed_in(world: World, name: str) -> Person:
    client = httpx.AsyncClient(timeout=30, trust_env=False)
    answer = await client.post(
        f"{world.doors.urls['back-office']}/oauth/token",
        data={"grant_type": "password", "username": name, "password": _PASSWORD},
    )
    assert answer.status_code == 200, answer.text
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return Person(world.doors.urls, client)
