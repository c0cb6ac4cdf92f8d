"""Step 1: the company, number ranges, settings and the cards of customers and suppliers."""

from __future__ import annotations

from typing import Any

from klokwerk_platform.demo.doors import until
from klokwerk_platform.demo.play import Play, expect


async def set_up(play: Play) -> None:
    """Everything an administrator sets once."""
    doors, company = play.doors, play.day.company
    seller = {
        "name": company["name"],
        "address": company["address"],
        "vat_number": company["vat_number"],
        "chamber_number": company["chamber_number"],
        "electronic": company["electronic"],
        "email": company["email"],
        "phone": company["phone"],
        "iban": company["iban"],
        "bic": company["bic"],
        "payment_term_days": company["payment_term_days"],
    }
    await doors.save("sales-service", "/seller", seller)
    for entry in company["number_ranges"]:
        await doors.ask(
            "debtor-service",
            "PUT",
            f"/number-ranges/{entry['administration']}/{entry['kind']}",
            json={"first": entry["first"], "last": entry["last"]},
        )
    ekt = {
        "active": True,
        "sender_name": company["name"],
        "sender_code": company["gln"],
        "auction_code": company["auction_code"],
        "mail_from": "ekt@klaproos.example",
        "reply_to": company["email"],
        "default_language": "en",
    }
    current = await doors.get("ekt-service", "/settings")
    known = {"templates", "file_name_pattern", "name_length", "test", "seller_gln", "application"}
    await doors.save(
        "ekt-service", "/settings", {name: current[name] for name in known if name in current} | ekt
    )
    await select_channels(play, ["einvoice", "email", "print"])
    await _accounting(play)
    play.screen.done("company, number ranges, EKT module, automatic dispatch and two administrations set up")


async def select_channels(play: Play, channels: list[str]) -> None:
    """Choose the channels of automatic dispatch and press Activate."""
    choices = {
        "sources": ["contract", "manual", "rebilled", "interface"],
        "channels": channels,
        "notice_email": "facturatie@klaproos.example",
    }
    await play.doors.save("dispatch-service", "/settings", choices)
    await play.doors.ask("dispatch-service", "POST", "/settings/activate")


async def _accounting(play: Play) -> None:
    doors, exact = play.doors, play.doors.servers.exact_url
    ranges: dict[str, dict[str, Any]] = {}
    for entry in play.day.company["number_ranges"]:
        kind = {"debtor": "debtors", "creditor": "creditors"}[entry["kind"]]
        numbers = {"first": entry["first"], "last": entry["last"]}
        ranges.setdefault(entry["administration"], {})[kind] = numbers
    terms = {str(days): str(days) for days in (0, 7, 8, 14, 21, 30, 45, 60)}
    mappings = {"payment_terms": terms, "currencies": {"EUR": "EUR", "SEK": "SEK"}}
    settings = await doors.outside(f"{exact}/_exact")
    tokens = (await doors._client.post(f"{exact}/_exact/token")).json()
    credentials = {
        "base_url": exact,
        "division": settings["division"],
        "client_id": settings["client_id"],
        "client_secret": settings["client_secret"],
        "refresh_token": tokens["refresh_token"],
    }
    for entry in play.day.company["administrations"]:
        body: dict[str, Any] = {
            "name": entry["name"],
            "target": {"exact-online-xml": "exact-xml", "exact-online-direct": "exact-direct"}[
                entry["accounting"]
            ],
            "ranges": ranges[entry["code"]],
            "mappings": mappings,
        }
        if body["target"] == "exact-xml":
            body["folder"] = str(play.exports / entry["code"])
            (play.exports / entry["code"]).mkdir(parents=True, exist_ok=True)
        else:
            body["credentials"] = credentials
        known = {item["code"] for item in (await doors.get("accounting-sync", "/administrations"))["items"]}
        if entry["code"] in known:
            await doors.save("accounting-sync", f"/administrations/{entry['code']}", body)
        else:
            await doors.ask("accounting-sync", "PUT", f"/administrations/{entry['code']}", json=body)


async def import_cards(play: Play) -> None:
    """The customer and supplier lists go in as the CSV files they are; every other service hears of them."""
    doors = play.doors
    for name, rows in (("customers.csv", play.day.customers), ("suppliers.csv", play.day.suppliers)):
        content = (play.day.folder / name).read_bytes()
        answer = (await doors.ask("debtor-service", "POST", "/debtors/import", content=content)).json()
        expect(answer["created"], len(rows), f"cards made from {name}")
        play.screen.done(f"{name} imported: {answer['created']} cards")
    play.names = {row["debtor_id"]: row["name"] for row in [*play.day.customers, *play.day.suppliers]}

    async def all_known() -> bool:
        for debtor_id in play.names:
            await doors.get("sales-service", f"/debtors/{debtor_id}")
        return True

    await until("every card is known to the sales service", all_known)
    play.screen.proof(
        f"the sales service answers for all {len(play.names)} cards, which it only heard of by event"
    )
    cards = await doors.everything("debtor-service", "/debtors")
    expect({card["debtor_number"] for card in cards}, {""}, "debtor numbers before anything was sold")
    play.screen.proof("no card has a debtor number yet: nothing was sold (EP-05)")
