"""Settings of a service: read from ``KLOKWERK_...`` variables, refused at start with the variable's name."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, PostgresDsn, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Role(StrEnum):
    """What one process of a service does; all of it by default."""

    API = "api"
    CONSUMERS = "consumers"
    WORKERS = "workers"


class ServiceSettings(BaseSettings):
    """What every service needs. Services add their own fields in a subclass.

    Attributes:
        database_url: ``postgresql://role:password@host:port/database``.
        kafka: bootstrap servers, ``host:port`` separated by commas.
        topic_prefix: put before every topic and group name, to share a cluster.
        roles: which of api, consumers, workers this process runs.
        zone: the company's time zone.
        clock_file: file that moves the clock, for the demo and tests; unset in production.
        issuer: expected ``iss`` of access tokens.
        jwks_url: where the key set of the issuer is.
        delivery_lease_seconds: how long a sending may show no sign of life before it counts as broken off.
    """

    model_config = SettingsConfigDict(env_prefix="KLOKWERK_", extra="ignore", validate_default=True)

    database_url: PostgresDsn
    database_pool: Annotated[int, Field(ge=1, le=100)] = 8
    kafka: Annotated[str, Field(pattern=r"^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$")]
    kafka_security: Annotated[str, Field(pattern="^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$")] = "PLAINTEXT"
    kafka_user: str = ""
    kafka_password: SecretStr = SecretStr("")
    topic_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,60}$")] = ""
    roles: Annotated[frozenset[Role], NoDecode] = frozenset(Role)
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    zone: str = "Europe/Amsterdam"
    clock_file: Path | None = None
    issuer: str = "http://127.0.0.1:8000"
    jwks_url: str = ""
    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"
    otlp_endpoint: str = ""
    delivery_lease_seconds: Annotated[float, Field(gt=0, le=3600)] = 15.0

    @field_validator("roles", mode="before")
    @classmethod
    def _split_roles(cls, value: object) -> object:
        if isinstance(value, str):
            return frozenset(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{value!r} is no time zone: write one like Europe/Amsterdam") from error
        return value

    def runs(self, role: Role) -> bool:
        """Whether this process has `role`."""
        return role in self.roles


S = TypeVar("S", bound=BaseSettings)


def load(kind: type[S]) -> S:
    """Read the settings, or stop the process with a line for each variable that is missing or wrong."""
    try:
        return kind()
    except ValidationError as error:
        prefix = kind.model_config.get("env_prefix", "")
        for problem in error.errors():
            variable, *inside = (str(part) for part in problem["loc"])
            where = f"{'.'.join(inside)}: " if inside else ""
            what = "is not set" if problem["type"] == "missing" else problem["msg"]
            sys.stderr.write(f"{prefix}{variable.upper()}: {where}{what}\n")
        raise SystemExit(2) from None
