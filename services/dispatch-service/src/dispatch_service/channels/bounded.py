"""Asking has an end: an outcome that nobody could tell ends as failed, with that said (D-20)."""

from __future__ import annotations

from dataclasses import dataclass

from klokwerk.deliveries import Channel, Delivery, Outcome, Verdict, refused


@dataclass(frozen=True, slots=True)
class Bounded:
    """A channel whose questions end after `most` unanswered ones."""

    channel: Channel
    most: int

    async def send(self, delivery: Delivery) -> Outcome:
        """As the channel itself."""
        return await self.channel.send(delivery)

    async def ask(self, delivery: Delivery) -> Outcome:
        """As the channel itself; the last unanswered question ends it."""
        outcome = await self.channel.ask(delivery)
        if outcome.verdict is Verdict.UNKNOWN and delivery.asked >= self.most:
            return refused(
                f"Outcome unknown: it may have arrived. {outcome.message} Ask the receiver before sending it again."
            )
        return outcome
