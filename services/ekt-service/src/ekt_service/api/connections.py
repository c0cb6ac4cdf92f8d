"""A debtor's connection to its own server: kept here and nowhere else, tested step by step, its secrets never shown."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from klokwerk import telemetry
from klokwerk.access import Person, allow, audit
from klokwerk.database import Database
from klokwerk.http import Expected, Problem, check_revision, etag
from klokwerk.http.problems import FieldProblem
from klokwerk.sealing import Sealer, WrongSecretKey
from sqlalchemy.ext.asyncio import AsyncConnection

from ekt_service.api.connection_views import ConnectionBody, ConnectionView, TrialBody, TrialView
from ekt_service.channels.placing import ShelfRefusedError
from ekt_service.channels.probes import Prober
from ekt_service.channels.sftp import private_key
from ekt_service.domain.connection import Connection, LastTest, Secrets, secrets_kept
from ekt_service.domain.server_address import (
    AnyAddress,
    HttpAddress,
    SftpAddress,
    same_place,
    same_server,
)
from ekt_service.sending import Sending
from ekt_service.store import connections, debtors
from ekt_service.store.connections import Sealed
from ekt_service.store.debtors import DebtorKey

log = telemetry.get_logger(__name__)
router = APIRouter(prefix="/debtors/{debtor_id}/connection", tags=["Connections"])
EDITORS = ("sales", "finance", "ops")
"""Whoever may edit a debtor's configuration may edit its connection (EF-74)."""
SHORTEST_SIGNING_SECRET = 16


@router.get("", summary="The connection to a debtor's own server, without its secrets")
async def read_connection(
    request: Request,
    response: Response,
    debtor_id: str,
    administration: str = "main",
    _: Person = allow(*EDITORS, "billing-admin"),
) -> ConnectionView:
    """The connection; change it with the ETag of this answer. 404 where there is none."""
    database: Database = request.app.state.database
    async with database.connect() as connection:
        owner = await _owner(connection, (administration, debtor_id))
        kept = await connections.get(connection, owner)
    if kept is None:
        raise _none_yet(debtor_id)
    response.headers["ETag"] = etag(kept.shown.revision)
    return ConnectionView.of(kept)


@router.put("", summary="Fill in or change the connection; secrets that are not sent stay as they are")
async def put_connection(
    request: Request,
    response: Response,
    *,
    person: Person = allow(*EDITORS),
    debtor_id: str,
    body: ConnectionBody,
    expected: Expected,
    administration: str = "main",
) -> ConnectionView:
    """Keep the connection. A new one is put with ``If-Match: "0"``; what an earlier test found is forgotten."""
    database: Database = request.app.state.database
    box: Sealer = request.app.state.box
    now = _sending(request).clock.now()
    async with database.transaction() as connection:
        key = await _editable(connection, (administration, debtor_id))
        kept = await connections.get(connection, key, lock=True)
        before = _opened(kept, box) if kept else None
        check_revision(
            expected,
            before.revision if before else 0,
            changed_by=before.changed_by if before else "",
        )
        changed = _changed(before, body, key, person.name, now)
        await connections.put(connection, box, changed)
        await audit(
            connection, person, now, "changed" if before else "filled in", "connection", "/".join(key),
            old=_told(before) if before else None, new=_told(changed),
        )  # fmt: skip
        written = await connections.get(connection, key)
    if written is None:
        raise AssertionError("unreachable: it was written in this transaction")
    response.headers["ETag"] = etag(changed.revision)
    return ConnectionView.of(written)


@router.delete("", status_code=204, summary="Forget the connection and its secrets")
async def delete_connection(
    request: Request,
    *,
    person: Person = allow(*EDITORS),
    debtor_id: str,
    expected: Expected,
    administration: str = "main",
) -> None:
    """Forget it; EKTs that are still on their way by it fail and say so."""
    database: Database = request.app.state.database
    now = _sending(request).clock.now()
    async with database.transaction() as connection:
        key = await _editable(connection, (administration, debtor_id))
        kept = await connections.get(connection, key, lock=True)
        if kept is None:
            raise _none_yet(debtor_id)
        check_revision(expected, kept.shown.revision, changed_by=kept.shown.changed_by)
        await connections.delete(connection, key)
        await audit(connection, person, now, "removed", "connection", "/".join(key), old=_told(kept.shown))


@router.post("/test", summary="Try the connection step by step, and leave nothing behind")
async def try_connection(
    request: Request,
    debtor_id: str,
    body: TrialBody | None = None,
    administration: str = "main",
    person: Person = allow(*EDITORS),
) -> TrialView:
    """Connect, sign in, write a file, give it its name, read it and remove it; the result is remembered."""
    database: Database = request.app.state.database
    box: Sealer = request.app.state.box
    prober: Prober = request.app.state.prober
    clock = _sending(request).clock
    async with database.transaction() as connection:
        key = await _editable(connection, (administration, debtor_id))
        kept = await connections.get(connection, key, lock=True)
        if kept is None:
            raise _none_yet(debtor_id)
        try:
            tried = kept.opened(box)
        except WrongSecretKey as problem:
            raise Problem(409, "The secrets can't be read", f"{problem}.") from None
        if body is not None and body.accept:
            tried = await _accepted(connection, tried, body.accept, person, clock.now())
    report = await prober.test(tried)
    now = clock.now()
    async with database.transaction() as connection:
        await connections.keep_test(connection, tried, report, person.name, now)
        await audit(connection, person, now, "tested", "connection", "/".join(key), new={"ok": report.ok})
    log.info("connection_tested", debtor=debtor_id, way=tried.way.value, ok=report.ok)
    return TrialView.of(LastTest(now, person.name, report))


