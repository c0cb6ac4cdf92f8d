"""EKTs into a folder on the customer's own server, whatever protocol leads there."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from klokwerk.deliveries import Delivery, Outcome, refused, temporary, unknown

from ekt_service.channels import placing
from ekt_service.channels.errand import ErrandOf, Route, to_ask, to_send
from ekt_service.channels.placing import Handovers, Shelf, ShelfError, ShelfRefusedError
from ekt_service.domain.server_address import FtpsAddress, SftpAddress

A = TypeVar("A", SftpAddress, FtpsAddress)


class Door(Protocol[A]):
    """Opens the folder that a route leads to."""

    def opened(self, route: Route[A]) -> AbstractAsyncContextManager[Shelf]:
        """The folder, until the block ends; raises `ShelfError` where it can't be opened."""
        ...


@dataclass(frozen=True, slots=True)
class TransferChannel(Generic[A]):
    """Puts files there, and looks whether they are there.

    Args:
        kind: the kind of address that `door` opens.
        where: the folder in words.
    """

    door: Door[A]
    kind: type[A]
    where: str
    errand_of: ErrandOf
    handovers: Handovers

    async def send(self, delivery: Delivery) -> Outcome:
        """Put every file into the customer's folder."""
        route = to_send(await self.errand_of(delivery), self.kind)
        if isinstance(route, Outcome):
            return route
        try:
            async with self.door.opened(route) as shelf:
                return await placing.place(shelf, route.files, self.handovers, delivery.id, self.where)
        except ShelfRefusedError as words:
            return refused(str(words))
        except ShelfError as words:
            return temporary(str(words))

    async def ask(self, delivery: Delivery) -> Outcome:
        """Look into the folder."""
        if not await self.handovers.noted(delivery.id):
            return placing.never_shown()
        route = to_ask(await self.errand_of(delivery), self.kind)
        if isinstance(route, Outcome):
            return route
        try:
            async with self.door.opened(route) as shelf:
                return await placing.ask(shelf, route.files, self.where)
        except ShelfError as words:
            return unknown(f"It can't be looked up whether the files arrived: {words}")
