"""Batches of the simulator of Mailchimp: worked off between polls, their results in an archive for ten minutes."""

from __future__ import annotations

import io
import json
import secrets
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from klokwerk_platform.simulators.mailchimp_members import Refused, not_found

MOST_PENDING = 500
LINK_SECONDS = 600
OPERATIONS_A_FILE = 100

Perform = Callable[[str, str, dict[str, Any]], tuple[int, Any]]


@dataclass(slots=True)
class Batch:
    """Operations that were handed in together."""

    id: str
    operations: list[dict[str, Any]]
    status: str = "pending"
    results: list[dict[str, Any]] = field(default_factory=list)
    link: str = ""
    polls: int = 0
    submitted_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def view(self, base: str) -> dict[str, Any]:
        """As the API shows it."""
        over = self.status == "finished"
        errored = sum(result["status_code"] >= 400 for result in self.results)
        return {
            "id": self.id,
            "status": self.status,
            "total_operations": len(self.operations),
            "finished_operations": len(self.results),
            "errored_operations": errored,
            "submitted_at": self.submitted_at.isoformat(timespec="seconds"),
            "completed_at": datetime.now(UTC).isoformat(timespec="seconds") if over else "",
            "response_body_url": f"{base}archives/{self.link}" if over else "",
        }


class Batches:
    """All batches."""

    def __init__(self, perform: Perform) -> None:
        self._perform = perform
        self._batches: dict[str, Batch] = {}
        self._links: dict[str, tuple[str, float]] = {}
        self.polls = 1

    def start(self, operations: list[dict[str, Any]]) -> Batch:
        """Take operations in.

        Raises:
            Refused: there are none, or too many batches wait already.
        """
        if not operations:
            raise Refused(400, "Invalid Resource", "The resource submitted could not be validated.")
        if sum(batch.status != "finished" for batch in self._batches.values()) >= MOST_PENDING:
            raise Refused(429, "Too Many Requests", "You have more than 500 pending batches.")
        batch = Batch(secrets.token_hex(5), operations)
        self._batches[batch.id] = batch
        return batch

    def poll(self, batch_id: str) -> Batch:
        """How far a batch is; it moves on with each question.

        Raises:
            Refused: there is none.
        """
        batch = self._batches.get(batch_id)
        if batch is None:
            raise not_found()
        if batch.status != "finished":
            batch.polls += 1
            batch.status = "started"
        if batch.status == "started" and batch.polls > self.polls:
            batch.results = [self._once(operation) for operation in batch.operations]
            batch.status = "finished"
        if batch.status == "finished":
            batch.link = f"{secrets.token_urlsafe(24)}-response.tar.gz"
            self._links[batch.link] = (batch.id, time.monotonic() + LINK_SECONDS)
        return batch

    def archive(self, link: str) -> bytes | None:
        """The results; none when the link is unknown or too old."""
        batch_id, until = self._links.get(link, ("", 0.0))
        if not batch_id or time.monotonic() > until:
            return None
        results = self._batches[batch_id].results
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as packed:
            folder = tarfile.TarInfo(batch_id)
            folder.type = tarfile.DIRTYPE
            packed.addfile(folder)
            for start in range(0, len(results), OPERATIONS_A_FILE):
                content = json.dumps(results[start : start + OPERATIONS_A_FILE]).encode()
                entry = tarfile.TarInfo(f"{batch_id}/{start}-{batch_id}.json")
                entry.size = len(content)
                packed.addfile(entry, io.BytesIO(content))
        return out.getvalue()

    def _once(self, operation: dict[str, Any]) -> dict[str, Any]:
        body = json.loads(operation.get("body") or "{}")
        status, answer = self._perform(operation.get("method", "GET"), operation.get("path", ""), body)
        return {
            "status_code": status,
            "operation_id": operation.get("operation_id"),
            "response": "" if answer is None else json.dumps(answer),
        }