async def _accepted(
    connection: AsyncConnection, tried: Connection, fingerprint: str, person: Person, now: datetime
) -> Connection:
    """Pin what the test before showed, and nothing else."""
    if tried.tested is None or tried.tested.report.fingerprint != fingerprint:
        raise Problem(
            409,
            "That is not what the server showed",
            "The newest test of this connection showed another key. Test it again and compare what is shown then.",
        )
    revision = await connections.accept(connection, tried, fingerprint, person.name, now)
    await audit(
        connection, person, now, "accepted", "connection", f"{tried.administration}/{tried.debtor_id}",
        old={"fingerprint": tried.fingerprint}, new={"fingerprint": fingerprint},
    )  # fmt: skip
    return replace(tried, fingerprint=fingerprint, revision=revision or tried.revision)


def _changed(
    before: Connection | None, body: ConnectionBody, key: DebtorKey, by: str, now: datetime
) -> Connection:
    address = body.address
    typed = body.secrets.typed()
    stays = before is not None and same_server(before.address, address)
    old = before.secrets if before else Secrets()
    if before is not None and not stays and before.secrets.password and typed["password"] is None:
        # Else whoever may edit could have a password told to a server of their own.
        raise _wrong("secrets.password", "The server is another one.", "Type the password again.")
    new = Connection(
        id=before.id if before else uuid4(),
        administration=key[0],
        debtor_id=key[1],
        address=address,
        secrets=Secrets(),
        fingerprint=before.fingerprint if before and stays else "",
        revision=before.revision + 1 if before else 1,
        changed_at=now,
        changed_by=by,
        address_changed_at=before.address_changed_at
        if before and same_place(before.address, address)
        else now,
    )
    new = replace(new, secrets=secrets_kept(old, typed, new.way))
    _check_secrets(new.address, new.secrets)
    return new


def _check_secrets(address: AnyAddress, secrets: Secrets) -> None:
    for name in ("password", "passphrase", "signing_secret"):
        if not getattr(secrets, name).isprintable():
            raise _wrong(
                f"secrets.{name}", "It holds a line break or another control sign.", "Type it again."
            )
    if isinstance(address, SftpAddress) and secrets.private_key:
        try:
            private_key(secrets)
        except ShelfRefusedError as words:
            raise _wrong("secrets.private_key", str(words), "") from None
    if isinstance(address, HttpAddress) and 0 < len(secrets.signing_secret) < SHORTEST_SIGNING_SECRET:
        raise _wrong(
            "secrets.signing_secret",
            "It is too short: signatures made with it could be guessed.",
            f"Take at least {SHORTEST_SIGNING_SECRET} characters, such as 32 random ones.",
        )


def _opened(kept: Sealed, box: Sealer) -> Connection:
    """The connection as it stands; secrets that can't be read any more have to be typed anew."""
    try:
        return kept.opened(box)
    except WrongSecretKey:
        log.warning("connection_secrets_unreadable", debtor=kept.shown.debtor_id)
        return kept.with_secrets(Secrets())


async def _owner(connection: AsyncConnection, key: DebtorKey) -> DebtorKey:
    return (await debtors.owners(connection, [key]))[key]


async def _editable(connection: AsyncConnection, key: DebtorKey) -> DebtorKey:
    """The debtor itself, locked against a merge that would move its connection meanwhile."""
    await debtors.lock(connection, [key])
    owner = await _owner(connection, key)
    if owner != key:
        raise Problem(409, "This debtor was merged", f"It is {owner[1]} now: change the connection there.")
    if key not in await debtors.load(connection, [key]):
        raise Problem(
            404,
            "No such debtor here yet",
            f"The card of debtor {key[1]} is not known to the EKT service. If it was made just now, try again.",
        )
    return key


def _told(connection: Connection) -> dict[str, Any]:
    """What the audit trail holds: everything but the secrets."""
    return {
        "address": connection.address.model_dump(),
        "secrets": list(connection.secrets.held),
        "fingerprint": connection.fingerprint,
    }


def _sending(request: Request) -> Sending:
    sending: Sending = request.app.state.sending
    return sending


def _none_yet(debtor_id: str) -> Problem:
    return Problem(404, "No connection yet", f"Debtor {debtor_id} has no connection to a server of its own.")


def _wrong(field: str, message: str, cure: str) -> Problem:
    return Problem(
        422,
        "The connection can't be kept",
        "See errors for each field.",
        errors=[FieldProblem(field=field, message=message, cure=cure)],
    )
