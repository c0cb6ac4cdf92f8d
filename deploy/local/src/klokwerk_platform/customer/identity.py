"""What a server shows to prove who it is: a host key, and a certificate that it signed itself."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

import asyncssh
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_LIFE = datetime.timedelta(days=3650)


def host_key(folder: Path) -> asyncssh.SSHKey:
    """The SSH host key in `folder`, made the first time."""
    file = folder / "host_key"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(file)
    return asyncssh.read_private_key(file)


def certificate(folder: Path, host: str = "localhost") -> Path:
    """The file with key and certificate for ``localhost`` and 127.0.0.1 in `folder`, made the first time."""
    file = folder / "certificate.pem"
    if file.exists():
        return file
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    names = x509.SubjectAlternativeName(
        [x509.DNSName(host), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
    )
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + _LIFE)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    draft = file.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    draft.replace(file)
    return file


def certificate_only(file: Path) -> str:
    """The certificate of such a file without its key, to be trusted by others."""
    begin = "-----BEGIN CERTIFICATE-----"
    return begin + file.read_text().partition(begin)[2]
