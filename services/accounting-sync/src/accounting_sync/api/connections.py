"""Connections: the consent of a person at Exact Online, and a test of the way."""

import asyncio
import base64
import hashlib
import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends
from klokwerk.access import Person, SignedIn, allow, audit
from klokwerk.http import Problem

from accounting_sync.api.administration_models import (
    ConnectionOut,
    ConsentBeginIn,
    ConsentBegunOut,
    ConsentedOut,
    ConsentIn,
    HealthOut,
)
from accounting_sync.api.models import Code
from accounting_sync.domain.administration import Administration
from accounting_sync.domain.targets import Mode, Target
from accounting_sync.parts import Accounting, accounting, administration_of
from accounting_sync.store import connections, consents
from accounting_sync.store.connections import StoredCredentials
from accounting_sync.store.consents import ConsentRequest
from accounting_sync.targets.answers import ConsentNeeded, Temporary
from accounting_sync.upkeep import Tested

router = APIRouter(tags=["connections"])
Parts = Annotated[Accounting, Depends(accounting)]
CONSENT_LIFE = timedelta(minutes=10)


@router.post("/administrations/{code}/consents", status_code=201)
async def begin_consent(
    code: Code, given: ConsentBeginIn, parts: Parts, person: Person = allow("finance")
) -> ConsentBegunOut:
    """Begin a consent: the page of Exact Online to send the person to.

    The state in it is known to this service alone, serves once, for ten minutes, and for this person only; the
    code that comes back is of use to nobody without the verifier kept here (RFC 7636, where Exact heeds it).
    """
    async with parts.database.connect() as connection:
        found = await administration_of(connection, code)
        known = await connections.known(connection, code, found.target)
    if found.target is not Target.EXACT_DIRECT:
        raise Problem(409, "No consent is needed", f"{found.rules.system} is not reached by consent.")
    if not known:
        raise Problem(409, "No credentials", "Enter client id, secret and division of the connection first.")
    credentials = await StoredCredentials(parts.database, parts.clock, parts.box, code).stored()
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    now = parts.clock.now()
    async with parts.database.transaction() as connection:
        await consents.begin(
            connection,
            parts.box,
            state,
            ConsentRequest(code, given.redirect_uri, verifier),
            person=person.subject,
            now=now,
            expires_at=now + CONSENT_LIFE,
        )
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    query = urlencode(
        {
            "client_id": credentials.client_id,
            "redirect_uri": given.redirect_uri,
            "response_type": "code",
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
    )
    return ConsentBegunOut(
        authorize_url=f"{credentials.base_url}/api/oauth2/auth?{query}", expires_at=now + CONSENT_LIFE
    )


@router.post("/consents")
async def finish_consent(given: ConsentIn, parts: Parts, person: Person = allow("finance")) -> ConsentedOut:
    """Finish a consent that this person began: the code from the consent page becomes the connection's tokens."""
    async with parts.database.transaction() as connection:
        request = await consents.take(
            connection, parts.box, given.state, person=person.subject, now=parts.clock.now()
        )
    if request is None:
        raise Problem(
            409,
            "This consent was not begun here",
            "It was begun by somebody else, is older than ten minutes, or was finished already. Begin again.",
        )
    code = request.administration
    try:
        await parts.links.exact(code).tokens.exchange_code(given.code, request.redirect_uri, request.verifier)
    except ConsentNeeded as error:
        detail = (
            "Exact Online did not accept the code; it serves once and for a short time. Give consent again."
        )
        raise Problem(422, "The consent was not accepted", detail) from error
    except Temporary as error:
        raise Problem(503, "Exact Online does not answer", f"{error}. Begin again in a moment.") from error
    async with parts.database.transaction() as connection:
        await audit(connection, person, parts.clock.now(), "consent given", "administration", code)
        found = await connections.health(connection, code, Target.EXACT_DIRECT)
    return ConsentedOut(administration=code, connection=ConnectionOut.of(found))


@router.get("/{administration}/health")
async def health(administration: Code, parts: Parts, _: SignedIn) -> HealthOut:
    """Test the way to the accounting system: one harmless call, or whether the folder can be written."""
    async with parts.database.connect() as connection:
        found = await administration_of(connection, administration)
    if found.mode is Mode.DIRECT:
        tested = await parts.upkeep.test(found)
    else:
        tested = await asyncio.to_thread(_folder, found)
    async with parts.database.connect() as connection:
        state = await connections.health(connection, administration, found.target)
    return HealthOut(
        ok=tested.ok,
        message=tested.message,
        checked_at=parts.clock.now(),
        connection=ConnectionOut.of(state),
    )


def _folder(administration: Administration) -> Tested:
    if administration.folder is None:
        return Tested(
            True, "files go to the service's own folder and can be downloaded from the export history"
        )
    folder = Path(administration.folder)
    if not folder.is_dir():
        parent = folder.parent.is_dir() and os.access(folder.parent, os.W_OK)
        more = "; it is made at the first export" if parent else ""
        return Tested(parent, f"{folder} is not there{more}")
    if not os.access(folder, os.W_OK):
        return Tested(False, f"{folder} can't be written")
    return Tested(True, f"{folder} can be written")
