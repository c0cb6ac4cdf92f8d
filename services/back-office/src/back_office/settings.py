"""Settings of the back office."""

from __future__ import annotations

from typing import Annotated

from klokwerk.settings import ServiceSettings
from pydantic import AnyHttpUrl, BaseModel, Field, SecretStr, field_validator

from back_office.domain.roles import checked


class MachineClient(BaseModel):
    """Another system that may ask for tokens by itself."""

    secret: SecretStr
    roles: tuple[str, ...]

    @field_validator("roles")
    @classmethod
    def _known_roles(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(role.value for role in checked(value))


class Settings(ServiceSettings):
    """What the back office needs beside what every service needs.

    Attributes:
        kafka: not used here: the back office talks to the services by HTTP only.
        secret_key: seals the signing keys in the database and signs cookies; at least 16 characters.
        admin_user: name of the first user, made once while there is no user at all.
        admin_password: password of that user.
        clients: machine clients, JSON ``{"name": {"secret": "...", "roles": ["ops"]}}``.
        token_seconds: life of an access token given to others.
        session_hours: a browser session ends after this long without use.
        secure_cookies: send cookies over HTTPS only; set it wherever there is HTTPS.
        debtor_url: address of the debtor service, and so on for the other four.
        service_timeout_seconds: how long a page waits for a service.
        support_phone: shown beside help texts and errors (EF-72).
        support_email: as `support_phone`.
        company_name: shown in the page header.
    """

    kafka: str = ""
    secret_key: Annotated[SecretStr, Field(min_length=16)]
    admin_user: str = "admin"
    admin_password: SecretStr = SecretStr("")
    clients: dict[str, MachineClient] = Field(default_factory=dict)
    token_seconds: Annotated[int, Field(ge=30, le=86_400)] = 3600
    session_hours: Annotated[int, Field(ge=1, le=168)] = 12
    secure_cookies: bool = False
    debtor_url: AnyHttpUrl
    sales_url: AnyHttpUrl
    ekt_url: AnyHttpUrl
    dispatch_url: AnyHttpUrl
    accounting_url: AnyHttpUrl
    service_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    support_phone: str = ""
    support_email: str = ""
    company_name: str = "Klokwerk"
