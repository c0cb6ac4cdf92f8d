"""EKTs posted to a customer's web address: signed, with a key that keeps the receiver from taking one twice."""

import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus

import httpx
import orjson
from klokwerk.deliveries import Delivery, Outcome, Verdict, not_there, refused, sent, temporary, unknown

from ekt_service.channels import placing
from ekt_service.channels.errand import ErrandOf, Route, to_ask, to_send
from ekt_service.channels.placing import Handovers
from ekt_service.channels.signature import HEADER, signature
from ekt_service.channels.targets import TargetRefusedError, Targets, TargetUnknownError
from ekt_service.channels.trouble import plain, words_of
from ekt_service.domain.ekt import EktFile
from ekt_service.domain.server_address import HttpAddress

KEY_HEADER = "Idempotency-Key"
NAME_HEADER = "Klokwerk-File-Name"
HASH_HEADER = "Klokwerk-SHA256"
PURPOSE_HEADER = "Klokwerk-Purpose"
_EVERY = {"User-Agent": "klokwerk-ekt/1", "Accept-Encoding": "identity"}
MOST_OF_AN_ANSWER = 64 * 1024
_LONGEST_PAUSE = timedelta(hours=1)
_BELIEVED_AFTER = 2
"""Questions after which "not there" is believed: a receiver may still be busy with what it got."""
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_LATER = frozenset({408, 425, 429, 500, 503})
_PERHAPS = frozenset({502, 504})
_GONE = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class Answered:
    """What a receiver answered, with a bounded part of its words."""

    status: int
    headers: Mapping[str, str]
    words: str

    @property
    def said(self) -> str:
        """Status and words, for people."""
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = ""
        return " ".join(part for part in (str(self.status), phrase, self.words and f"- {self.words}") if part)


@dataclass(frozen=True, slots=True)
class HttpDoor:
    """Talks to customers' web addresses; redirects are never followed.

    Args:
        timeout: seconds for connecting and for an answer.
    """

    targets: Targets
    timeout: float = 15.0

    async def call(self, method: str, url: str, headers: Mapping[str, str], body: bytes, ca: str) -> Answered:
        """One request.

        Raises:
            TargetRefusedError, TargetUnknownError: the address may not be connected to, or isn't known.
            httpx.HTTPError: no whole answer came.
        """
        asked = httpx.URL(url)
        target = await self.targets.resolve(
            asked.host, asked.port or (443 if asked.scheme == "https" else 80)
        )
        if asked.scheme != "https":
            self.targets.check_plain(target)
        there = asked.copy_with(host=target)
        client = httpx.AsyncClient(
            verify=_context(ca), timeout=self.timeout, follow_redirects=False, trust_env=False
        )
        async with client:
            request = client.build_request(
                method,
                there,
                content=body if method == "POST" else None,
                headers={**headers, **_EVERY, "Host": asked.netloc.decode()},
                extensions={"sni_hostname": asked.host},
            )
            answer = await client.send(request, stream=True)
            try:
                found = bytearray()
                async for part in answer.aiter_raw():
                    found += part
                    if len(found) >= MOST_OF_AN_ANSWER:
                        break
                return Answered(answer.status_code, dict(answer.headers), _words(bytes(found), asked.host))
            finally:
                await answer.aclose()

    def signed(self, secret: str, key: str, body: bytes) -> dict[str, str]:
        """Key and signature, as every request carries them."""
        # The machine's own clock: the receiver compares with its own, and the company's may be moved in a demo.
        return {KEY_HEADER: key, HEADER: signature(secret, key, body, int(time.time()))}


