"""What the system tests do again and again, through the doors of a running platform only."""

from __future__ import annotations

import asyncio
import io
import os
import secrets
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from klokwerk.clock import moment_on, read_shift
from klokwerk.kafka import KafkaAddress
from klokwerk_platform.demo.doors import Doors, until
from klokwerk_platform.demo.play import Play
from klokwerk_platform.demo.run import play_on
from klokwerk_platform.demo.screen import Screen
from klokwerk_platform.demo.steps.sales import ReadLine, read_ekt
from klokwerk_platform.lag import lag
from klokwerk_platform.platform import Platform
from rich.console import Console

DEMO = Path(__file__).parents[2] / "demo"
ZONE = ZoneInfo("Europe/Amsterdam")


@dataclass(frozen=True)
class Ran:
    """What a command printed and how it ended."""

    code: int
    out: str


@dataclass
class World:
    """A platform that is set up, and what people and other systems do with it.

    Attributes:
        day: the order day that the clocks stand in.
    """

    platform: Platform
    doors: Doors
    play: Play
    day: date

    @property
    def kafka(self) -> KafkaAddress:
        return self.play.kafka

    def clock(self, day: date, hour: int, minute: int = 0, second: int = 0) -> None:
        """Set all clocks."""
        self.doors.set_clock(moment_on(day, time(hour, minute, second), ZONE))

    @property
    def now(self) -> datetime:
        """This moment on the services' clocks."""
        return datetime.now(UTC) + read_shift(self.doors.clock_file)

    def next_day(self) -> date:
        """Nine o'clock of the next order day; for tests that need one of their own."""
        self.day += timedelta(days=1)
        self.clock(self.day, 9)
        return self.day

    # --- cards ----------------------------------------------------------------------------------------------

    def card(self, name: str = "", *, use_ekts: bool = True, **fields: Any) -> dict[str, Any]:
        """The body of a card with an id and an e-mail address that occur nowhere else."""
        debtor_id = f"s-{secrets.token_hex(5)}"
        body: dict[str, Any] = {
            "debtor_id": debtor_id,
            "name": name or f"Bloemist {debtor_id}",
            "kinds": ["debtor"],
            "country": "NL",
            "language": "nl",
            "payment_term_days": 14,
            "addresses": [
                {
                    "kind": "visit",
                    "lines": ["Kade 1"],
                    "postal_code": "2225 AA",
                    "city": "Katwijk",
                    "country": "NL",
                }
            ],
            "emails": [{"address": f"{debtor_id}@customer.example"}],
            "ekt": {"use_ekts": use_ekts, "accepts_ekts": True},
        }
        return body | fields

    async def add(self, card: dict[str, Any]) -> str:
        """Make a card, and wait until the sales service has heard of it."""
        debtor = str(card["debtor_id"])
        await self.doors.ask("debtor-service", "POST", "/debtors", json=card)

        async def known() -> Any:
            return await self.doors.get("sales-service", f"/debtors/{debtor}")

        await until(f"the sales service knows {debtor}", known)
        return debtor

    async def debtor(self, name: str = "", *, use_ekts: bool = True, **fields: Any) -> str:
        """A new customer, known to the sales service."""
        return await self.add(self.card(name, use_ekts=use_ekts, **fields))

    async def card_of(self, debtor: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.doors.get("debtor-service", f"/debtors/{debtor}")
        return found

    async def number(self, debtor: str) -> str:
        """The debtor number, once there is one."""

        async def given() -> str:
            return str((await self.card_of(debtor))["debtor_number"])

        return await until(f"a number for {debtor}", given)

    async def change_card(self, debtor: str, **fields: Any) -> dict[str, Any]:
        """Save a card with changes, as somebody who just opened it."""
        saved = await self.doors.save("debtor-service", f"/debtors/{debtor}", lambda card: card | fields)
        return dict(saved)

    # --- sales ----------------------------------------------------------------------------------------------

    def line(self, *, units: int = 3, price: str = "0.48", article: str = "R1650") -> dict[str, Any]:
        """A sale line with everything that an EKT needs."""
        return {
            "article_number": article,
            "pieces_per_unit": 50,
            "units": units,
            "price": price,
            "grower": {"number": "8622", "name": "De Zonnehoek"},
            "bought": "clock",
            "clock_number": 11,
        }

    async def sell(
        self, debtor: str, *lines: dict[str, Any], day: date | None = None, allocate: bool = True
    ) -> list[str]:
        """Enter sale lines; with `allocate` the distribution is complete at once."""
        body = {"debtor_id": debtor, "lines": list(lines) or [self.line()], "allocate": allocate}
        answer = await self.doors.ask("sales-service", "POST", f"/days/{day or self.day}/lines", json=body)
        return list(answer.json()["line_ids"])

    async def correct(self, debtor: str, line_id: str, **change: Any) -> int:
        """Correct a line; returns the sale's new revision once it is told: corrections are gathered for a moment."""
        path = f"/days/{self.day}/debtors/{debtor}/lines/{line_id}"
        answer = await self.doors.ask("sales-service", "PUT", path, json=change | {"reason": "miscounted"})
        before = int(answer.json()["revision"])

        async def told() -> int:
            sale = await self.doors.get("sales-service", f"/days/{self.day}/debtors/{debtor}")
            return int(sale["revision"]) if sale["publish_at"] is None else 0

        revision = await until(f"the correction of {debtor} is told", told)
        assert revision == before + 1
        return revision

    async def resend(self, debtor: str) -> dict[str, Any]:
        """Click "Resend EKT"."""
        path = f"/days/{self.day}/debtors/{debtor}/resend"
        asked = await self.doors.ask("sales-service", "POST", path, json={"reason": "corrected"})
        return dict(asked.json())

    async def sale(self, debtor: str) -> dict[str, Any]:
        """The distribution as the sales service shows it."""
        found: dict[str, Any] = await self.doors.get("sales-service", f"/days/{self.day}/debtors/{debtor}")
        return found

    # --- EKTs -----------------------------------------------------------------------------------------------

    async def ekts(self, debtor: str) -> list[dict[str, Any]]:
        """The log of EKTs of a debtor, oldest first."""
        found = await self.doors.everything("ekt-service", "/ekts", debtor_id=debtor)
        return sorted(found, key=lambda ekt: ekt["requested_at"])

    async def mailed(self, debtor: str) -> list[dict[str, Any]]:
        """The EKT mails that the mail server took for a debtor, oldest first."""
        mails = await self.doors.mails(to=f"{debtor}@customer.example")
        return [mail for mail in mails if _has(mail, "application/edifact")]

    async def mailed_times(self, debtor: str, times: int, within: float = 60.0) -> list[dict[str, Any]]:
        """As `mailed`, once there are so many; more of them are no less."""

        async def arrived() -> list[dict[str, Any]]:
            mails = await self.mailed(debtor)
            return mails if len(mails) >= times else []

        return await until(f"EKT mail {times} to {debtor}", arrived, within=within)

    async def read(self, mail: dict[str, Any]) -> tuple[str, list[ReadLine]]:
        """Buyer code and lines of the EKT in a mail, by an independent reader."""
        part = next(p for p in mail["attachments"] if p["content_type"].lower() == "application/edifact")
        return read_ekt(await self.doors.attachment(mail, part["number"]))

    async def ekt_sent(self, debtor: str, times: int = 1) -> list[dict[str, Any]]:
        """The log of a debtor, once so many EKTs stand in it as sent."""

        async def sent() -> list[dict[str, Any]]:
            log = await self.ekts(debtor)
            return log if [ekt["state"] for ekt in log] == ["sent"] * times else []

        return await until(f"{times} EKTs of {debtor} recorded as sent", sent)

    # --- invoices -------------------------------------------------------------------------------------------

    async def draft(self, debtor: str, **fields: Any) -> dict[str, Any]:
        """A draft invoice of the day, or of the lines given."""
        body = {"debtor_id": debtor} | (fields or {"order_day": str(self.day)})
        return dict((await self.doors.ask("sales-service", "POST", "/invoices", json=body)).json())

    async def invoice(self, debtor: str, **fields: Any) -> dict[str, Any]:
        """An issued invoice."""
        draft = await self.draft(debtor, **fields)
        path = f"/invoices/{draft['invoice_id']}/finalise"
        return dict((await self.doors.ask("sales-service", "POST", path)).json())

    async def dispatch(self, invoice_id: str, *states: str, within: float = 60.0) -> dict[str, Any]:
        """An invoice as the dispatch service shows it, once it is in one of `states`."""

        async def there() -> dict[str, Any]:
            found: dict[str, Any] = await self.doors.get("dispatch-service", f"/invoices/{invoice_id}")
            return found if found["state"] in states else {}

        return await until(f"{invoice_id} is {' or '.join(states)}", there, within=within)

    async def send_invoice(self, invoice_id: str) -> None:
        """Send an invoice by hand."""
        await self.doors.ask("dispatch-service", "POST", f"/invoices/{invoice_id}/send", json={})

    async def invoice_mails(self, number: str) -> list[dict[str, Any]]:
        """The mails with a PDF that bear an invoice's number."""
        return [mail for mail in await self.doors.mails(subject=number) if _has(mail, "application/pdf")]

    # --- the installation -----------------------------------------------------------------------------------

    async def all_read(self, within: float = 60.0) -> None:
        """Return once every group has read everything there is; for saying that nothing came of it."""

        async def read() -> bool:
            return all(entry.behind == 0 for entry in await lag(self.kafka))

        await until("every group has read everything", read, within=within)

    async def klokwerk(self, *arguments: str) -> Ran:
        """Run a `klokwerk` command against this platform, as an operator would."""
        env = {key: value for key, value in os.environ.items() if not key.startswith("KLOKWERK_")}
        env |= {"KLOKWERK_STATE": str(self.platform.state), "KLOKWERK_OPERATOR": "olga"}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "klokwerk_platform",
            *arguments,
            env=env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return Ran(process.returncode or 0, output.decode())

    async def mail_behaves(self, **behaviour: Any) -> None:
        """Let the mail server misbehave, or behave again when nothing is given."""
        await self.doors.mail_behaves(**behaviour)


def _has(mail: dict[str, Any], content_type: str) -> bool:
    return any(part["content_type"].lower().startswith(content_type) for part in mail["attachments"])


def world_of(platform: Platform, doors: Doors, day: date) -> World:
    """The world around a platform; nothing is set up yet."""
    screen = Screen(Console(file=io.StringIO()))
    return World(platform, doors, play_on(platform, doors, DEMO, screen), day)
