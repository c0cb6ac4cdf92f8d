"""A change through the demo's doors survives a lost answer and somebody else who saved meanwhile."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from klokwerk_platform.demo.doors import Doors, StepFailedError
from klokwerk_platform.servers import Servers

SERVICE = "http://service.test"


class Card:
    """A service with one card under optimistic lock; it can lose an answer, or be overtaken by others."""

    def __init__(self) -> None:
        self.held: dict[str, Any] | None = {"name": "Bloem"}
        self.revision = 1
        self.lost = 0
        self.overtaken = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return httpx.Response(200, json={"access_token": "t"})
        if request.method == "GET":
            if self.held is None:
                return httpx.Response(404)
            return httpx.Response(200, json=self.held, headers={"ETag": f'"{self.revision}"'})
        if self.overtaken:
            self.overtaken -= 1
            self.revision += 1
        if request.headers["If-Match"] != f'"{self.revision}"':
            return httpx.Response(412, text="changed by somebody else")
        self.held = json.loads(request.content)
        self.revision += 1
        if self.lost:
            self.lost -= 1
            raise httpx.ReadError("connection reset", request=request)
        return httpx.Response(200, json=self.held)


@pytest.fixture
def card() -> Card:
    return Card()


@pytest.fixture
async def doors(card: Card, tmp_path: Path) -> AsyncIterator[Doors]:
    client = httpx.AsyncClient(transport=httpx.MockTransport(card))
    urls = {"debtor-service": SERVICE, "back-office": SERVICE}
    opened = Doors(urls, "secret", Servers(*[SERVICE] * 7), tmp_path / "clock.json", 5.0, client)
    yield opened
    await opened.close()


async def test_a_change_whose_answer_was_lost_is_there_once_and_no_error(card, doors):
    card.lost = 1
    saved = await doors.save("debtor-service", "/card", lambda now: now | {"phones": ["1"]})
    assert saved == card.held == {"name": "Bloem", "phones": ["1"]}


async def test_a_card_that_became_newer_while_it_was_open_is_opened_again(card, doors):
    card.overtaken = 2
    saved = await doors.save("debtor-service", "/card", lambda now: now | {"phones": ["1"]})
    assert saved == {"name": "Bloem", "phones": ["1"]}


async def test_a_card_that_others_save_all_the_time_ends_in_what_the_service_said(card, doors):
    card.overtaken = 99
    with pytest.raises(StepFailedError, match="412 changed by somebody else") as refused:
        await doors.save("debtor-service", "/card", {"name": "Roos"})
    assert refused.value.status == 412
    assert card.overtaken > 90


async def test_a_resource_that_is_not_there_yet_is_made(card, doors):
    card.held, card.revision = None, 0
    assert await doors.save("debtor-service", "/card", {"name": "Roos"}) == {"name": "Roos"}
