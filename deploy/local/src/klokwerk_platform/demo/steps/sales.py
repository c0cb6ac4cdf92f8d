"""Steps 2 to 4: what was sold, the distributions, the EKT mails, and a correction that is sent again."""

from __future__ import annotations

import asyncio
import sys
import warnings
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydifact.segmentcollection import Interchange

from klokwerk_platform.demo.doors import StepFailedError, until
from klokwerk_platform.demo.play import Play, expect


@dataclass(frozen=True, slots=True)
class ReadLine:
    """One order line as an independent EDIFACT reader finds it in a file."""

    vbn_code: str
    pieces: int
    units: int
    price: str
    order_line: str
    logistic_number: str


def read_ekt(content: bytes) -> tuple[str, list[ReadLine]]:
    """Buyer code and lines of an EKT file, read with ``pydifact`` and none of our own code."""
    buyer, lines = "", []
    with warnings.catch_warnings():
        # It tells that it has no table for CLOCKT; it reads the segments all the same.
        warnings.simplefilter("ignore")
        messages = list(Interchange.from_str(content.decode("latin-1")).get_messages())
    for message in messages:
        found: dict[str, str] = {}
        for segment in message.segments:
            first = segment.elements[0] if segment.elements else ""
            if segment.tag == "NAD" and first == "BY":
                buyer = str(segment.elements[1])
            elif segment.tag == "LIN":
                found["LIN"] = segment.elements[2][0]
            elif segment.tag in ("RFF", "QTY", "PRI"):
                found[first[0]] = first[1]
        lines.append(
            ReadLine(
                found["LIN"], int(found["52"]), int(found["66"]), found["INV"], found["VN"], found["AGJ"]
            )
        )
    return buyer, lines


async def enter_articles(play: Play) -> None:
    """The article list."""
    count = 0
    for article in play.day.articles():
        await play.doors.ask("sales-service", "POST", "/articles", json=article)
        count += 1
    play.screen.done(f"{count} articles entered")


async def sell(play: Play, day: date) -> None:
    """A day's sale lines, as the sales staff enter them."""
    lines = play.day.lines(day)
    await play.doors.ask("sales-service", "POST", f"/days/{day}/lines", json={"lines": lines})
    play.screen.done(f"{len(lines)} sale lines of {day} entered")
    shown = await play.doors.everything("sales-service", f"/days/{day}/debtors")
    own = sorted(row["debtor_id"] for row in shown if not row["source"].startswith("//"))
    expect(own, play.day.buyers(day), f"(Sold) Per debtor of {day}")
    play.screen.proof(
        f"(Sold) Per debtor shows the {len(own)} customers who bought, and nobody else (EF-11, EF-12)"
    )


async def outside_program(play: Play) -> None:
    """A web shop of somebody else publishes with nothing but the contracts package."""
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        str(play.day.folder / "outside_program.py"),
        str(play.day.folder / "outside.json"),
        play.kafka.bootstrap,
        play.kafka.prefix,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await program.communicate()
    if program.returncode:
        raise StepFailedError(f"demo/outside_program.py ended with {program.returncode}:\n{output.decode()}")
    for line in output.decode().splitlines():
        play.screen.done(f"outside program: {line}")
    debtor = play.day.outside["debtor_id"]
    day = play.day.outside["sale.completed"][0]["order_day"]

    async def recorded() -> bool:
        rows = await play.doors.everything("sales-service", f"/days/{day}/debtors")
        return any(row["debtor_id"] == debtor and row["source"] == play.day.outside["source"] for row in rows)

    await until("the foreign sale stands in (Sold) Per debtor", recorded)
    play.screen.proof(f"the sale of {play.names[debtor]} stands in the same list, marked with its source")


def expected_lines(play: Play, day: date) -> dict[str, list[tuple[str, int, int, str]]]:
    """VBN code, pieces, units and price of every line of a day by debtor, straight from the files."""
    articles = {article["number"]: article["vbn_code"] for article in play.day.articles()}
    found: dict[str, list[tuple[str, int, int, str]]] = defaultdict(list)
    for line in play.day.lines(day):
        found[line["debtor_id"]].append(
            (articles[line["article_number"]], line["pieces_per_unit"], line["units"], line["price"])
        )
    for event in play.day.outside["sale.completed"]:
        if event["order_day"] == day.isoformat():
            found[event["debtor_id"]] = [
                (
                    line["article"]["vbn_code"],
                    line["pieces_per_unit"],
                    line["units"],
                    line["price"]["amount"],
                )
                for line in event["lines"]
            ]
    return found


