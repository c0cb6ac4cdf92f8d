"""What Debtor > Configuration shows of the customer's own server."""

from __future__ import annotations

from dataclasses import dataclass

from back_office.clients.connections import Connection, ConnectionTest
from back_office.clients.debtors import Card
from back_office.clients.transport import ServiceFailure
from back_office.domain.badges import Badge, Tone
from back_office.web.components.addresses import segment
from back_office.web.components.form import Control, Field, Form, Section
from back_office.web.components.message import Message
from back_office.web.explain import explained
from back_office.web.visit import Visit

WAYS = ("sftp", "ftps", "http")
ADDRESS_FIELDS = {
    "sftp": ("host", "port", "user", "folder"),
    "ftps": ("host", "port", "user", "folder", "ca"),
    "http": ("url", "status_url", "ca"),
}
SECRET_FIELDS = {
    "sftp": ("password", "private_key", "passphrase"),
    "ftps": ("password",),
    "http": ("signing_secret",),
}
PORTS = {"sftp": "22", "ftps": "21"}
MANY_LINES = frozenset({"private_key", "ca"})
REQUIRED = frozenset({"host", "user", "url"})
NEW = "0"


@dataclass(frozen=True, slots=True)
class Panel:
    """What the page shows of a connection.

    Attributes:
        way: the way that is chosen on the card.
        connection: none while it was never filled in.
        form: none where the connection can't be looked at.
        trouble: why it can't.
    """

    way: str
    address: str
    badge: Badge
    connection: Connection | None = None
    revision: str = ""
    form: Form | None = None
    trouble: Message | None = None
    may_change: bool = False

    @property
    def test(self) -> ConnectionTest | None:
        """The newest test."""
        return self.connection.test if self.connection else None


async def panel_of(card: Card, visit: Visit) -> Panel | None:
    """The connection of a card; none where EKTs do not go to the customer's own server."""
    way = card.ekt.transfer.value if card.ekt.transfer else ""
    if not way:
        return None
    address = _address(card.debtor_id)
    try:
        answer = await visit.clients.connections.of(card.debtor_id)
    except ServiceFailure as failure:
        badge = Badge(Tone.CALM, "connection.not_seen")
        return Panel(way, address, badge, trouble=explained(failure, visit.t))
    connection, revision = (answer.value, answer.revision) if answer else (None, "")
    # What is there for another way is of no use for this one, apart from being replaced by it.
    fitting = connection if connection and connection.way == way else None
    may_change = visit.may("edit_debtor") and card.state in ("active", "blocked")
    return Panel(
        way=way,
        address=address,
        badge=_badge(fitting),
        connection=fitting,
        revision=revision or NEW,
        form=_form(way, fitting, revision or NEW, address, visit, read_only=not may_change),
        may_change=may_change,
    )


def _form(
    way: str, connection: Connection | None, revision: str, address: str, visit: Visit, *, read_only: bool
) -> Form:
    t = visit.t
    known = connection.address if connection else {}
    held = connection.held if connection else ()

    def plain(name: str) -> Field:
        value = str(known.get(name, PORTS.get(way, "") if name == "port" else ""))
        control = Control.AREA if name in MANY_LINES else Control.TEXT
        return Field(
            name,
            t(f"connection.{name}"),
            value,
            control,
            help=t.either(f"connection.{name}_help", ""),
            required=name in REQUIRED,
            wide=name in ("url", "status_url"),
        )

    def secret(name: str) -> Field:
        words = t("connection.kept") if name in held else t.either(f"connection.{name}_help", "")
        control = Control.AREA if name in MANY_LINES else Control.UNSEEN
        return Field(name, t(f"connection.{name}"), "", control, help=words, autocomplete="new-password")

    return Form(
        action=f"{address}?way={way}",
        submit=t("connection.save"),
        revision=revision,
        read_only=read_only,
        sections=(
            Section(
                t(f"connection.section_{way}"),
                tuple(plain(name) for name in ADDRESS_FIELDS[way]),
                help=t(f"connection.help_{way}"),
            ),
            Section(
                t("connection.section_secrets"),
                tuple(secret(name) for name in SECRET_FIELDS[way]),
                help=t("connection.help_secrets"),
            ),
        ),
    )


def _badge(connection: Connection | None) -> Badge:
    if connection is None:
        return Badge(Tone.BAD, "connection.none_yet")
    if connection.test is None:
        return Badge(Tone.WARN, "connection.untested")
    if connection.test.asks:
        return Badge(Tone.WARN, "connection.asks")
    return Badge(Tone.GOOD, "connection.works") if connection.test.ok else Badge(Tone.BAD, "connection.fails")


def page_of(debtor_id: str) -> str:
    return f"/debtors/{segment(debtor_id)}/configuration"


def _address(debtor_id: str) -> str:
    return f"{page_of(debtor_id)}/connection"
