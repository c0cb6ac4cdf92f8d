"""Waits until a service says that it is ready, with its reasons when it doesn't become so."""

from __future__ import annotations

import asyncio
from typing import Protocol

import httpx


class Waitable(Protocol):
    """What can be waited for."""

    @property
    def title(self) -> str: ...

    @property
    def url(self) -> str: ...

    def check(self) -> None:
        """Raise when waiting has become useless."""
        ...

    def log_tail(self) -> str: ...


async def is_ready(url: str) -> tuple[bool, str]:
    """Whether the service at ``url`` is ready, and what it says when it isn't."""
    try:
        async with httpx.AsyncClient(timeout=3, trust_env=False) as http:
            answer = await http.get(f"{url}/health/ready")
    except httpx.HTTPError as problem:
        return False, f"no answer ({type(problem).__name__})"
    return answer.is_success, answer.text[:500]


async def wait_until_ready(service: Waitable, seconds: float) -> None:
    """Return when ``/health/ready`` says yes.

    Raises ``TimeoutError`` with the last answer and the end of the log after ``seconds``, and what
    ``service.check`` raises.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        service.check()
        ready, said = await is_ready(service.url)
        if ready:
            return
        if asyncio.get_running_loop().time() > deadline:
            raise TimeoutError(
                f"{service.title} is not ready after {seconds:.0f} s: {said}\n"
                f"The end of its log:\n{service.log_tail()}"
            )
        await asyncio.sleep(0.1)
