"""Letter: hand the PDF and the address to the print service, ask by the same key."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import orjson
from klokwerk.deliveries import Delivery, Outcome

from dispatch_service.channels.provider import Provider


@dataclass(frozen=True, slots=True)
class PrintChannel:
    """The print service as a channel of `klokwerk.deliveries`."""

    provider: Provider

    async def send(self, delivery: Delivery) -> Outcome:
        """Submit the letter under the delivery's id."""
        letter = {
            "pdf": base64.b64encode(delivery.payload or b"").decode(),
            "recipient": delivery.context.get("address_lines", []),
            "return_address": delivery.context.get("return_lines", []),
            "reference": delivery.context.get("number", ""),
            "options": {"colour": False, "duplex": True, "window": "left"},
        }
        headers = {"Content-Type": "application/json"}
        return await self.provider.submit("/letters", str(delivery.id), orjson.dumps(letter), headers)

    async def ask(self, delivery: Delivery) -> Outcome:
        """Whether the print service took a letter under the delivery's id."""
        return await self.provider.ask(f"/letters/by-key/{delivery.id}", delivery.sha256)