async def distribute(play: Play, day: date) -> None:
    """Allocate everything; the completed distributions go out as EKTs to those who use them."""
    before = {mail["id"] for mail in await play.doors.mails()}
    for debtor in play.day.buyers(day):
        await play.doors.ask("sales-service", "POST", f"/days/{day}/debtors/{debtor}/allocate", json={})
    play.screen.done(f"all lines of {day} allocated")
    expected = expected_lines(play, day)
    users = {debtor: address for debtor, address in play.day.ekt_users().items() if debtor in expected}

    async def arrived() -> list[dict[str, Any]]:
        mails = [mail for mail in await play.doors.mails() if _is_ekt(mail)]
        mine = [mail for mail in mails if mail["id"] not in before or day == _outside_day(play)]
        got = {address for mail in mine for address in mail["envelope_to"]}
        return mine if set(users.values()) <= got else []

    await until(f"EKT mails to {sorted(users.values())}", arrived)
    await _numbers(play, expected)
    by_address = await _newest_files(play)
    for debtor, address in users.items():
        buyer, lines = by_address[address]
        seen = sorted((line.vbn_code, line.pieces, line.units, float(line.price)) for line in lines)
        wanted = sorted((vbn, pieces, units, float(price)) for vbn, pieces, units, price in expected[debtor])
        expect(seen, wanted, f"lines of the EKT that {play.names[debtor]} received")
        card = await play.doors.get("debtor-service", f"/debtors/{debtor}")
        code = card["ekt"]["buyer_code"] or play.numbers[debtor]
        expect(buyer, code, f"NAD+BY in the EKT of {play.names[debtor]}")
    play.screen.proof(
        f"{len(users)} customers got their EKT by mail; pydifact reads in each the lines that were sold (EF-01)"
    )
    others = sorted(set(expected) - set(users))
    got = {address for mail in await play.doors.mails() for address in mail["envelope_to"]}
    emails = {row["debtor_id"]: row["email"] for row in play.day.customers}
    expect(
        [debtor for debtor in others if emails.get(debtor) in got],
        [],
        "customers who don't use EKTs got mail",
    )
    play.screen.proof(f"nothing went to the {len(others)} who don't use EKTs by mail (EF-34)")


def _is_ekt(mail: dict[str, Any]) -> bool:
    return any(part["content_type"].lower().startswith("application/edifact") for part in mail["attachments"])


def _outside_day(play: Play) -> date:
    return date.fromisoformat(play.day.outside["sale.completed"][0]["order_day"])


async def _newest_files(play: Play) -> dict[str, tuple[str, list[ReadLine]]]:
    """Buyer code and all lines of the newest EKT mail at each address."""
    found: dict[str, tuple[str, list[ReadLine]]] = {}
    for mail in await play.doors.mails():
        if not _is_ekt(mail):
            continue
        buyer, lines = "", []
        for part in mail["attachments"]:
            buyer, more = read_ekt(await play.doors.attachment(mail, part["number"]))
            lines += more
        for address in mail["envelope_to"]:
            found[address] = (buyer, lines)
    return found


async def _numbers(play: Play, expected: dict[str, Any]) -> None:
    """Every customer with a completed distribution has a number from the range of its administration."""
    ranges = {
        (entry["administration"]): range(entry["first"], entry["last"] + 1)
        for entry in play.day.company["number_ranges"]
        if entry["kind"] == "debtor"
    }

    async def given() -> dict[str, str]:
        cards = await play.doors.everything("debtor-service", "/debtors")
        numbers = {card["debtor_id"]: card["debtor_number"] for card in cards if card["debtor_number"]}
        return numbers if set(expected) <= set(numbers) else {}

    play.numbers = await until("debtor numbers of all who bought", given)
    for debtor, number in play.numbers.items():
        if int(number) not in ranges[play.day.administration_of(debtor)]:
            raise StepFailedError(f"{play.names[debtor]} has number {number}, outside its range")
    expect(len(set(play.numbers.values())), len(play.numbers), "debtor numbers are unique")
    play.screen.proof(
        f"{len(play.numbers)} customers now have a debtor number, each from its range (EP-06, EP-11)"
    )


async def correct_and_resend(play: Play) -> None:
    """A mistake in a completed distribution is put right, and somebody clicks "Resend EKT"."""
    (correction,) = play.day.corrections()
    debtor, day = correction.debtor_id, correction.order_day
    address = play.day.ekt_users()[debtor]
    (first,) = [mail for mail in await play.doors.mails(to=address) if _is_ekt(mail)]
    first_bytes = await play.doors.attachment(first)
    _, before = read_ekt(first_bytes)
    here = f"/days/{day}/debtors/{debtor}"
    change = {"units": correction.units, "price": correction.price, "reason": correction.reason}
    await play.doors.ask("sales-service", "PUT", f"{here}/lines/{correction.line_id}", json=change)
    play.screen.done(f"{play.names[debtor]}: line {correction.line_id} corrected to {correction.units} units")
    reason = {"reason": "corrected", "note": correction.reason}
    await play.doors.ask("sales-service", "POST", f"{here}/resend", json=reason)
    play.screen.done('"Resend EKT" clicked')

    async def second() -> list[dict[str, Any]]:
        mails = [mail for mail in await play.doors.mails(to=address) if _is_ekt(mail)]
        return mails if len(mails) == 2 else []

    mails = await until("a second EKT mail", second)
    _, after = read_ekt(await play.doors.attachment(mails[1]))
    units = {line.order_line: line.units for line in before}
    changed = [
        (units.get(line.order_line), line.units) for line in after if units.get(line.order_line) != line.units
    ]
    expect(
        [now for _, now in changed],
        [correction.units],
        "units of the one line that differs in the second EKT",
    )
    play.screen.proof(
        f"a second EKT arrived; one line went from {changed[0][0]} to {changed[0][1]} units (EF-41)"
    )
    kept = {line.order_line: line.logistic_number for line in before}
    expect({line.order_line: line.logistic_number for line in after}, kept, "AGJ and VN of each line")
    log = await play.doors.get("ekt-service", "/ekts", debtor_id=debtor, order_day=day.isoformat())
    expect(len(log["items"]), 2, "EKTs in the log")
    first_entry = next(item for item in log["items"] if item["trigger"] == "first")
    stored = await play.doors.ask("ekt-service", "GET", f"/ekts/{first_entry['id']}/file")
    expect(stored.content, first_bytes, "bytes of the first file as kept and as the customer received them")
    play.screen.proof("the first file is still there, byte for byte as it was received (EF-29)")
