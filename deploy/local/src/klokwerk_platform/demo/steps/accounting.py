"""Step 8: the bookkeeper's system hears of debtors and creditors, by file and by direct calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lxml import etree

from klokwerk_platform.demo.doors import StepFailedError, until
from klokwerk_platform.demo.play import Play, expect

_FILE, _DIRECT = "main", "export"
_REFUSED = "Haus der Blumen e.K."


async def fetch(play: Play, administration: str, kind: str) -> list[dict[str, Any]]:
    """Press "Debiteuren ophalen" and read the lines."""
    await play.doors.ask("accounting-sync", "POST", f"/{administration}/{kind}/fetch")
    return await play.doors.everything("accounting-sync", f"/{administration}/{kind}/lines")


async def file_mode(play: Play) -> None:
    """Exact Online's XML file, all or nothing; repeated with only the lines that are right."""
    lines = await fetch(play, _FILE, "debtors")
    expect({line["action"] for line in lines}, {"Insert"}, "actions at first use (EP-36)")
    wrong = [line for line in lines if line["preflight"]]
    ready = [line for line in lines if not line["preflight"]]
    play.screen.done(f"{len(lines)} debtors fetched for {_FILE}, {len(wrong)} of them can't go as they are")
    existing = ready[0]
    await play.doors.ask(
        "accounting-sync",
        "POST",
        f"/{_FILE}/debtors/lines/status",
        json={"line_ids": [existing["id"]], "action": "Update"},
    )
    play.screen.done(f"{existing['name']} set to Update by hand: Exact knows it already (EP-37)")
    failed = await _export(play, _FILE, "debtors", None)
    expect(failed["state"], "failed", "an export with lines that cannot go (EP-58)")
    again = await play.doors.everything("accounting-sync", f"/{_FILE}/debtors/lines")
    told = {line["id"]: line for line in again if line["message"]}
    expect(set(told), {line["id"] for line in wrong}, "lines with a message")
    said = told[wrong[0]["id"]]
    play.screen.proof(
        f"all or nothing: the export failed; Melding on {said['name']}: {said['message']} (EP-58, EP-62)"
    )
    done = await _export(play, _FILE, "debtors", [line["id"] for line in ready])
    expect(done["state"], "done", f"export of the right lines: {done['message']}")
    root = _read(play.exports / _FILE / done["file_name"])
    accounts = root.findall("Accounts/Account")
    seen = {account.get("code"): account.findtext("Name") for account in accounts}
    expect(seen, {line["number"]: line["name"] for line in ready}, "accounts in the XML file on disk")
    play.screen.proof(
        f"{done['file_name']} on disk holds exactly the {len(accounts)} right debtors (EP-55, EP-60)"
    )
    await _creditors(play)


async def _creditors(play: Play) -> None:
    lines = await fetch(play, _FILE, "creditors")
    for line in lines:
        await play.doors.ask(
            "debtor-service", "POST", f"/debtors/{line['debtor_id']}/numbers", json={"kind": "creditor"}
        )

    async def numbered() -> list[dict[str, Any]]:
        again = await fetch(play, _FILE, "creditors")
        return again if all(line["number"] for line in again) else []

    lines = await until("creditor numbers on the lines", numbered)
    done = await _export(play, _FILE, "creditors", None)
    expect(done["state"], "done", f"export of creditors: {done['message']}")
    accounts = _read(play.exports / _FILE / done["file_name"]).findall("Accounts/Account")
    expect({a.findtext("IsSupplier") for a in accounts}, {"1"}, "IsSupplier of every account")
    play.screen.proof(
        f"{done['file_name']} holds {len(accounts)} creditors, each numbered by its button (EP-18)"
    )


