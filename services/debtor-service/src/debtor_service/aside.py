"""Long work in plain Python is done aside, so that requests are answered meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

FEW = 20
"""Up to so many things are worked out on the spot: going to a thread and back would take longer."""


async def worked_out(count: int, work: Callable[[], T]) -> T:
    """What `work` gives; done in a thread when it is about many things.

    Args:
        count: how many things it is about.
        work: uses neither the event loop nor a connection.
    """
    return work() if count <= FEW else await asyncio.to_thread(work)
