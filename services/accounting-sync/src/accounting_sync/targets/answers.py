"""What a call to an accounting system can come to, whichever system it is."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Refused(Exception):
    """It won't take the data; `message` is its own text, made readable."""

    message: str
    status: int = 500

    def __str__(self) -> str:
        return self.message


@dataclass
class Temporary(Exception):
    """Nothing was done; it may be tried again, not before `until` if that is known."""

    reason: str
    until: datetime | None = None

    def __str__(self) -> str:
        return self.reason


@dataclass
class Lost(Exception):
    """The request left, no answer came: it may or may not have been done."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass
class ConsentNeeded(Exception):
    """The connection's credentials are of no use any more; only a person can repair that."""

    reason: str = field(
        default="the accounting system does not let us in; renew the access in the settings of the administration"
    )

    def __str__(self) -> str:
        return self.reason


TROUBLE = (Refused, Temporary, Lost, ConsentNeeded)
"""Everything that a call may raise."""
