"""What goes wrong on the customer's servers, to order."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field


class Trouble(BaseModel):
    """How the folders behave from now on; the default is well."""

    model_config = ConfigDict(extra="forbid")

    drop_after_bytes: int | None = Field(None, ge=0, description="Break off once so much of a file has come.")
    drop_before_rename: bool = Field(False, description="Break off when a file is to get its name.")
    drop_after_rename: bool = Field(False, description="Give a file its name, then break off unanswered.")
    full: bool = Field(False, description="Refuse to store anything: no space left.")
    slow_seconds: float = Field(0, ge=0, le=600, description="Wait so long before a file gets its name.")
    times: int | None = Field(None, ge=1, description="Behave again after so many breaks.")


@dataclass
class Troubles:
    """The trouble that is set; breaks count down where they were limited."""

    now: Trouble

    @classmethod
    def none(cls) -> Troubles:
        """A customer whose servers work."""
        return cls(Trouble())

    def broke_off(self) -> None:
        """A connection was broken off, as ordered."""
        left = self.now.times
        if left is not None:
            self.now = self.now.model_copy(update={"times": left - 1}) if left > 1 else Trouble()