async def direct_mode(play: Play) -> None:
    """Line by line into the simulated Exact Online, with one line refused and its message shown."""
    lines = await fetch(play, _DIRECT, "debtors")
    await _export(play, _DIRECT, "debtors", None)

    async def refused_here() -> list[dict[str, Any]]:
        left = await play.doors.everything("accounting-sync", f"/{_DIRECT}/debtors/lines")
        return left if all(line["message"] for line in left) else []

    left_over = await until("a message on every line without a number", refused_here)
    expect({line["message_origin"] for line in left_over}, {"own"}, "origin of the messages (EP-49)")
    play.screen.proof(
        f'{len(left_over)} lines stay here, Melding of our own: "{left_over[0]["message"]}" (D-05)'
    )
    exact = play.doors.servers.exact_url
    refused = next(line for line in lines if line["name"] == _REFUSED)
    settings = await play.doors.outside(f"{exact}/_exact")
    message = "Verplicht: Betalingsconditie"
    settings["refuse"] = [{"name": refused["name"], "message": message}]
    (await play.doors._client.put(f"{exact}/_exact", json=settings)).raise_for_status()
    for line in lines:
        await play.doors.ask(
            "debtor-service", "POST", f"/debtors/{line['debtor_id']}/numbers", json={"kind": "debtor"}
        )
    play.screen.done(f"{len(lines)} debtors of {_DIRECT} numbered by the button beside the number (EP-09)")
    play.screen.done("nothing else is pressed: a line that waited for its card goes by itself (EP-47, D-07)")

    async def told() -> dict[str, Any]:
        left = await play.doors.everything("accounting-sync", f"/{_DIRECT}/debtors/lines")
        mine = {line["id"]: line for line in left}
        gone = all(line["id"] not in mine for line in lines if line is not refused)
        said = mine.get(refused["id"], {})
        if not gone or message not in said.get("message", ""):
            raise StepFailedError(str([(line["name"], line["state"], line["message"]) for line in left]))
        return said

    left = await until("all lines but the refused one are gone", told)
    names = await _accounts(play)
    expect(
        sorted(set(names) & {line["name"] for line in lines}),
        sorted(line["name"] for line in lines if line is not refused),
        "relations in Exact Online",
    )
    expect(len(names), len(set(names)), "nobody stands twice in Exact Online")
    play.screen.proof(f"Exact Online holds {len(lines) - 1} of {len(lines)} debtors (EP-43, EP-46)")
    play.screen.proof(
        f'{left["name"]} stayed, Melding from {left["message_origin"]}: "{left["message"]}" (EP-51)'
    )
    settings["refuse"] = []
    (await play.doors._client.put(f"{exact}/_exact", json=settings)).raise_for_status()
    await _export(play, _DIRECT, "debtors", [left["id"]])

    async def complete() -> bool:
        return left["name"] in await _accounts(play)

    await until("the refused line goes after it was mended", complete)
    play.screen.proof(f"mended and exported again: {left['name']} is in Exact Online, once")


async def changed_card(play: Play) -> None:
    """A card that changes after its export comes back as Update."""
    debtor = next(
        row["debtor_id"]
        for row in play.day.customers
        if row["debtor_id"] in play.numbers and play.day.administration_of(row["debtor_id"]) == _FILE
    )
    await play.doors.save(
        "debtor-service", f"/debtors/{debtor}", lambda card: card | {"phones": ["+31 20 555 0199"]}
    )

    async def back() -> dict[str, Any]:
        lines = await fetch(play, _FILE, "debtors")
        return next((line for line in lines if line["debtor_id"] == debtor), {})

    line = await until("the changed card on the list", back)
    expect(line["action"], "Update", f"action of {line['name']} (EP-27)")
    play.screen.proof(
        f"{line['name']} changed its phone number and is back on the list as Update (EP-21, EP-25)"
    )


async def _accounts(play: Play) -> list[str]:
    stored = await play.doors.stored(play.doors.servers.exact_url)
    items = [entry["item"] for name, entries in stored.items() if "ccounts" in name for entry in entries]
    return [item["fields"]["Name"] for item in items if "fields" in item and "Name" in item["fields"]]


async def _export(play: Play, administration: str, kind: str, line_ids: list[str] | None) -> dict[str, Any]:
    body = {} if line_ids is None else {"line_ids": line_ids}
    started = await play.doors.ask("accounting-sync", "POST", f"/{administration}/{kind}/export", json=body)
    export_id = started.json()["id"]

    async def finished() -> dict[str, Any]:
        found: dict[str, Any] = await play.doors.get(
            "accounting-sync", f"/{administration}/exports/{export_id}"
        )
        return found if found["finished_at"] or found["state"] in ("done", "failed") else {}

    return await until(f"export of {administration}/{kind}", finished)


def _read(file: Path) -> Any:
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    return etree.fromstring(file.read_bytes(), parser)
