"""The real dispatch service on PostgreSQL and Kafka, with a mail sink and providers that can be told to fail."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from dispatch_factories import debtor_event, invoice_event
from dispatch_service.app import create_app
from dispatch_service.settings import DispatchSettings
from klokwerk.clock import SystemClock, write_shift
from klokwerk.kafka import KafkaAddress
from klokwerk.testing import (
    TokenIssuer,
    all_consumed,
    eventually,
    fresh_database,
    own_prefix,
    publish,
    read_topic,
    running,
    topics,
    topics_of,
)
from klokwerk_contracts import DebtorChanged, InvoiceCreated, InvoiceDispatchChanged
from klokwerk_contracts.record import record_of
from klokwerk_platform.http_server import serving
from klokwerk_platform.mail.messages import MailBox
from klokwerk_platform.mail.smtp import SmtpSink
from klokwerk_platform.mail.web import create_mail_app
from klokwerk_platform.ports import free_ports
from klokwerk_platform.simulators import access_point, print_service
from klokwerk_platform.testing import Servers

GROUP = "dispatch-service"


@dataclass(slots=True)
class World:
    """The service, everything around it, and the clock that moves it."""

    client: httpx.AsyncClient
    outside: httpx.AsyncClient
    kafka: KafkaAddress
    settings: DispatchSettings
    clock: SystemClock
    shift_file: Path
    issuer: TokenIssuer
    access_point: str
    print_service: str
    mail: str

    def go_to(self, local: str) -> None:
        """Move the clock to a local time, e.g. ``2026-03-03T00:05``; it goes on from there."""
        moment = datetime.fromisoformat(local).replace(tzinfo=self.clock.zone).astimezone(UTC)
        write_shift(self.shift_file, moment - datetime.now(UTC) + timedelta(milliseconds=1))

    def tenant(self) -> Tenant:
        """An administration that nobody else uses."""
        return Tenant(self, f"adm-{secrets.token_hex(4)}")

    async def fault(self, server: str, **behaviour: Any) -> None:
        """Tell the access point, the print service (by its address) or the mail sink to misbehave."""
        path = "/api/behaviour" if server == self.mail else "/_control"
        (await self.outside.put(server + path, json=behaviour)).raise_for_status()

    async def behave(self) -> None:
        """Tell everybody to behave again."""
        await self.outside.delete(f"{self.mail}/api/behaviour")
        for provider in (self.access_point, self.print_service):
            await self.outside.delete(f"{provider}/_control")

    async def mails(self, to: str) -> list[dict[str, Any]]:
        """Mails that the sink holds for an address, oldest first, whole."""
        found = (await self.outside.get(f"{self.mail}/api/messages", params={"to": to})).json()
        return [
            (await self.outside.get(f"{self.mail}/api/messages/{each['id']}")).json()
            for each in reversed(found)
        ]

    async def attachment(self, mail: dict[str, Any]) -> bytes:
        """The bytes of a mail's first attachment."""
        return (await self.outside.get(f"{self.mail}/api/messages/{mail['id']}/attachments/1")).content

    async def stored(self, provider: str, store: str) -> list[dict[str, Any]]:
        """What a provider took in."""
        answer = (await self.outside.get(f"{provider}/_stored")).json()
        return [row["item"] for row in answer[store]]

    async def documents(self, number: str) -> list[dict[str, Any]]:
        """E-invoices with this number that the access point took."""
        found = await self.stored(self.access_point, "documents")
        return [document for document in found if document["number"] == number]

    async def letters(self, number: str) -> list[dict[str, Any]]:
        """Letters with this reference that the print service took."""
        found = await self.stored(self.print_service, "letters")
        return [letter for letter in found if letter["reference"] == number]

    async def call(self, method: str, path: str, *roles: str, **options: Any) -> httpx.Response:
        """A request by a person with `roles`."""
        headers = self.issuer.headers(*(roles or ("read-only",))) | options.pop("headers", {})
        return await self.client.request(method, path, headers=headers, **options)

    async def all_in(self) -> None:
        """Return once everything that was published is consumed."""
        for event in (DebtorChanged, InvoiceCreated):
            await all_consumed(self.kafka, GROUP, event.TOPIC)

    async def outcome_events(self, invoice_id: str, at_least: int = 1) -> list[dict[str, Any]]:
        """The bodies of `invoice.dispatch.changed` for one invoice, in order."""

        async def enough() -> list[dict[str, Any]]:
            found = []
            for record in await read_topic(self.kafka, InvoiceDispatchChanged.TOPIC):
                event = InvoiceDispatchChanged.model_validate_json(record.value)
                if event.invoice_id == invoice_id:
                    found.append(event.model_dump(mode="json"))
            return sorted(found, key=lambda e: e["revision"]) if len(found) >= at_least else []

        return await eventually(enough)


