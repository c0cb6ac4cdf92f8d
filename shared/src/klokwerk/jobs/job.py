"""What a job is."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from klokwerk_contracts.envelope import new_event_id


class JobState(StrEnum):
    """Where a job stands; the last three are final."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Nothing more happens to it."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class JobFailed(Exception):
    """The job can't be done as asked; the text says why and what to do, and is shown to the person."""


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be.

    Attributes:
        kind: which runner does it, e.g. ``card-import``.
        title: what the person sees in lists, e.g. the name of the file.
        input: what the runner needs; plain JSON.
        natural_key: a second job under the same key is not made, the first one is given instead.
    """

    kind: str
    title: str = ""
    input: Mapping[str, Any] = field(default_factory=dict)
    total: int | None = None
    natural_key: str | None = None
    id: uuid.UUID = field(default_factory=new_event_id)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands.

    Attributes:
        done, total: how far it is, in the things the runner counts; `total` is none while it is not known.
        position: where a restart goes on, as the runner's last step left it; plain JSON.
        result: what came out so far; plain JSON.
        message: for people: why it failed, or a summary.
        attempts: times it was begun or taken up again since its last finished step.
        revision: rises with every change, for watchers.
    """

    id: uuid.UUID
    kind: str
    title: str
    input: dict[str, Any]
    state: JobState
    done: int
    total: int | None
    position: dict[str, Any]
    result: dict[str, Any]
    message: str
    attempts: int
    cancel_asked: bool
    revision: int
    created_by: str
    created_by_name: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    changed_at: datetime
