"""Steps 5 and 6: invoices, the night's run on a moved clock, and where each of them went."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from lxml import etree
from pypdf import PdfReader

from klokwerk_platform.demo.doors import StepFailedError, until
from klokwerk_platform.demo.order_day import PlannedInvoice
from klokwerk_platform.demo.play import Play, expect

_CBC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}"
_CAC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2}"


async def invoice(play: Play, night: int) -> None:
    """Draft and finalise the invoices that a night is to take."""
    for planned in _of(play, night):
        draft = {"debtor_id": planned.debtor_id, "order_day": planned.order_day.isoformat()}
        made = (await play.doors.ask("sales-service", "POST", "/invoices", json=draft)).json()
        final = await play.doors.ask("sales-service", "POST", f"/invoices/{made['invoice_id']}/finalise")
        issued = final.json()
        play.invoices[planned.debtor_id, night] = issued["invoice_id"]
        play.screen.done(
            f"{issued['number']} for {play.names[planned.debtor_id]}: {issued['currency']} {issued['gross']}"
        )

    async def all_wait() -> bool:
        rows = await play.doors.everything("dispatch-service", "/invoices")
        return {play.invoices[p.debtor_id, night] for p in _of(play, night)} <= {
            r["invoice_id"] for r in rows
        }

    await until("the dispatch service knows the invoices", all_wait)
    sent = [m for m in await play.doors.mails() if _is_invoice(m)]
    expect(len(sent), 0 if night == 1 else len(sent), "invoices mailed before midnight")


async def run_at_midnight(play: Play, day: date, night: int) -> None:
    """Move the clock to just before 00:05 and see what the run does with each invoice."""
    play.at(day + timedelta(days=1), 0, 4, 58)
    planned = _of(play, night)
    wanted = {play.invoices[p.debtor_id, night]: p for p in planned}

    async def settled() -> dict[str, Any]:
        rows = {row["invoice_id"]: row for row in await play.doors.everything("sales-service", "/invoices")}
        states = {i: (rows[i]["dispatch"] or {}).get("state", "") for i in wanted}
        return rows if all(s in ("sent", "failed", "ignored") for s in states.values()) else {}

    rows = await until("every invoice of the night has an outcome", settled, within=90)
    for invoice_id, plan in wanted.items():
        seen = rows[invoice_id]["dispatch"]
        expect(seen["state"], plan.outcome, f"dispatch of {rows[invoice_id]['number']} ({plan.why}): {seen}")
        await _prove(play, plan, rows[invoice_id])
    if night == 1:
        await _outside(play)
    await _digest(play, [(p, rows[play.invoices[p.debtor_id, night]]) for p in planned], night)


async def _prove(play: Play, plan: PlannedInvoice, row: dict[str, Any]) -> None:
    number, name = row["number"], play.names[plan.debtor_id]
    if plan.outcome != "sent":
        explanation = row["dispatch"]["message"]
        if not explanation:
            raise StepFailedError(f"{number} is {plan.outcome} without an explanation")
        await _nowhere(play, number)
        play.screen.proof(f"{number} {name}: automatic dispatch {plan.outcome}: {explanation}")
    elif plan.channel == "einvoice":
        root = await _document(play, number)
        gross = root.findtext(f"{_CAC}LegalMonetaryTotal/{_CBC}PayableAmount")
        expect(
            float(gross or 0), float(row["gross"]), "payable amount in the UBL that the access point holds"
        )
        play.screen.proof(f"{number} {name}: e-invoice; the access point holds UBL over {gross} (NV-26)")
    elif plan.channel == "email":
        mail = await _mail(play, number, plan)
        text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(await _pdf(play, mail))).pages)
        if number not in text:
            raise StepFailedError(f"the PDF in the mail does not show {number}")
        play.screen.proof(
            f"{number} {name}: mail to {', '.join(mail['envelope_to'])} with a PDF that shows it"
        )
    else:
        (letter,) = [
            entry["item"]
            for entry in (await play.doors.stored(play.doors.servers.print_service_url))["letters"]
            if number in str(entry["item"])
        ]
        play.screen.proof(f"{number} {name}: letter {letter['id'][:8]} at the print service")


async def _outside(play: Play) -> None:
    """The invoice that came in from another program goes out in the same run (NV-11)."""
    (event,) = play.day.outside["invoice.created"]
    number, row = event["invoice_number"], _customer(play, event["debtor_id"])

    async def mailed() -> list[dict[str, Any]]:
        return [mail for mail in await play.doors.mails(subject=number) if _is_invoice(mail)]

    (mail,) = await until(f"the mail with {number}", mailed)
    expect(mail["envelope_to"], [row["email_invoice"] or row["email"]], f"recipient of {number}")
    play.screen.proof(
        f"{number} {row['name']}: issued by the outside program, mailed in the same run (NV-11)"
    )


async def _nowhere(play: Play, number: str) -> None:
    """No trace of an invoice outside."""
    documents = (await play.doors.stored(play.doors.servers.access_point_url))["documents"]
    letters = (await play.doors.stored(play.doors.servers.print_service_url))["letters"]
    mails = [mail for mail in await play.doors.mails(subject=number) if _is_invoice(mail)]
    held = [entry for entry in [*documents, *letters] if number in str(entry["item"].get("number", ""))]
    expect((held, mails), ([], []), f"{number} must not have left the house")


async def _document(play: Play, number: str) -> Any:
    async def held() -> list[Any]:
        stored = (await play.doors.stored(play.doors.servers.access_point_url))["documents"]
        return [entry["item"] for entry in stored if entry["item"]["number"] == number]

    (item,) = await until(f"{number} at the access point", held)
    return etree.fromstring(
        item["document"].encode(), etree.XMLParser(resolve_entities=False, no_network=True)
    )


def _is_invoice(mail: dict[str, Any]) -> bool:
    return any(part["content_type"] == "application/pdf" for part in mail["attachments"])


async def _mail(play: Play, number: str, plan: PlannedInvoice) -> dict[str, Any]:
    mails = [mail for mail in await play.doors.mails(subject=number) if _is_invoice(mail)]
    expect(len(mails), 1, f"mails with {number}")
    row = _customer(play, plan.debtor_id)
    expect(mails[0]["envelope_to"], [row["email_invoice"] or row["email"]], f"recipient of {number} (FA-26)")
    return mails[0]


def _customer(play: Play, debtor_id: str) -> dict[str, str]:
    return next(row for row in play.day.customers if row["debtor_id"] == debtor_id)


async def _pdf(play: Play, mail: dict[str, Any]) -> bytes:
    number = next(p["number"] for p in mail["attachments"] if p["content_type"] == "application/pdf")
    return await play.doors.attachment(mail, number)


async def _digest(play: Play, invoices: Sequence[tuple[PlannedInvoice, dict[str, Any]]], night: int) -> None:
    reported = [row["number"] for plan, row in invoices if plan.outcome != "sent"]
    if not reported:
        return

    async def arrived() -> dict[str, Any]:
        mails = [m for m in await play.doors.mails(to="facturatie@klaproos.example") if not _is_invoice(m)]
        return mails[-1] if len(mails) == night else {}

    mail = await until("the digest of the night", arrived)
    text = (await play.doors.outside(f"{play.doors.servers.mail_api}/api/messages/{mail['id']}"))["text"]
    missing = [number for number in reported if number not in text]
    expect(missing, [], "invoices that the digest should name")
    play.screen.proof(f'one digest mail "{mail["subject"]}" names {", ".join(reported)} (NV-62)')


def _of(play: Play, night: int) -> list[PlannedInvoice]:
    return [planned for planned in play.day.invoices() if planned.night == night]
