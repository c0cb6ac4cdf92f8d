"""A customer with servers of its own: SFTP, FTPS and a web address, real ones on this machine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from ekt_world import World, a_debtor, control
from klokwerk_contracts import DebtorChanged
from klokwerk_platform.customer.ftps import FtpsSink
from klokwerk_platform.customer.http import create_receiver
from klokwerk_platform.customer.identity import certificate, certificate_only, host_key
from klokwerk_platform.customer.sftp import SftpSink
from klokwerk_platform.customer.trouble import Trouble, Troubles
from klokwerk_platform.http_server import serving
from klokwerk_platform.ports import free_ports

USER, PASSWORD, SIGNING = "klokwerk", "flowers at dawn", "0123456789abcdef0123456789abcdef"


@dataclass(slots=True)
class Customer:
    """The servers, and what arrived on them."""

    folder: Path
    ports: dict[str, int]
    sftp: SftpSink
    ftps: FtpsSink
    ca: str
    http: httpx.AsyncClient
    troubles: Troubles

    async def behave(self, **trouble: Any) -> None:
        """Order trouble for the folders, or none anywhere."""
        self.troubles.now = Trouble(**trouble)
        if not trouble:
            (await self.http.delete("/_control")).raise_for_status()

    async def answer(self, **behaviour: Any) -> None:
        """Order trouble for the web address."""
        (await self.http.put("/_control", json=behaviour)).raise_for_status()

    def inbox(self, debtor: DebtorChanged, way: str) -> Path:
        """The folder of one debtor on a server."""
        return self.folder / way / debtor.debtor_id

    def arrived(self, debtor: DebtorChanged, way: str) -> dict[str, bytes]:
        """Files that anybody collecting would see, by name."""
        return {
            file.name: file.read_bytes()
            for file in sorted(self.inbox(debtor, way).iterdir())
            if not file.name.endswith(".part")
        }

    async def posted(self) -> list[dict[str, Any]]:
        """What the web address has taken."""
        stored = (await self.http.get("/_stored")).json()
        return [row["item"] | {"key": row["key"]} for row in stored["ekts"]]

    async def requests(self, method: str) -> list[dict[str, Any]]:
        """What came in at the web address."""
        return list((await self.http.get("/_requests", params={"method": method, "path": "/ekt"})).json())

    def address(self, way: str, folder: str = "", **changes: Any) -> dict[str, Any]:
        """The address of one of the servers."""
        at = {"way": way, "host": "127.0.0.1", "port": self.ports.get(way), "user": USER, "folder": folder}
        if way == "http":
            url = f"http://127.0.0.1:{self.ports['http']}/ekt"
            at = {"way": way, "url": url, "status_url": f"{url}/{{key}}"}
        if way == "ftps":
            at["ca"] = self.ca
        return at | changes

    def secrets(self, way: str) -> dict[str, str]:
        """What it takes to get in."""
        return {"signing_secret": SIGNING} if way == "http" else {"password": PASSWORD}

    async def debtor(self, world: World, way: str, **changes: Any) -> DebtorChanged:
        """A debtor that gets its EKTs this way, known to the service, its connection filled in and tested."""
        debtor = a_debtor(ekt={"transfer": way, **changes.pop("ekt", {})})
        await world.publish(debtor)
        await world.knows(debtor)
        if way != "http":
            self.inbox(debtor, way).mkdir(parents=True)
        await connect(world, debtor, self.address(way, debtor.debtor_id, **changes), self.secrets(way))
        tested = await probe(world, debtor)
        if tested["asks"]:
            tested = await probe(world, debtor, accept=tested["fingerprint"])
        assert tested["ok"], tested
        return debtor


async def connect(
    world: World, debtor: DebtorChanged, address: dict[str, Any], secrets: dict[str, Any], revision: int = 0
) -> dict[str, Any]:
    """Fill in a connection."""
    answer = await world.http.put(
        f"/v1/debtors/{debtor.debtor_id}/connection",
        json={"address": address, "secrets": secrets},
        headers=world.headers("sales") | {"If-Match": f'"{revision}"'},
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def probe(world: World, debtor: DebtorChanged, **body: str) -> dict[str, Any]:
    """Test a connection."""
    answer = await world.http.post(
        f"/v1/debtors/{debtor.debtor_id}/connection/test", json=body, headers=world.headers("sales")
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@asynccontextmanager
async def customer_servers(folder: Path) -> AsyncIterator[Customer]:
    ports = dict(zip(("sftp", "ftps", "http"), free_ports(3), strict=True))
    troubles = Troubles.none()
    pem = certificate(folder)
    sftp = SftpSink(
        folder / "sftp", ports["sftp"], host_key(folder), user=USER, password=PASSWORD, troubles=troubles
    )
    ftps = FtpsSink(folder / "ftps", ports["ftps"], pem, user=USER, password=PASSWORD, troubles=troubles)
    receiver = create_receiver(SIGNING, troubles)
    await sftp.start()
    ftps.start()
    url = f"http://127.0.0.1:{ports['http']}"
    async with serving([(receiver, ports["http"])]), control(url) as http:
        yield Customer(folder, ports, sftp, ftps, certificate_only(pem), http, troubles)
    ftps.stop()
    await sftp.stop()