@dataclass(slots=True)
class Tenant:
    """One administration: its settings, customers and invoices."""

    world: World
    name: str
    count: int = 0
    published: list[InvoiceCreated] = field(default_factory=list)

    @property
    def email(self) -> str:
        """Where this administration's notices go."""
        return f"billing@{self.name}.example"

    def choices(self, **changes: Any) -> dict[str, Any]:
        """Settings with everything on."""
        return {
            "sources": ["contract", "manual", "rebilled", "interface"],
            "channels": ["einvoice", "email", "print"],
            "notice_email": self.email,
        } | changes

    async def save(self, **changes: Any) -> httpx.Response:
        """Save a draft of the settings, without activating it."""
        seen = await self.read_settings()
        return await self.world.call(
            "PUT",
            f"/v1/settings?administration={self.name}",
            "billing-admin",
            json=self.choices(**changes),
            headers={"If-Match": f'"{seen["revision"]}"'},
        )

    async def read_settings(self) -> dict[str, Any]:
        """The settings page."""
        return (await self.world.call("GET", f"/v1/settings?administration={self.name}")).json()

    async def activate(self, **changes: Any) -> dict[str, Any]:
        """Save and activate."""
        assert (await self.save(**changes)).status_code == 200
        answer = await self.world.call(
            "POST", f"/v1/settings/activate?administration={self.name}", "billing-admin"
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def deactivate(self) -> None:
        """Switch the service off."""
        path = f"/v1/settings/deactivate?administration={self.name}"
        assert (await self.world.call("POST", path, "billing-admin")).status_code == 200

    def _next(self) -> int:
        self.count += 1
        return self.count

    def customer(self, **options: Any) -> DebtorChanged:
        """A customer's card of this administration, not yet published."""
        return debtor_event(f"{self.name}-d{self._next()}", administration=self.name, **options)

    def draft(self, debtor: DebtorChanged | str, **options: Any) -> InvoiceCreated:
        """An invoice of this administration, created now, not yet published."""
        debtor_id = debtor if isinstance(debtor, str) else debtor.debtor_id
        number = self._next()
        now = self.world.clock.now()
        values = {
            "administration": self.name,
            "invoice_id": f"{self.name}-i{number}",
            "invoice_number": f"{self.name}-{number}",
            "issue_date": self.world.clock.today(),
            "created_at": now,
        }
        return invoice_event(debtor_id=debtor_id, **(values | options))

    async def publish(self, *events: DebtorChanged | InvoiceCreated) -> None:
        """Publish as another service would, and wait until all of it is taken in."""
        now = self.world.clock.now()
        records = [record_of(event, source="//elsewhere.test", time=now) for event in events]
        await publish(self.world.kafka, *records)
        await self.world.all_in()

    async def invoice(self, debtor: DebtorChanged | str, **options: Any) -> InvoiceCreated:
        """Publish a new invoice."""
        made = self.draft(debtor, **options)
        await self.publish(made)
        return made

    async def sold_to(self, **customer: Any) -> InvoiceCreated:
        """Publish a customer that can be reached by what is asked for, and an invoice to it."""
        debtor = self.customer(**customer)
        made = self.draft(debtor)
        await self.publish(debtor, made)
        return made

    async def read(self, invoice: InvoiceCreated) -> dict[str, Any]:
        """The invoice as the API shows it."""
        answer = await self.world.call("GET", f"/v1/invoices/{invoice.invoice_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def becomes(self, invoice: InvoiceCreated, state: str, within: float = 20) -> dict[str, Any]:
        """Wait until the invoice's dispatch is in a state."""

        async def there() -> dict[str, Any]:
            shown = await self.read(invoice)
            assert shown["state"] == state, (shown["state"], shown["message"])
            return shown

        return await eventually(there, within=within)

    async def send(
        self, invoice: InvoiceCreated, channel: str | None = None, **options: Any
    ) -> httpx.Response:
        """Send by hand."""
        path = f"/v1/invoices/{invoice.invoice_id}/send"
        return await self.world.call("POST", path, "finance", json={"channel": channel}, **options)

    async def switch(self, invoice: InvoiceCreated, *, on: bool) -> httpx.Response:
        """Take the invoice out of automatic dispatch, or put it in."""
        path = f"/v1/invoices/{invoice.invoice_id}/automatic"
        return await self.world.call("POST", path, "finance", json={"on": on})

    async def runs(self) -> list[dict[str, Any]]:
        """The runs of this administration, newest first."""
        return (await self.world.call("GET", f"/v1/runs?administration={self.name}")).json()["items"]

    async def night(self, local: str = "2026-03-03T00:05") -> dict[str, Any]:
        """Move the clock to a night and wait until its run has ended."""
        self.world.go_to(local)
        return await self.run_of(local[:10])

    async def run_of(self, day: str) -> dict[str, Any]:
        """Wait until the run of a day has ended."""

        async def ended() -> dict[str, Any] | None:
            found = [run for run in await self.runs() if run["day"] == day and run["finished_at"]]
            return found[0] if found else None

        found = await eventually(ended, within=30)
        assert found is not None
        return found


@asynccontextmanager
async def start_world(servers: Servers, folder: Path) -> AsyncIterator[World]:
    """The service and its surroundings, entered once it is ready."""
    kafka = KafkaAddress(servers.kafka, own_prefix())
    names = topics_of(GROUP, DebtorChanged, InvoiceCreated, written=[InvoiceDispatchChanged])
    smtp, mail_web, access, printing = free_ports(4)
    mailbox = MailBox(folder / "mail")
    sink = SmtpSink(mailbox, "127.0.0.1", smtp)
    apps = [
        (create_mail_app(mailbox, sink), mail_web),
        (access_point.create_app(), access),
        (print_service.create_app(), printing),
    ]
    await sink.start()
    try:
        async with (
            serving(apps),
            topics(kafka, names),
            fresh_database(servers.admin_database_url, "dispatch_service") as url,
        ):
            settings = DispatchSettings(
                database_url=url,
                kafka=kafka.bootstrap,
                topic_prefix=kafka.prefix,
                access_point_url=f"http://127.0.0.1:{access}",
                print_service_url=f"http://127.0.0.1:{printing}",
                smtp=f"127.0.0.1:{smtp}",
                mail_trace_url=f"http://127.0.0.1:{mail_web}",
                provider_timeout_seconds=1.5,
                send_retry_seconds=(0.1, 0.2, 0.4),
                ask_seconds=(0.1, 0.2, 0.4),
                delivery_lease_seconds=3,
            )
            clock = SystemClock("Europe/Amsterdam", folder / "clock.json")
            issuer = TokenIssuer()
            app = create_app(settings, clock=clock, verifier=issuer.verifier)
            async with running(app) as client, httpx.AsyncClient() as outside:
                yield World(
                    client=client,
                    outside=outside,
                    kafka=kafka,
                    settings=settings,
                    clock=clock,
                    shift_file=folder / "clock.json",
                    issuer=issuer,
                    access_point=settings.access_point_url,
                    print_service=settings.print_service_url,
                    mail=settings.mail_trace_url,
                )
    finally:
        await sink.stop()


def second_replica(world: World) -> Any:
    """Another process's worth of the same service, on the same database and consumer group."""
    return running(create_app(world.settings, clock=world.clock, verifier=world.issuer.verifier))
