"""Administrations and their connections, as they go in and out over HTTP."""

from datetime import datetime
from typing import Annotated

from klokwerk.http import FieldProblem
from pydantic import BaseModel, Field, HttpUrl, SecretStr

from accounting_sync.api.models import Code, Strict
from accounting_sync.domain.administration import Administration, NumberRange
from accounting_sync.domain.mapping import MappingTables
from accounting_sync.domain.relation import Kind
from accounting_sync.domain.targets import Codes, Mode, Target, Use
from accounting_sync.store.connections import ConnectionHealth, Credentials
from accounting_sync.targets.exact_tokens import ExactCredentials
from accounting_sync.targets.moneybird import MoneybirdCredentials

RESERVED = frozenset({"administrations", "connections", "consents", "debtors", "jobs", "summary"})
"""Words that stand where the code of an administration stands in paths."""
Table = dict[Annotated[str, Field(max_length=40)], Annotated[str, Field(min_length=1, max_length=40)]]
HOSTS = {
    Target.EXACT_DIRECT: "https://start.exactonline.nl",
    Target.MONEYBIRD: "https://moneybird.com/api/v2",
}


class RangeIn(Strict):
    """The numbers of one kind, both ends included."""

    first: Annotated[int, Field(ge=1, lt=10**18)]
    last: Annotated[int, Field(ge=1, lt=10**18)]


class RangesIn(Strict):
    """Number ranges of debtors and creditors."""

    debtors: RangeIn | None = None
    creditors: RangeIn | None = None

    def as_domain(self) -> dict[Kind, NumberRange]:
        """As the rules use them."""
        given = {Kind.DEBTORS: self.debtors, Kind.CREDITORS: self.creditors}
        return {kind: NumberRange(each.first, each.last) for kind, each in given.items() if each is not None}


class MappingsIn(Strict):
    """Our values to the codes of the accounting system; payment terms by days."""

    payment_terms: Table = Field(default_factory=dict)
    vat_regimes: Table = Field(default_factory=dict)
    currencies: Table = Field(default_factory=lambda: {"EUR": "EUR"})
    languages: Table = Field(default_factory=dict)
    countries: Table = Field(default_factory=dict)

    def as_domain(self) -> MappingTables:
        """As the rules use them."""
        return MappingTables(**self.model_dump())


class CredentialsIn(Strict):
    """Access to an accounting system; kept encrypted and never shown again.

    Attributes:
        division, client_id, client_secret, refresh_token: for Exact Online.
        administration_id, token: for Moneybird.
    """

    base_url: HttpUrl | None = None
    division: Annotated[int, Field(ge=1)] | None = None
    client_id: Annotated[str, Field(max_length=200)] = ""
    client_secret: SecretStr = SecretStr("")
    refresh_token: SecretStr | None = None
    administration_id: Annotated[str, Field(pattern=r"^[0-9]{0,30}$")] = ""
    token: SecretStr = SecretStr("")

    def problems(self, target: Target) -> list[FieldProblem]:
        """What the target needs and was not given."""
        needed: dict[str, object] = {}
        if target is Target.EXACT_DIRECT:
            secret = self.client_secret.get_secret_value()
            needed = {"division": self.division, "client_id": self.client_id, "client_secret": secret}
        elif target is Target.MONEYBIRD:
            token = self.token.get_secret_value()
            needed = {"administration_id": self.administration_id, "token": token}
        return [
            FieldProblem(field=f"credentials.{name}", message=f"{target} needs it", cure="fill it in")
            for name, value in needed.items()
            if not value
        ]

    def as_domain(self, target: Target) -> Credentials:
        """As they are kept; check `problems` first."""
        base_url = str(self.base_url or HOSTS[target]).rstrip("/")
        if target is Target.MONEYBIRD:
            return MoneybirdCredentials(base_url, self.administration_id, self.token.get_secret_value())
        return ExactCredentials(
            base_url=base_url,
            division=self.division or 0,
            client_id=self.client_id,
            client_secret=self.client_secret.get_secret_value(),
            refresh_token=self.refresh_token.get_secret_value() if self.refresh_token else None,
        )


class AdministrationIn(Strict):
    """Settings of one set of books.

    Attributes:
        source_administration: whose cards feed it; the administration itself unless given.
        folder: where files go; none for the service's own folder (EP-56).
        credentials: for a direct target; left out keeps what is stored.
    """

    name: Annotated[str, Field(min_length=1, max_length=100)]
    target: Target
    source_administration: Code | None = None
    folder: Annotated[str, Field(pattern=r"^/", max_length=500)] | None = None
    ranges: RangesIn = RangesIn()
    mappings: MappingsIn = MappingsIn()
    credentials: CredentialsIn | None = None


class ConnectionOut(BaseModel):
    """Whether calls can be made, without what is secret.

    Attributes:
        why: what a person has to do, where calls can't be made.
        checked_at, check_ok, check_message: what the last test found.
    """

    has_credentials: bool
    needs_consent: bool
    paused_until: datetime | None
    why: str
    checked_at: datetime | None
    check_ok: bool | None
    check_message: str

    @classmethod
    def of(cls, state: ConnectionHealth) -> "ConnectionOut":
        """What is shown of a connection."""
        return cls(**{name: getattr(state, name) for name in cls.model_fields})


class AdministrationOut(BaseModel):
    """Settings as they stand.

    Attributes:
        system: name of the accounting system.
        shared_numbers: debtors and creditors have one number space there.
        codes: what it does with each mapping table: ``required``, ``given`` (only what the table holds),
            ``passed`` (as it is, unless the table says otherwise) or ``unused``.
    """

    code: str
    name: str
    target: Target
    mode: Mode
    system: str
    shared_numbers: bool
    codes: dict[Codes, Use]
    source_administration: str
    folder: str | None
    ranges: RangesIn
    mappings: MappingsIn
    connection: ConnectionOut
    revision: int
    changed_at: datetime
    changed_by: str

    @classmethod
    def of(cls, administration: Administration, health: ConnectionHealth) -> "AdministrationOut":
        """What is shown of an administration."""
        rules = administration.rules
        return cls(
            code=administration.code,
            name=administration.name,
            target=administration.target,
            mode=administration.mode,
            system=rules.system,
            shared_numbers=rules.shared_numbers,
            codes=dict(rules.codes),
            source_administration=administration.source,
            folder=administration.folder,
            ranges=RangesIn(
                **{
                    kind.value: RangeIn(first=each.first, last=each.last)
                    for kind, each in administration.ranges.items()
                }
            ),
            mappings=MappingsIn(**{codes.value: dict(administration.mappings.of(codes)) for codes in Codes}),
            connection=ConnectionOut.of(health),
            revision=administration.revision,
            changed_at=administration.changed_at,
            changed_by=administration.changed_by,
        )


class ConsentBeginIn(Strict):
    """Where the consent page is to send the person back to."""

    redirect_uri: Annotated[str, Field(pattern=r"^https?://", max_length=500)]


class ConsentBegunOut(BaseModel):
    """The page of the accounting system where consent is given, and until when one may come back from it."""

    authorize_url: str
    expires_at: datetime


class ConsentIn(Strict):
    """What the consent page sent along: its code, and the state it was sent."""

    code: Annotated[str, Field(min_length=1, max_length=4000)]
    state: Annotated[str, Field(min_length=1, max_length=200)]


class ConsentedOut(BaseModel):
    """Whose connection has consent now."""

    administration: str
    connection: ConnectionOut


class HealthOut(BaseModel):
    """Result of a connection test."""

    ok: bool
    message: str
    checked_at: datetime
    connection: ConnectionOut
