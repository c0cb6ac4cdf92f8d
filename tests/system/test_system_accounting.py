"""Changed cards on their way to the bookkeeper's system, by file and by direct calls."""

from __future__ import annotations

from typing import Any

import pytest
from klokwerk_platform.demo.doors import StepFailedError, until
from klokwerk_platform.demo.steps.accounting import fetch
from lxml import etree

pytestmark = pytest.mark.system


async def line_of(world, administration: str, debtor: str) -> dict[str, Any]:
    """A debtor's line on the list after "Debiteuren ophalen"; empty when there is none."""
    lines = await fetch(world.play, administration, "debtors")
    return next((line for line in lines if line["debtor_id"] == debtor), {})


async def export(world, administration: str, *line_ids: str) -> dict[str, Any]:
    """Export some lines and wait for the end of it."""
    path = f"/{administration}/debtors/export"
    started = await world.doors.ask("accounting-sync", "POST", path, json={"line_ids": line_ids})

    async def done() -> dict[str, Any]:
        found = await world.doors.get("accounting-sync", f"/{administration}/exports/{started.json()['id']}")
        return found if found["finished_at"] else {}

    return await until("the export ends", done)


async def relations(world, name: str) -> list[dict[str, Any]]:
    """What the simulated Exact Online holds under a name."""
    stored = await world.doors.stored(world.doors.servers.exact_url)
    items = [entry["item"] for store, entries in stored.items() if "ccounts" in store for entry in entries]
    return [item["fields"] for item in items if item.get("fields", {}).get("Name") == name]


async def test_EP_21_EP_25_EP_27_an_exported_card_comes_back_as_update_when_it_changes(world):
    debtor = await world.debtor(use_ekts=False)
    await world.sell(debtor)
    number = await world.number(debtor)

    async def numbered() -> dict[str, Any]:
        line = await line_of(world, "main", debtor)
        return line if line.get("number") == number else {}

    line = await until("the numbered debtor on the list", numbered)
    assert (line["action"], line["preflight"]) == ("Insert", [])
    done = await export(world, "main", line["id"])
    assert done["state"] == "done", done
    file = world.play.exports / "main" / done["file_name"]
    (account,) = etree.parse(file).getroot().findall("Accounts/Account")
    assert (account.get("code"), account.findtext("Name")) == (number, f"Bloemist {debtor}")
    assert await line_of(world, "main", debtor) == {}
    await world.change_card(debtor, name=f"Bloemist {debtor} en Zn.")

    async def back() -> dict[str, Any]:
        return await line_of(world, "main", debtor)

    again = await until("the changed card on the list", back)
    assert (again["action"], again["name"]) == ("Update", f"Bloemist {debtor} en Zn.")


async def test_EP_43_EP_46_direct_export_puts_each_relation_into_exact_once_though_answers_get_lost(world):
    debtor = await world.debtor(use_ekts=False, administration="export")
    await world.doors.ask("debtor-service", "POST", f"/debtors/{debtor}/numbers", json={"kind": "debtor"})
    name = f"Bloemist {debtor}"

    async def numbered() -> dict[str, Any]:
        line = await line_of(world, "export", debtor)
        return line if line.get("number") else {}

    line = await until("the numbered debtor on the list", numbered)
    control = f"{world.doors.servers.exact_url}/_control"
    lost = {"lose_answer_after_accepting": 1, "only_methods": ["POST"], "only_paths": ["/api/v1"]}
    (await world.doors._client.put(control, json=lost)).raise_for_status()
    try:
        path = "/export/debtors/export"
        await world.doors.ask("accounting-sync", "POST", path, json={"line_ids": [line["id"]]})

        async def gone() -> bool:
            left = await line_of(world, "export", debtor)
            if left:
                raise StepFailedError(f"{left['state']}: {left['message']}")
            return True

        await until("the line has gone", gone)
    finally:
        (await world.doors._client.delete(control)).raise_for_status()
    (held,) = await relations(world, name)
    assert held["Code"].strip() == line["number"]
