"""EKTs by e-mail: the mail was composed with its files when the EKT was built, and goes out as it is kept."""

from dataclasses import dataclass

from klokwerk.deliveries import Delivery, Outcome, refused
from klokwerk.smtp import Mailer


@dataclass(frozen=True, slots=True)
class EmailChannel:
    """Sends the mail that a delivery holds as its bytes."""

    mailer: Mailer

    async def send(self, delivery: Delivery) -> Outcome:
        """Hand the mail over, to all of its recipients or to none."""
        if delivery.payload is None:
            return refused("The mail of this EKT is missing; send it again with Resend EKT.")
        recipients: list[str] = delivery.context["recipients"]
        return await self.mailer.hand_over(delivery.context["sender"], recipients, delivery.payload)

    async def ask(self, delivery: Delivery) -> Outcome:
        """Whether the mail with this delivery's Message-ID was received."""
        return await self.mailer.find(str(delivery.context["message_id"]), delivery.asked)
