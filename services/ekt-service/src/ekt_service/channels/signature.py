"""How posted files are signed, so that their receiver knows who sent them and that nobody changed them.

The header ``Klokwerk-Signature`` holds ``t=<seconds since 1970>,v1=<hexadecimal>``. The hexadecimal digits are the
HMAC-SHA256, with the secret that both sides know, over ``<t>.<Idempotency-Key>.`` followed by the body. A receiver
checks it like this, and refuses what is older than five minutes::

    def genuine(secret: str, headers, body: bytes) -> bool:
        parts = dict(part.split("=", 1) for part in headers["Klokwerk-Signature"].split(","))
        signed = f"{parts['t']}.{headers['Idempotency-Key']}.".encode() + body
        expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        fresh = abs(time.time() - int(parts["t"])) < 300
        return fresh and hmac.compare_digest(expected, parts["v1"])
"""

import hmac
from hashlib import sha256

HEADER = "Klokwerk-Signature"


def signature(secret: str, key: str, body: bytes, at: int) -> str:
    """Contents of the header.

    Args:
        key: the idempotency key that is sent along.
        at: this moment, seconds since 1970.
    """
    signed = f"{at}.{key}.".encode() + body
    return f"t={at},v1={hmac.new(secret.encode(), signed, sha256).hexdigest()}"
