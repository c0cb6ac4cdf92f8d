"""From `sale.completed` to "mail accepted": the service against a bare loop that builds, composes and sends.

The loop does what any script would, with the standard library and one connection: read the event, build the file,
put a mail around it, hand it over, next. It
keeps nothing, so a crash loses or repeats mails; the service stores sale, file, plan, attempt and outcome and tells
the outcome. Both send to the same sink. Latency is taken at half the throughput that was just measured.
"""

from __future__ import annotations

import statistics
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiosmtplib import SMTP
from ekt_ground import MODULE, NOW, EktGround, Publisher, ekt_ground, publisher, sales_of
from ground import Ground
from klokwerk.testing import running
from klokwerk_contracts import SaleCompleted
from measure import Comparison, Side, Watch, compare

SALES = 400
LATENCY_SECONDS = 8.0
GOAL = 0.6
_ZONE = ZoneInfo("Europe/Amsterdam")


async def run(ground: Ground) -> list[Comparison]:
    """From the first event published until the last mail was accepted."""
    from ekt_service.app import create_app
    from ekt_service.settings import EktSettings

    count, days = ground.count(SALES), iter(range(1, 1000))
    async with (
        ekt_ground(ground.admin_url, ground.kafka) as ekts,
        publisher(ground.kafka) as publish,
        running(create_app(EktSettings(**ekts.settings))),
    ):
        await ekts.add_debtors(count)

        async def ours(watch: Watch) -> int:
            await publish.prepare(next(days), count)
            wanted = ekts.sink.count + count
            watch.start()
            await publish.go()
            await ekts.sink.reach(wanted)
            watch.stop()
            return count

        async def bare(watch: Watch) -> int:
            bodies = [record.value for record in sales_of(count, 0)]
            wanted = ekts.sink.count + count
            watch.start()
            await _bare(bodies, ekts)
            await ekts.sink.reach(wanted)
            watch.stop()
            return count

        found = await compare(
            "EKT sale to mail accepted",
            Side("ekt-service, sale.completed to sink", ours),
            Side("bare build + SMTP loop", bare),
            unit="EKTs",
            pace=ground.pace,
            goal=ground.wanted(GOAL),
        )
        rate = statistics.median(mine.rate for mine, _ in found.rounds)
        steady = min(count, max(10, int(rate / 2 * LATENCY_SECONDS)))
        found.notes.update(await _latency(ekts, publish, steady, rate / 2, next(days)))
    return [found]


async def _latency(ekts: EktGround, publish: Publisher, count: int, rate: float, day: int) -> dict[str, Any]:
    """Milliseconds from an event published to its mail accepted, at a steady `rate`."""
    await publish.prepare(day, count)
    already = {name: len(times) for name, times in ekts.sink.taken.items()}
    wanted = ekts.sink.count + count
    published = await publish.go(rate)
    await ekts.sink.reach(wanted)
    asked = {f"{key}@bloemist.example": at for key, at in published.items()}
    waited = sorted((ekts.sink.taken[name][already.get(name, 0)] - at) * 1000 for name, at in asked.items())
    return {
        "at_half_load_per_second": round(rate, 1),
        "p50_ms": round(waited[len(waited) // 2], 1),
        "p99_ms": round(waited[min(len(waited) - 1, int(len(waited) * 0.99))], 1),
    }


async def _bare(bodies: list[bytes], ekts: EktGround) -> None:
    """Read the event, build the file, compose the mail, send it; one after the other on one connection."""
    from ekt_ground import debtor
    from ekt_service.domain import files
    from ekt_service.domain.debtor import debtor_of
    from ekt_service.domain.line_numbers import LineNumbers
    from ekt_service.domain.module import EktModule
    from ekt_service.edifact.clockt import barcode

    module = EktModule(**MODULE)
    host, _, port = ekts.sink.address.rpartition(":")
    client = SMTP(hostname=host, port=int(port))
    await client.connect()
    agj = 0
    for reference, body in enumerate(bodies, 1001):
        sale = SaleCompleted.model_validate_json(body)
        card = debtor_of(debtor(int(sale.debtor_id[1:])))
        form = files.format_of(card, module)
        numbers = {}
        for line in sale.lines:
            agj += 1
            code = barcode(form.auction, str(line.clock_number), sale.order_day, agj, line.units)
            numbers[line.line_id] = LineNumbers(str(agj), code, str(1_000_000 + agj))
        built = files.build(sale, form, module, numbers, [reference], NOW, _ZONE)
        message = EmailMessage()
        message["Subject"] = f"EKT {sale.order_day:%d-%m-%Y} - {module.sender_name}"
        message["From"], message["To"] = module.mail_from, ", ".join(card.emails)
        message["Date"], message["Message-ID"] = format_datetime(NOW), f"<{reference}@bench.example>"
        message.set_content(f"Bijgaand uw EKT van {sale.order_day} ({len(sale.lines)} regels).")
        message.add_attachment(
            built[0].content, maintype="application", subtype="EDIFACT", filename=built[0].name
        )
        content = message.as_bytes(policy=SMTP_POLICY)
        await client.sendmail(module.mail_from, list(card.emails), content)
    await client.quit()
