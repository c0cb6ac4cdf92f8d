"""What a person does with a list: hand it in, map its columns, decide on doubles, run it, take it back."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from debtor_world import World
from klokwerk.testing import eventually


def csv_of(headings: Sequence[str], *rows: Sequence[str], delimiter: str = ";") -> bytes:
    """A CSV file."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerows([headings, *rows])
    return out.getvalue().encode()


@dataclass(slots=True)
class Steps:
    """One import, driven over HTTP."""

    world: World
    view: dict[str, Any]

    @property
    def path(self) -> str:
        return f"/v1/imports/{self.view['id']}"

    @property
    def fields(self) -> list[str]:
        return [column["field"] for column in self.view["columns"]]

    async def call(self, method: str, path: str = "", body: Any = None) -> httpx.Response:
        """A call on the revision that was seen last."""
        answer = await self.world.client.request(
            method,
            self.path + path,
            json=body,
            headers=self.world.headers("sales", revision=self.view["revision"]),
        )
        if answer.is_success and answer.content and answer.json().get("id") == self.view["id"]:
            self.view = answer.json()
        return answer

    async def reload(self) -> dict[str, Any]:
        answer = await self.world.client.get(self.path, headers=self.world.headers("read-only"))
        self.view = answer.json()
        return self.view

    async def map(self, *fields: str, check: bool = True, **more: Any) -> dict[str, Any]:
        """Save the mapping and wait for the dry run."""
        body = {"fields": list(fields or self.fields), **more}
        answer = await self.call("PUT", "/mapping", body)
        assert answer.status_code == 200, answer.text
        return await self.until("checked") if check else self.view

    async def decide(self, default: str | None = None, **rows: Any) -> httpx.Response:
        """Decide on doubles; rows as ``line_3="update"``."""
        decided = [{"number": int(name.removeprefix("line_")), "decision": how} for name, how in rows.items()]
        return await self.call("PUT", "/decisions", {"default": default, "rows": decided})

    async def run(self) -> dict[str, Any]:
        answer = await self.call("POST", "/run")
        assert answer.status_code == 202, answer.text
        return await self.until("done")

    async def take_back(self) -> dict[str, Any]:
        answer = await self.call("POST", "/take-back")
        assert answer.status_code == 202, answer.text
        return await self.until("taken_back")

    async def until(self, state: str, *, within: float = 30) -> dict[str, Any]:
        async def there() -> dict[str, Any] | None:
            view = await self.reload()
            job = view["job"] or {}
            assert job.get("state") not in ("failed",), job
            return view if view["state"] == state and job.get("state") == "done" else None

        return await eventually(there, within=within)

    async def rows(self, **wanted: str) -> dict[int, dict[str, Any]]:
        """The lines by number."""
        answer = await self.world.client.get(
            self.path + "/rows", params={"limit": "200", **wanted}, headers=self.world.headers("read-only")
        )
        assert answer.status_code == 200, answer.text
        return {row["number"]: row for row in answer.json()["items"]}

    async def rejected(self) -> bytes:
        answer = await self.world.client.get(
            self.path + "/errors.csv", headers=self.world.headers("read-only")
        )
        assert answer.status_code == 200
        return answer.content


async def hand_in(
    world: World, content: bytes, *, name: str = "klanten.csv", params: Mapping[str, str] | None = None
) -> Steps:
    """The first step."""
    answer = await world.client.post(
        "/v1/imports",
        content=content,
        params={"file_name": name, **(params or {})},
        headers=world.headers("sales") | {"content-type": "application/octet-stream"},
    )
    assert answer.status_code == 201, answer.text
    return Steps(world, answer.json())
