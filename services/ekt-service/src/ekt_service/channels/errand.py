"""What a channel to a customer's own server needs for one delivery, looked up when it is sent."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from klokwerk.deliveries import Delivery, Outcome, refused, unknown

from ekt_service.domain.connection import Connection, Secrets
from ekt_service.domain.ekt import EktFile
from ekt_service.domain.server_address import FtpsAddress, HttpAddress, SftpAddress

A = TypeVar("A", SftpAddress, FtpsAddress, HttpAddress)


@dataclass(frozen=True, slots=True)
class Errand:
    """The files and the way to the customer's server.

    Args:
        connection: as it stands now; none when it was taken away, or was never there.
        problem: why the connection can't be used though it is there.
        began_at: when the newest attempt at sending began.
    """

    files: Sequence[EktFile]
    connection: Connection | None
    problem: str = ""
    began_at: datetime | None = None


ErrandOf = Callable[[Delivery], Awaitable[Errand]]


@dataclass(frozen=True, slots=True)
class Route(Generic[A]):
    """Where the files of one delivery go."""

    address: A
    secrets: Secrets
    fingerprint: str
    files: Sequence[EktFile]


def to_send(errand: Errand, kind: type[A]) -> Route[A] | Outcome:
    """The route to send by, or why nothing can be sent."""
    if errand.problem:
        return refused(errand.problem)
    connection = errand.connection
    if connection is None:
        return refused(
            "There is no connection to the customer's server any more: fill it in under Configuration and send "
            "the EKT again."
        )
    if not isinstance(connection.address, kind):
        return refused(
            f"The connection to the customer's server is for {connection.way.value.upper()} now: send the EKT "
            "again, so that it goes that way."
        )
    if not errand.files:
        return refused("The files of this EKT are missing; send it again with Resend EKT.")
    return Route(connection.address, connection.secrets, connection.fingerprint, errand.files)


def to_ask(errand: Errand, kind: type[A]) -> Route[A] | Outcome:
    """The route to ask by, or why it can't be asked there what became of an attempt."""
    if errand.problem:
        return unknown(errand.problem)
    connection = errand.connection
    if connection is None or not isinstance(connection.address, kind):
        return unknown(
            "The connection that it was sent by is there no more, so nobody can be asked whether it arrived. Ask "
            "the customer, then settle it here."
        )
    if errand.began_at is not None and connection.address_changed_at >= errand.began_at:
        return unknown(
            "The connection leads to another place since it was sent, so it can't be looked up whether it "
            "arrived. Ask the customer, then settle it here."
        )
    return Route(connection.address, connection.secrets, connection.fingerprint, errand.files)
