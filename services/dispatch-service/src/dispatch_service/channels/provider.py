"""What the HTTP providers have in common: an idempotency key in, one of four kinds of outcome out.

The four kinds (content, precondition, temporary, unknown) follow from how far the request came: an error
before any byte left is temporary; an answer that refuses the content is final; anything that breaks after the
bytes left is unknown, and is settled by asking with the same key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime

import httpx
import orjson
from klokwerk.deliveries import Outcome, not_there, refused, sent, temporary, unknown
from pydantic import BaseModel, ValidationError

LONGEST_PAUSE = timedelta(hours=1)
"""The longest Retry-After that is obeyed; a run has to end."""

_NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_NOT_TAKEN = {408, 425, 429, 503}


class Receipt(BaseModel):
    """What a provider says of one thing it holds."""

    id: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """One HTTP provider.

    Args:
        name: as people call it, for messages.
        url: where it is; empty when none is set.
        setting: the variable that holds the address, for the message that asks for it.
    """

    name: str
    url: str
    setting: str
    token: str
    client: httpx.AsyncClient

    def authorisation(self) -> dict[str, str]:
        """The header that says who we are; none without a token."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    async def submit(self, path: str, key: str, content: bytes, headers: dict[str, str]) -> Outcome:
        """Hand something over under an idempotency key."""
        if not self.url:
            return refused(f"No {self.name} is set up: set {self.setting} for the dispatch service.")
        try:
            answer = await self.client.post(
                self.url.rstrip("/") + path,
                content=content,
                headers=self.authorisation() | headers | {"Idempotency-Key": key},
            )
        except _NOT_CONNECTED as error:
            return temporary(
                f"The {self.name} could not be reached ({_words(error)}); nothing was handed over."
            )
        except httpx.HTTPError as error:
            return unknown(
                f"The {self.name} gave no answer after the document was handed over ({_words(error)})."
            )
        return self._read_submission(answer)

    def _read_submission(self, answer: httpx.Response) -> Outcome:
        status = answer.status_code
        if answer.is_success:
            try:
                receipt = Receipt.model_validate_json(answer.content)
            except ValidationError:
                return unknown(f"The {self.name} accepted with an answer that could not be read.")
            return sent(f"Accepted by the {self.name}.", receipt.id)
        said = _said(answer)
        if status in _NOT_TAKEN:
            return temporary(f"The {self.name} can't take it now ({status}{said}).", retry_after(answer))
        if status in (401, 403):
            return refused(
                f"The {self.name} did not accept our credentials ({status}{said}). Have the administrator "
                f"check the token of {self.setting}, then send by hand."
            )
        if status < 500:
            return refused(f"Refused by the {self.name} ({status}{said}).")
        return unknown(f"The {self.name} failed after the document was handed over ({status}{said}).")

    async def ask(self, path: str, sha256: str) -> Outcome:
        """What became of what was handed over under a key; `path` names it."""
        if not self.url:
            return unknown(f"No {self.name} is set up: set {self.setting} for the dispatch service.")
        try:
            answer = await self.client.get(self.url.rstrip("/") + path, headers=self.authorisation())
        except httpx.HTTPError as error:
            return unknown(f"The {self.name} could not be asked ({_words(error)}).")
        if answer.status_code == 404:
            return not_there(f"The {self.name} never got it.")
        if not answer.is_success:
            return unknown(
                f"The {self.name} could not say what became of it ({answer.status_code}{_said(answer)})."
            )
        try:
            receipt = Receipt.model_validate_json(answer.content)
        except ValidationError:
            return unknown(f"The {self.name} gave an answer that could not be read.")
        if receipt.sha256 and receipt.sha256 != sha256:
            return refused(
                f"The {self.name} holds another document under this key; ask them before sending again."
            )
        return sent(f"Accepted by the {self.name}; found by its key after the answer was lost.", receipt.id)


def retry_after(answer: httpx.Response) -> timedelta | None:
    """The pause that an answer asks for, as seconds or as a date (RFC 9110)."""
    text = answer.headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isdecimal():
        return min(timedelta(seconds=int(text)), LONGEST_PAUSE)
    try:
        moment = parsedate_to_datetime(text)
        said_at = parsedate_to_datetime(answer.headers["date"]) if "date" in answer.headers else moment
    except ValueError:
        return None
    if moment.tzinfo is None or said_at.tzinfo is None:
        moment, said_at = moment.replace(tzinfo=UTC), said_at.replace(tzinfo=UTC)
    return max(timedelta(0), min(moment - said_at, LONGEST_PAUSE))


def _said(answer: httpx.Response) -> str:
    """The provider's own words, as ``: words``; empty when it gave none."""
    try:
        body = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        text = answer.text.strip()[:300]
        return f": {text}" if text else ""
    if isinstance(body, dict):
        detail = body.get("detail") or body.get("title") or body.get("message")
        if detail:
            return f": {detail if isinstance(detail, str) else orjson.dumps(detail).decode()[:300]}"
    return ""


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
