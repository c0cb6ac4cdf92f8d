"""The return address of a mail: it names its delivery, so that a bounce finds the EKT it is about."""

import hmac
import re
from dataclasses import dataclass, field
from uuid import UUID

from klokwerk.sealing import derived, stamp

LONGEST_LOCAL_PART = 14
"""The part before the @ has at most 64 characters, and a delivery with its seal takes 50 of them."""
_SEAL = 16


@dataclass(frozen=True, slots=True)
class Token:
    """What a return address says.

    Args:
        genuine: the seal is ours; otherwise somebody made it up.
    """

    delivery: UUID
    genuine: bool


@dataclass(frozen=True, slots=True)
class ReturnAddress:
    """Makes and reads addresses like ``bounce+<delivery>.<seal>@returns.example``.

    The seal keeps strangers from declaring deliveries bounced: it is an HMAC over the delivery's id.

    Args:
        base: the mailbox, without what is put in after its ``+``.
        secret: what the seals are made with.
    """

    base: str
    secret: str = field(repr=False)

    @property
    def domain(self) -> str:
        """Right side of the addresses."""
        return self.base.rpartition("@")[2].lower()

    def of(self, delivery: UUID) -> str:
        """The envelope sender of one delivery."""
        local, _, domain = self.base.rpartition("@")
        return f"{local}+{delivery.hex}.{self._seal(delivery)}@{domain}"

    def read(self, text: str) -> list[Token]:
        """Every return address of ours in `text` (headers of a mail), each once, in order of appearance."""
        local, _, domain = self.base.rpartition("@")
        pattern = rf"{re.escape(local)}\+([0-9a-f]{{32}})\.([0-9a-f]{{{_SEAL}}})@{re.escape(domain)}"
        found: dict[UUID, Token] = {}
        # Servers may change the case of an address on its way.
        for identifier, seal in re.findall(pattern, text, re.IGNORECASE):
            delivery = UUID(hex=identifier)
            genuine = hmac.compare_digest(seal.lower().encode(), self._seal(delivery).encode())
            if delivery not in found or genuine:
                found[delivery] = Token(delivery, genuine)
        return list(found.values())

    def _seal(self, delivery: UUID) -> str:
        return stamp(derived(self.secret, "ekt-service/bounces"), delivery.hex)[:_SEAL]
