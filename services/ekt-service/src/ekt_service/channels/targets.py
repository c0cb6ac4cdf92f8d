"""Where customers' servers may be: a name is looked up once, judged, and then connected to by its address.

Whoever fills in a connection could otherwise make this service knock at doors inside the house, or, with a name
that changes its address between two look-ups, slip past the judgement.
"""

import asyncio
import ipaddress
import socket
from dataclasses import dataclass


class TargetRefusedError(Exception):
    """The server may not be connected to; the text says why, without its address."""


class TargetUnknownError(Exception):
    """The server's name can't be looked up at present."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Which servers may be connected to.

    Args:
        internal: also those on this machine and in private networks; plain HTTP to this machine is possible then.
        timeout: seconds for looking up a name.
    """

    internal: bool = False
    timeout: float = 10.0

    async def resolve(self, host: str, port: int) -> str:
        """The address to connect to.

        Raises:
            TargetRefusedError: it is not a public one.
            TargetUnknownError: the name is not known, or nobody could be asked.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.timeout):
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError, TimeoutError):
            raise TargetUnknownError("The name of the customer's server can't be looked up.") from None
        addresses = [str(each[4][0]) for each in found]
        allowed = [address for address in addresses if self._allowed(address)]
        if not allowed:
            raise TargetRefusedError(
                "The customer's server has an address inside a private network or on this machine. If that is "
                "right, have the administrator set KLOKWERK_EKT_INTERNAL_TARGETS."
            )
        return allowed[0]

    def check_plain(self, address: str) -> None:
        """Refuse HTTP without encryption, except to this machine where internal servers are allowed.

        Raises:
            TargetRefusedError: it is not allowed.
        """
        if not (self.internal and ipaddress.ip_address(_bare(address)).is_loopback):
            raise TargetRefusedError("Files are posted by https only: change the web address.")

    def _allowed(self, address: str) -> bool:
        judged = ipaddress.ip_address(_bare(address))
        mapped = judged.ipv4_mapped if isinstance(judged, ipaddress.IPv6Address) else None
        plain = mapped or judged
        if plain.is_multicast or plain.is_unspecified or plain.is_link_local:
            return False
        return plain.is_global or self.internal


def _bare(address: str) -> str:
    """Without the name of a network card that link-local addresses carry."""
    return address.partition("%")[0]
