"""Events as other systems publish them, good ones and bad ones."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from importlib.resources import files
from typing import Any
from uuid import uuid4

from klokwerk.testing import publish
from klokwerk_contracts import EVENTS, EktResendRequested, InvoiceCreated, SaleCompleted, record_of
from klokwerk_contracts.record import Record
from klokwerk_contracts.types import Event
from klokwerk_platform.reading import reader, records_within, topic_bounds
from system_world import DEMO, World

SHOP = "//webshop.example"


async def tell(world: World, *events: Event) -> None:
    """Publish events as the web shop does, at this moment on the services' clocks."""
    await publish(world.kafka, *(record_of(event, source=SHOP, time=world.now) for event in events))


def sale(debtor: str, day: date, revision: int = 1, *units: int) -> SaleCompleted:
    """What a web shop sold to a debtor on a day, one line for each of `units`."""
    lines = [
        {
            "line_id": f"{debtor}-{position}",
            "article": {"vbn_code": "11301", "name": "Rosa Red Naomi"},
            "packing": {"code": "566"},
            "pieces_per_unit": 80,
            "units": count,
            "price": {"amount": "0.56"},
        }
        for position, count in enumerate(units or (2,), start=1)
    ]
    return SaleCompleted.model_validate(
        {
            "debtor_id": debtor,
            "order_day": day,
            "revision": revision,
            "completed_at": datetime.now(UTC),
            "lines": lines,
        }
    )


def invoice(debtor: str, day: date, created_at: datetime) -> InvoiceCreated:
    """An invoice that another program made: the one of the demo, for another customer."""
    (body,) = json.loads((DEMO / "outside.json").read_text())["invoice.created"]
    number = uuid4().hex[:12]
    changes = {"invoice_id": f"shop-{number}", "invoice_number": f"SHOP-{number}", "debtor_id": debtor}
    days = {name: str(day) for name in ("issue_date", "delivered_on", "order_day")}
    return InvoiceCreated.model_validate(body | changes | days | {"created_at": created_at})


def resend(debtor: str, day: date, revision: int = 1) -> EktResendRequested:
    """Another system's wish for a new EKT."""
    return EktResendRequested(
        request_id=uuid4().hex,
        debtor_id=debtor,
        order_day=day,
        sale_revision=revision,
        requested_by="web shop",
        requested_at=datetime.now(UTC),
    )


def malformed(topic: str, key: str) -> dict[str, Record]:
    """Records that nobody can use, by the reason that their dead letters are to name."""
    headers: list[tuple[str, Any]] = [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(uuid4()).encode()),
        ("ce_type", topic.encode()),
        ("ce_source", b"//careless.example"),
        ("ce_time", b"2026-11-24T09:00:00Z"),
    ]
    good = Record(topic, key.encode(), b"{}", headers)

    def with_header(name: str, value: Any) -> Record:
        return replace(good, headers=[(k, value if k == name else v) for k, v in good.headers])

    stranger = _example(topic)
    return {
        "bad_body": replace(good, value=b"this is no JSON \xff\x00"),
        "bad_body: a field": replace(good, value=b'{"debtor_id": 17}'),
        "bad_headers": with_header("ce_id", None),
        "bad_headers: bytes": with_header("ce_source", b"\xff\xfe"),
        "unknown_type": with_header("ce_type", b"sale.imagined"),
        "no_body": replace(good, value=None),  # type: ignore[arg-type]
        "wrong_key": replace(good, value=stranger),
    }


def _example(topic: str) -> bytes:
    """A good body about somebody else."""
    folder = files("klokwerk_contracts") / topic.replace(".", "_") / "examples" / "v1"
    body = (folder / "smallest.json").read_bytes()
    event = EVENTS[topic].model_validate_json(body)
    return event.model_dump_json().encode()


async def events_about(world: World, key: str, *topics: str) -> list[tuple[str, bytes]]:
    """Every event with a key on some topics: topic by topic as named, in the order of each."""
    names = [world.kafka.topic(topic) for topic in topics]
    found = await topic_bounds(world.kafka, names)
    async with reader(world.kafka) as consumer:
        bounds = [each for name in names for each in found[name]]
        found_here = [
            (record.topic.removeprefix(world.kafka.prefix), record.value)
            async for record in records_within(consumer, bounds)
            if record.key == key.encode()
        ]
    # Which topic's records a broker gives first is its own affair.
    return sorted(found_here, key=lambda event: topics.index(event[0]))
