"""Long work of a service that a person started: how far it is, what came out, its files."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

from pydantic import Field

from back_office.clients.shapes import Page, Said, Shape, at
from back_office.clients.transport import Caller, Download

FINAL = frozenset({"done", "failed", "cancelled"})


class JobFile(Shape):
    """A file of a job: what was handed in (``input``) or what came out (``output``)."""

    role: str
    name: str = ""
    media_type: str = ""
    size: int = 0


class Job(Shape):
    """A job as its service shows it.

    Attributes:
        done, total: how far it is; `total` is none while it is not known.
        revision: rises with every change.
    """

    id: str
    kind: str = ""
    title: Said = ""
    state: str = "waiting"
    done: int = 0
    total: int | None = None
    result: dict[str, Any] = Field(default_factory=dict)
    message: Said = ""
    revision: int = 0
    created_by: str = ""
    created_at: datetime | None = None
    finished_at: datetime | None = None
    cancel_asked: bool = False
    files: tuple[JobFile, ...] = ()

    @property
    def over(self) -> bool:
        """Nothing more happens to it."""
        return self.state in FINAL

    @property
    def percent(self) -> int | None:
        """How far it is, 0 to 100; none while that is not known."""
        if self.state == "done":
            return 100
        return min(100, 100 * self.done // self.total) if self.total else None


class JobClient:
    """Jobs of one service."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def job(self, job_id: str, *, after: int | None = None, wait: float = 0) -> Job:
        """One job; with `after`, once its revision is higher than that or `wait` seconds are over."""
        return (await self._caller.get(at("jobs", job_id), Job, {"after": after, "wait": wait or None})).value

    async def page(self, *, kind: str = "", cursor: str | None = None, limit: str = "50") -> Page[Job]:
        """Jobs, newest first."""
        params = {"kind": kind, "cursor": cursor, "limit": limit}
        return (await self._caller.get(at("jobs"), Page[Job], params)).value

    async def cancel(self, job_id: str) -> Job:
        """Stop it; what was done before stays done."""
        return (await self._caller.send("POST", at("jobs", job_id, "cancel"), Job)).value

    def file(self, job_id: str, role: str) -> AbstractAsyncContextManager[Download]:
        """One of its files."""
        return self._caller.download(at("jobs", job_id, "files", role))
