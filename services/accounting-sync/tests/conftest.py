"""What the tests stand on: a simulated Exact Online on a real port, and a clock that stands still."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from klokwerk.clock import FixedClock
from klokwerk_platform.http_server import serving
from klokwerk_platform.ports import free_ports
from klokwerk_platform.simulators.exact_online import create_app


class ExactWorld:
    """What the other side has and how it is told to behave."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.AsyncClient(base_url=url, timeout=10)

    async def set(self, **settings: Any) -> None:
        (await self._http.put("/_exact", json=settings)).raise_for_status()

    async def behave(self, **behaviour: Any) -> None:
        """Misbehave as told; without arguments, behave."""
        (await self._http.put("/_control", json=behaviour)).raise_for_status()

    async def tokens(self) -> dict[str, str]:
        return (await self._http.post("/_exact/token")).json()

    async def consent_code(self) -> str:
        answer = await self._http.get(
            "/api/oauth2/auth", params={"client_id": "klokwerk", "redirect_uri": "http://here/back"}
        )
        return answer.headers["location"].partition("code=")[2]

    async def revoke(self) -> None:
        (await self._http.post("/_exact/revoke")).raise_for_status()

    async def accounts(self) -> list[dict[str, Any]]:
        """The relations it has, codes without padding, by code."""
        rows = (await self._http.get("/_stored")).json()["exact_accounts"]
        found = [{**row["item"]["fields"], "writes": row["item"]["writes"]} for row in rows]
        return sorted(
            ({**fields, "Code": fields["Code"].strip()} for fields in found),
            key=lambda fields: fields["Code"],
        )

    async def stored(self, name: str) -> list[dict[str, Any]]:
        return [row["item"]["fields"] for row in (await self._http.get("/_stored")).json()[name]]

    async def requests(self, method: str = "", path: str = "") -> list[dict[str, Any]]:
        return (await self._http.get("/_requests", params={"method": method, "path": path})).json()

    async def reset(self) -> None:
        for path in ("/_control", "/_requests", "/_stored"):
            (await self._http.delete(path)).raise_for_status()
        await self.set()

    async def close(self) -> None:
        await self._http.aclose()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 11, 2, 9, tzinfo=UTC))


@pytest.fixture
async def exact(clock: FixedClock) -> AsyncIterator[ExactWorld]:
    (port,) = free_ports(1)
    async with serving([(create_app(clock), port)]):
        world = ExactWorld(f"http://127.0.0.1:{port}")
        yield world
        await world.close()
