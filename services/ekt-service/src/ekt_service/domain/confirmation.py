"""The signed link with which a customer says that an EKT arrived and was imported (EF-47)."""

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

from klokwerk.sealing import derived

GOOD_FOR = timedelta(days=90)
"""A link is of use so long: as long as its event is kept."""
CUSTOMER = "customer"
"""Who confirmed, where it was done by the link; pages have words for it."""
_SEAL = 16


class LinkUnusableError(ValueError):
    """The link is not ours, or too old."""


@dataclass(frozen=True, slots=True)
class ConfirmationLinks:
    """Makes and reads links like ``https://office.example/confirm/<token>``.

    Args:
        base: address of the back office as customers reach it.
        secret: what the tokens are signed with.
    """

    base: str
    secret: str = field(repr=False)

    def of(self, ekt: UUID, made: datetime) -> str:
        """The link of an EKT that is made at `made`."""
        content = ekt.bytes + int((made + GOOD_FOR).timestamp()).to_bytes(8, "big")
        return f"{self.base.rstrip('/')}/confirm/{_written(content + self._seal(content))}"

    def read(self, token: str, now: datetime) -> UUID:
        """The EKT that a token is for.

        Raises:
            LinkUnusableError: it is not ours, or too old.
        """
        try:
            whole = base64.b64decode(token.encode() + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise LinkUnusableError("This link is not complete.") from None
        content, seal = whole[:-_SEAL], whole[-_SEAL:]
        # The last sign holds bits of no meaning; only one way of writing a token is ours.
        if (
            len(content) != 24
            or _written(whole) != token
            or not hmac.compare_digest(seal, self._seal(content))
        ):
            raise LinkUnusableError("This link is not complete.")
        if now > datetime.fromtimestamp(int.from_bytes(content[16:], "big"), UTC):
            raise LinkUnusableError("This link is too old.")
        return UUID(bytes=content[:16])

    def _seal(self, content: bytes) -> bytes:
        return hmac.new(derived(self.secret, "ekt-service/confirmations"), content, sha256).digest()[:_SEAL]


def _written(whole: bytes) -> str:
    return base64.urlsafe_b64encode(whole).rstrip(b"=").decode()
