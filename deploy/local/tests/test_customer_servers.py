"""The customer's own servers as the embedded platform starts them: one process, three protocols."""

import asyncio
import ftplib
import hashlib
import hmac
import ssl
import time
from urllib.parse import urlsplit

import asyncssh
import httpx
from klokwerk_platform.customer import PASSWORD, SIGNING_SECRET, USER
from klokwerk_platform.customer.identity import certificate, certificate_only, host_key
from klokwerk_platform.ports import free_ports
from klokwerk_platform.servers import RunningServers, Servers, start_customer


async def test_the_customers_servers_run_beside_the_platform_and_take_files(tmp_path):
    running = RunningServers(Servers("", "", "", "", "", "", ""))
    ports = dict(zip(("customer-sftp", "customer-ftps", "customer-http"), free_ports(3), strict=True))
    await start_customer(tmp_path, running, ports.__getitem__)
    folder = tmp_path / "customer"
    try:
        assert {urlsplit(each).port for each in running.customer.values()} == set(ports.values())
        async with (
            asyncssh.connect(
                "127.0.0.1",
                ports["customer-sftp"],
                username=USER,
                password=PASSWORD,
                known_hosts=([host_key(folder).convert_to_public()], [], []),
                config=None,
            ) as connection,
            connection.start_sftp_client() as sftp,
        ):
            async with sftp.open("/a.edi", "w") as file:
                await file.write("UNB")
            assert await sftp.listdir("/../..") == await sftp.listdir("/"), "nothing above the folder is seen"
        assert (folder / "sftp" / "a.edi").read_text() == "UNB"
        await asyncio.to_thread(_by_ftps, ports["customer-ftps"], certificate_only(certificate(folder)))
        assert (folder / "ftps" / "in").is_dir()
        await _by_http(ports["customer-http"])
    finally:
        await running.stop()


def _by_ftps(port: int, trusted: str) -> None:
    context = ssl.create_default_context(cadata=trusted)
    with ftplib.FTP_TLS(context=context, timeout=5) as ftp:
        ftp.connect("127.0.0.1", port)
        ftp.host = "localhost"
        ftp.login(USER, PASSWORD)
        ftp.prot_p()
        ftp.mkd("in")


async def _by_http(port: int) -> None:
    """Signed as the documentation says, without our own code for it."""
    body, key, now = b"UNB+UNOA", "key-1", int(time.time())
    made = hmac.new(SIGNING_SECRET.encode(), f"{now}.{key}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "Klokwerk-Signature": f"t={now},v1={made}",
        "Idempotency-Key": key,
        "Klokwerk-SHA256": hashlib.sha256(body).hexdigest(),
        "Klokwerk-File-Name": "a.edi",
    }
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        assert (await http.post("/ekt", content=body, headers=headers)).status_code == 201
        assert (await http.post("/ekt", content=body, headers=headers)).status_code == 409
        assert (await http.post("/ekt", content=body + b"x", headers=headers)).status_code == 401
        old = {**headers, "Klokwerk-Signature": f"t={now - 900},v1={made}"}
        assert (await http.post("/ekt", content=body, headers=old)).status_code == 401
        assert (await http.put("/_trouble", json={"full": True})).json()["full"] is True
        assert (await http.delete("/_trouble")).status_code == 204