@dataclass(frozen=True, slots=True)
class HttpChannel:
    """Posts EKTs, and asks by their keys whether they arrived."""

    door: HttpDoor
    errand_of: ErrandOf
    handovers: Handovers

    async def send(self, delivery: Delivery) -> Outcome:
        """Post every file; what the receiver has already counts as sent."""
        route = to_send(await self.errand_of(delivery), HttpAddress)
        if isinstance(route, Outcome):
            return route
        await self.handovers.note(delivery.id)
        said = ""
        for number, file in enumerate(route.files, 1):
            outcome = await self._post(route, file, key_of(delivery, number, route.files))
            if outcome.verdict is not Verdict.SENT:
                before = f" {number - 1} of {len(route.files)} files were taken before." if number > 1 else ""
                if outcome.verdict is Verdict.TEMPORARY and number == 1:
                    await self.handovers.forget(delivery.id)
                return Outcome(outcome.verdict, outcome.message + before, retry_after=outcome.retry_after)
            said = outcome.message
        return sent(said)

    async def ask(self, delivery: Delivery) -> Outcome:
        """Ask the receiver's status address for every file."""
        if not await self.handovers.noted(delivery.id):
            return placing.never_shown()
        route = to_ask(await self.errand_of(delivery), HttpAddress)
        if isinstance(route, Outcome):
            return route
        if not route.address.status_url:
            return unknown(
                "It is not known whether the file arrived, and the customer's server offers no status address. Ask "
                "the customer, then settle it here."
            )
        for number, file in enumerate(route.files, 1):
            outcome = await self._ask(route, file, key_of(delivery, number, route.files), delivery.asked)
            if outcome.verdict is not Verdict.SENT:
                return outcome
        return sent("The customer's server has it, as it says by its status address.")

    async def _post(self, route: Route[HttpAddress], file: EktFile, key: str) -> Outcome:
        headers = {
            **self.door.signed(route.secrets.signing_secret, key, file.content),
            "Content-Type": "application/EDIFACT",
            NAME_HEADER: file.name,
            HASH_HEADER: file.sha256,
        }
        try:
            answer = await self.door.call("POST", route.address.url, headers, file.content, route.address.ca)
        except TargetRefusedError as words:
            return refused(str(words))
        except TargetUnknownError as words:
            return temporary(str(words))
        except _NEVER_LEFT as trouble:
            return temporary(f"The customer's web address can't be reached: {cause_of(trouble)}.")
        except httpx.HTTPError as trouble:
            return unknown(
                f"The connection ended after {file.name} was posted and before the answer ({cause_of(trouble)}). It "
                "may have arrived."
            )
        return judged(answer)

    async def _ask(self, route: Route[HttpAddress], file: EktFile, key: str, asked: int) -> Outcome:
        headers = self.door.signed(route.secrets.signing_secret, key, b"")
        url = status_url_of(route.address, key)
        try:
            answer = await self.door.call("GET", url, headers, b"", route.address.ca)
        except (TargetRefusedError, TargetUnknownError) as words:
            return unknown(f"The status address can't be asked: {words}")
        except httpx.HTTPError as trouble:
            return unknown(f"The status address can't be asked: {cause_of(trouble)}.")
        if 200 <= answer.status < 300:
            kept = answer.headers.get(HASH_HEADER.lower(), file.sha256).lower()
            if kept != file.sha256:
                return refused(f"The customer's server has another file under the key of {file.name}.")
            return sent()
        if answer.status in _GONE:
            if asked < _BELIEVED_AFTER:
                return unknown("The customer's server does not have it yet; it is asked again.")
            return not_there(
                "The customer's server does not have it, so it is posted again under the same key."
            )
        return unknown(f"The status address answered: {answer.said}.")


@lru_cache(maxsize=64)
def _context(ca: str) -> ssl.SSLContext:
    """Reading the public certificates takes longer than a whole request, so contexts are kept."""
    context = ssl.create_default_context(cadata=ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def judged(answer: Answered) -> Outcome:
    """What a receiver's answer to a posted file means."""
    said = f"The customer's server answered: {answer.said}."
    if 200 <= answer.status < 300:
        return sent(said)
    if answer.status == HTTPStatus.CONFLICT:
        return sent(f"The customer's server has it already. {said}")
    if 300 <= answer.status < 400:
        return refused(
            f"{said} It sends us on to another address; redirects are not followed, so correct it."
        )
    if answer.status in _LATER:
        return temporary(said, retry_after(answer.headers.get("retry-after", "")))
    if answer.status in _PERHAPS:
        return unknown(f"{said} What lies behind it may have the file.")
    if answer.status >= 500:
        return temporary(said)
    return refused(said)


def key_of(delivery: Delivery, number: int, files: Sequence[EktFile]) -> str:
    """The key of one file of a delivery: the delivery's id, with a number where there are several files."""
    return str(delivery.id) if len(files) == 1 else f"{delivery.id}-{number}"


def status_url_of(address: HttpAddress, key: str) -> str:
    """The status address for one key."""
    return address.status_url.replace("{key}", key)


def retry_after(value: str) -> timedelta | None:
    """The pause that a receiver asks for, an hour at most; none when it says nothing of use."""
    try:
        pause = timedelta(seconds=int(value))
    except (ValueError, OverflowError):
        try:
            moment = parsedate_to_datetime(value)
        except (ValueError, TypeError):
            return None
        pause = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.now(UTC)
    return min(max(pause, timedelta(0)), _LONGEST_PAUSE)


def cause_of(trouble: httpx.HTTPError) -> str:
    """What went wrong underneath, in words without an address."""
    cause: BaseException = trouble
    while (deeper := cause.__cause__ or cause.__context__) is not None:
        cause = deeper
    if isinstance(trouble, httpx.TimeoutException):
        return "no answer in time"
    return words_of(cause)


def _words(body: bytes, host: str) -> str:
    """What an answer says: the detail of a problem document, else the text without tags."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if isinstance(document, dict):
        told = [str(document[name]) for name in ("title", "detail", "message", "error") if document.get(name)]
        return plain(": ".join(dict.fromkeys(told)), host)
    text = body.decode(errors="replace")
    untagged, inside = [], False
    for sign in text:
        inside = sign == "<" or (inside and sign != ">")
        untagged.append(" " if inside or sign == ">" else sign)
    return plain("".join(untagged), host)
