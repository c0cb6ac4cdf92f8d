"""The services of Klokwerk: their packages, their databases, and what each is told through its environment.

The one table of its kind: the embedded platform, the Compose file's test and the demo read it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from klokwerk_platform.mail import RETURN_DOMAIN
from klokwerk_platform.secrets_file import Secrets
from klokwerk_platform.servers import Servers

BACK_OFFICE = "back-office"
ADMIN_USER = "admin"
CLIENT_NAME = "klokwerk-platform"
"""Machine client of the issuer that the demo and the tests get their tokens with."""
SUPPORT = {
    "KLOKWERK_SUPPORT_PHONE": "+31 297 555 000",
    "KLOKWERK_SUPPORT_EMAIL": "support@klaproos.example",
}
"""Whom to call about the embedded platform, invented; the environment may name others."""


@dataclass(frozen=True)
class Service:
    """One service.

    Attributes:
        name: as in ``services/<name>``; also its consumer group.
        package: run as ``python -m <package> migrate`` and ``... serve``.
        url_variable: where the back office looks for its address; empty for the back office itself.
        uses: what it needs beside PostgreSQL: ``kafka``, ``mail``, ``access point``, ``print service``, or a
            folder for ``exports``. Where an accounting system is, each administration says itself.
    """

    name: str
    package: str
    url_variable: str
    uses: frozenset[str]

    @property
    def database(self) -> str:
        """Name of its database and role."""
        return self.package


SERVICES: tuple[Service, ...] = (
    Service("debtor-service", "debtor_service", "KLOKWERK_DEBTOR_URL", frozenset({"kafka"})),
    Service("sales-service", "sales_service", "KLOKWERK_SALES_URL", frozenset({"kafka"})),
    Service("ekt-service", "ekt_service", "KLOKWERK_EKT_URL", frozenset({"kafka", "mail"})),
    Service(
        "dispatch-service",
        "dispatch_service",
        "KLOKWERK_DISPATCH_URL",
        frozenset({"kafka", "mail", "access point", "print service"}),
    ),
    Service("accounting-sync", "accounting_sync", "KLOKWERK_ACCOUNTING_URL", frozenset({"kafka", "exports"})),
    Service(BACK_OFFICE, "back_office", "", frozenset()),
)
BY_NAME = {service.name: service for service in SERVICES}


@dataclass(frozen=True)
class Surroundings:
    """What the environment of a service is made from.

    Attributes:
        state: the state folder; exports and the clock live in it.
        urls: address of each service by name.
        topic_prefix: put before topics and groups where a cluster is shared.
    """

    state: Path
    servers: Servers
    secrets: Secrets
    urls: dict[str, str]
    topic_prefix: str = ""


def environment(service: Service, database_url: str, around: Surroundings) -> dict[str, str]:
    """The ``KLOKWERK_...`` variables of one service, without host and port."""
    issuer = around.urls[BACK_OFFICE]
    env = {
        "KLOKWERK_DATABASE_URL": database_url,
        "KLOKWERK_ISSUER": issuer,
        "KLOKWERK_JWKS_URL": f"{issuer}/.well-known/jwks.json",
        "KLOKWERK_CLOCK_FILE": str(around.state / "clock.json"),
        "KLOKWERK_SECRET_KEY": around.secrets.key_for(service.name),
        "KLOKWERK_TOPIC_PREFIX": around.topic_prefix,
    }
    if "kafka" in service.uses:
        env["KLOKWERK_KAFKA"] = around.servers.kafka
    if "mail" in service.uses:
        env["KLOKWERK_SMTP"] = around.servers.smtp
        env["KLOKWERK_MAIL_TRACE_URL"] = around.servers.mail_api
    if service.name == "debtor-service":
        env["KLOKWERK_VIES_URL"] = around.servers.vies_url
        if around.servers.mailchimp_url:
            env["KLOKWERK_MAILCHIMP_URL"] = around.servers.mailchimp_url
    if service.name == "ekt-service":
        env["KLOKWERK_EKT_FOLDER"] = str(around.state / "ekt")
        # Customers' servers, where somebody tries one out, are on this machine too.
        env["KLOKWERK_EKT_INTERNAL_TARGETS"] = "true"
        env["KLOKWERK_PUBLIC_URL"] = issuer
        if around.servers.pop3:
            env["KLOKWERK_POP3"] = around.servers.pop3
            env["KLOKWERK_POP3_POLL_SECONDS"] = "2"
            env["KLOKWERK_BOUNCE_ADDRESS"] = f"bounce@{RETURN_DOMAIN}"
    if "access point" in service.uses:
        env["KLOKWERK_ACCESS_POINT_URL"] = around.servers.access_point_url
    if "print service" in service.uses:
        env["KLOKWERK_PRINT_SERVICE_URL"] = around.servers.print_service_url
    if "exports" in service.uses:
        env["KLOKWERK_EXPORT_FOLDER"] = str(around.state / "exports")
    if service.name == BACK_OFFICE:
        env |= {each.url_variable: around.urls[each.name] for each in SERVICES if each.url_variable}
        env["KLOKWERK_ADMIN_USER"] = ADMIN_USER
        env["KLOKWERK_ADMIN_PASSWORD"] = around.secrets.admin_password
        env["KLOKWERK_CLIENTS"] = around.secrets.clients_json(CLIENT_NAME)
        env |= {name: os.environ.get(name, value) for name, value in SUPPORT.items()}
    return env
