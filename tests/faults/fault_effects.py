"""The last check of every fault test: all effects of the order day are in the world, each exactly once."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

from klokwerk_platform.demo.play import Play
from system_world import World


async def assert_everything_once(world: World) -> None:
    """Compare what the outside holds with what is to have left, one by one.

    - mails: one for each EKT of the log, with exactly its bytes; one first EKT for a debtor and day;
    - invoices: numbers without a gap; what was sent is at the access point, the print service or in a mail box
      once, and only there; what failed or was ignored is nowhere;
    - relations: each once in the accounting system;
    - debtor numbers: each once.
    """
    mails = await world.doors.mails()
    await _ekts(world, mails)
    await _invoices(world.play, mails)
    await _relations(world.play)
    cards = await world.doors.everything("debtor-service", "/debtors")
    numbers = Counter(
        (card["administration"], card["debtor_number"]) for card in cards if card["debtor_number"]
    )
    assert max(numbers.values()) == 1, numbers
    assert max(Counter(mail["message_id"] for mail in mails).values()) == 1


async def _ekts(world: World, mails: list[dict[str, Any]]) -> None:
    ekts = await world.doors.everything("ekt-service", "/ekts")
    assert all(ekt["state"] == ("failed" if ekt["bounced_at"] else "sent") for ekt in ekts)
    assert sum(ekt["bounced_at"] is not None for ekt in ekts) == 1
    first = Counter((ekt["debtor_id"], ekt["order_day"]) for ekt in ekts if ekt["trigger"] == "first")
    assert max(first.values()) == 1, first
    received = [
        (mail["envelope_to"], hashes) for mail in mails if (hashes := await _edifact_hashes(world, mail))
    ]
    mailed = [ekt for ekt in ekts if ekt["method"] == "email"]
    assert len(received) == len(mailed)
    for ekt in mailed:
        detail = await world.doors.get("ekt-service", f"/ekts/{ekt['id']}")
        kept = {file["sha256"] for file in detail["files"]}
        times = sum([ekt["recipient"]] == to and hashes <= kept for to, hashes in received)
        assert times == 1, f"EKT {ekt['trigger']} of {ekt['debtor_id']} on {ekt['order_day']}: {times} mails"


async def _edifact_hashes(world: World, mail: dict[str, Any]) -> set[str]:
    """SHA-256 of each EDIFACT file in a mail."""
    numbers = [
        part["number"]
        for part in mail["attachments"]
        if part["content_type"].lower().startswith("application/edifact")
    ]
    return {hashlib.sha256(await world.doors.attachment(mail, n)).hexdigest() for n in numbers}


async def _invoices(play: Play, mails: list[dict[str, Any]]) -> None:
    doors = play.doors
    rows = await doors.everything("sales-service", "/invoices")
    own = {row["number"]: row for row in rows if row["invoice_id"] in play.invoices.values()}
    counted = sorted(int(number.rpartition("-")[2]) for number in own)
    assert counted == list(range(counted[0], counted[0] + len(play.invoices)))
    documents = (await doors.stored(doors.servers.access_point_url))["documents"]
    letters = (await doors.stored(doors.servers.print_service_url))["letters"]
    for number, row in own.items():
        places = {
            "einvoice": sum(number in str(entry["item"].get("number", "")) for entry in documents),
            "print": sum(number in str(entry["item"]) for entry in letters),
            "email": sum(number in mail["subject"] and _has_pdf(mail) for mail in mails),
        }
        outcome = row["dispatch"]
        wanted = dict.fromkeys(places, 0)
        if outcome["state"] == "sent":
            wanted[outcome["channel"]] = 1
        assert places == wanted, f"{number}: {outcome}"


def _has_pdf(mail: dict[str, Any]) -> bool:
    return any(part["content_type"] == "application/pdf" for part in mail["attachments"])


async def _relations(play: Play) -> None:
    stored = await play.doors.stored(play.doors.servers.exact_url)
    items = [entry["item"] for name, entries in stored.items() if "ccounts" in name for entry in entries]
    held = Counter(item["fields"]["Name"] for item in items if "Name" in item.get("fields", {}))
    assert held
    assert max(held.values()) == 1, held
