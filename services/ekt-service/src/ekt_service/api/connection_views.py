"""What a person fills in about a connection, and what is shown of it: never its secrets."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from ekt_service.domain.connection import LastTest
from ekt_service.domain.server_address import Address
from ekt_service.store.connections import Sealed

OneLine = Annotated[SecretStr, Field(max_length=500)]


class SecretsBody(BaseModel):
    """Secrets: what is absent or null stays as it is, an empty text takes one away."""

    model_config = ConfigDict(extra="forbid")

    password: OneLine | None = None
    private_key: Annotated[SecretStr, Field(max_length=20_000)] | None = None
    passphrase: OneLine | None = None
    signing_secret: OneLine | None = None

    def typed(self) -> dict[str, str | None]:
        """By name."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            name: value.get_secret_value() if value is not None else None for name, value in values.items()
        }


class ConnectionBody(BaseModel):
    """What a person fills in."""

    model_config = ConfigDict(extra="forbid")

    address: Address
    secrets: SecretsBody = SecretsBody()


class TrialBody(BaseModel):
    """A test, and what to accept first.

    Attributes:
        accept: the host key or certificate that the test before showed and that the customer confirmed.
    """

    model_config = ConfigDict(extra="forbid")

    accept: Annotated[str, StringConstraints(max_length=200)] = ""


class StepView(BaseModel):
    """One step of a test."""

    name: str
    outcome: str
    message: str


class TrialView(BaseModel):
    """What a test found.

    Attributes:
        asks: it goes on once somebody accepts `fingerprint`.
    """

    ok: bool
    asks: bool
    at: datetime
    by: str
    steps: list[StepView]
    fingerprint: str

    @classmethod
    def of(cls, test: LastTest) -> "TrialView":
        """Show a test."""
        steps = [StepView(name=s.name, outcome=s.outcome.value, message=s.message) for s in test.report.steps]
        return cls(
            ok=test.report.ok,
            asks=test.report.asks,
            at=test.at,
            by=test.by,
            steps=steps,
            fingerprint=test.report.fingerprint,
        )


class ConnectionView(BaseModel):
    """A connection without its secrets.

    Attributes:
        held: names of the secrets that are there.
        fingerprint: accepted host key or certificate.
        test: the newest test of the connection as it stands.
    """

    debtor_id: str
    address: Address
    place: str
    held: list[str]
    fingerprint: str
    revision: int
    changed_at: datetime
    changed_by: str
    test: TrialView | None

    @classmethod
    def of(cls, kept: Sealed) -> "ConnectionView":
        """Show a connection."""
        shown = kept.shown
        return cls(
            debtor_id=shown.debtor_id,
            address=shown.address,
            place=shown.address.place,
            held=list(kept.held),
            fingerprint=shown.fingerprint,
            revision=shown.revision,
            changed_at=shown.changed_at,
            changed_by=shown.changed_by,
            test=TrialView.of(shown.tested) if shown.tested else None,
        )
