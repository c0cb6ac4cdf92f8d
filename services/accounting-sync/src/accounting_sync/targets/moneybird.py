"""Moneybird by direct calls: contacts, recognised by their customer id.

A bearer token, 150 calls in five minutes told in headers, and 422 with what is wrong field by field. The
customer id is unique over there, so an insert of what exists is refused, never made twice.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import quote

import httpx
import orjson
from klokwerk.clock import Clock

from accounting_sync.domain.lines import Action
from accounting_sync.domain.relation import RelationData
from accounting_sync.targets.answers import ConsentNeeded, Lost, Refused, Temporary
from accounting_sync.targets.direct import Remember, Sending
from accounting_sync.targets.exact_tokens import NOT_SENT
from accounting_sync.targets.gate import CallGate, LimitReader, Window

NO_ACCESS = (
    "Moneybird does not accept the token of this connection any more; make a new one there and enter it in the "
    "settings of the administration"
)
RECOGNISED_BY = ("company_name", "address1", "zipcode", "city", "tax_number", "chamber_of_commerce")
EMPTIED = {
    "phone": ("phone",),
    "email": ("send_invoices_to_email",),
    "vat_number": ("tax_number",),
    "chamber_number": ("chamber_of_commerce",),
    "addresses": ("address1", "address2", "zipcode", "city"),
    "bank_accounts": ("bank_account",),
}
EPOCH_FROM = 1_000_000_000
"""A reset above this is a moment, below it a number of seconds."""


@dataclass(frozen=True, slots=True)
class MoneybirdCredentials:
    """What a connection needs; the token is a personal one or that of an application."""

    base_url: str
    administration_id: str
    token: str = field(repr=False)


def windows(response: httpx.Response) -> list[Window]:
    """How many calls are left of the five minutes."""
    left, reset = response.headers.get("RateLimit-Remaining", ""), response.headers.get("RateLimit-Reset", "")
    if not (left.isdigit() and reset.isdigit()) or int(reset) < EPOCH_FROM:
        return []
    return [Window("RateLimit", int(left), datetime.fromtimestamp(int(reset), UTC))]


def pause_until(response: httpx.Response, now: datetime) -> datetime | None:
    """Until when no calls are left; None if there are calls left."""
    waits = [window.reset for window in windows(response) if window.left == 0]
    retry_after = response.headers.get("Retry-After", "")
    if retry_after.isdigit():
        seconds = int(retry_after)
        late = seconds >= EPOCH_FROM
        waits.append(datetime.fromtimestamp(seconds, UTC) if late else now + timedelta(seconds=seconds))
    if waits:
        return max(waits)
    return now + timedelta(minutes=5) if response.status_code == 429 else None


READER = LimitReader("Moneybird", windows, pause_until)


def contact_body(sending: Sending) -> dict[str, Any]:
    """The fields of a contact; what is empty is left out unless it has to be emptied."""
    data = sending.data
    address = next(iter(data.addresses), None)
    account = next(iter(data.bank_accounts), None)
    fields: dict[str, Any] = {
        "customer_id": data.code,
        "company_name": data.name,
        "phone": data.phone,
        "send_invoices_to_email": data.email,
        "tax_number": data.vat_number,
        "chamber_of_commerce": data.chamber_number,
        "bank_account": account.iban if account else None,
    }
    if address is not None:
        fields |= {
            "address1": address.line1,
            "address2": address.line2,
            "zipcode": address.postal_code,
            "city": address.city,
            "country": address.country,
        }
    body = {name: value for name, value in fields.items() if value}
    return body | {theirs: "" for ours in sending.cleared for theirs in EMPTIED.get(ours, ())}


def calls_of(sending: Sending) -> list[dict[str, Any]]:
    """What one relation comes to in calls, for people to read: `find` is what is looked up before."""
    body = {"contact": contact_body(sending)}
    if sending.action is Action.INSERT:
        return [{"endpoint": "contacts", "method": "POST", "body": body}]
    find = {"customer_id": sending.data.code}
    return [{"endpoint": "contacts", "method": "PATCH", "find": find, "body": body}]


def field_errors(response: httpx.Response) -> str:
    """What is wrong, field by field, in Moneybird's words."""
    try:
        document = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(document, dict):
        return ""
    found = []
    for source in (document.get("error"), document.get("details"), document.get("errors")):
        if isinstance(source, dict):
            found += [f"{name}: {_words(value)}" for name, value in source.items()]
    if not found and isinstance(document.get("error"), str):
        found.append(str(document["error"]))
    return "; ".join(dict.fromkeys(found))


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("message") or value.get("error") or value)
    if isinstance(value, list):
        return ", ".join(_words(each) for each in value)
    return str(value)


class CredentialSource(Protocol):
    """Where the token comes from; it takes note when the token is of no use."""

    async def moneybird(self) -> MoneybirdCredentials: ...

    async def useless(self, reason: str) -> None: ...


class MoneybirdContacts:
    """The contacts of one administration."""

    def __init__(
        self, http: httpx.AsyncClient, credentials: CredentialSource, gate: CallGate, clock: Clock
    ) -> None:
        self._http = http
        self._credentials = credentials
        self.gate = gate
        self._clock = clock

    async def check(self) -> str:
        """List the administrations that the token opens, and see that ours is one of them."""
        credentials = await self._credentials.moneybird()
        response = await self._call("GET", "administrations", own=False)
        names = {str(each.get("id")): str(each.get("name") or "") for each in response.json()}
        if credentials.administration_id not in names:
            raise Refused(f"the token does not open administration {credentials.administration_id}", 404)
        name = names[credentials.administration_id]
        return f"signed in, administration {name or credentials.administration_id}"

    async def find(self, code: str) -> dict[str, Any] | None:
        """Look up by customer id; None if Moneybird has no such contact."""
        try:
            response = await self._call("GET", f"contacts/customer_id/{quote(code, safe='')}")
        except Refused as refusal:
            if refusal.status == 404:
                return None
            raise
        found: dict[str, Any] = response.json()
        return found

    async def sent_before(self, sending: Sending) -> str | None:
        """The id of what an insert of `sending` has made; none where there is no such or another contact."""
        found = await self.find(sending.data.code or "")
        body = contact_body(sending)
        if found is None or any((found.get(name) or None) != body.get(name) for name in RECOGNISED_BY):
            return None
        return str(found["id"])

    def complete_at_once(self, sending: Sending) -> bool:
        """A contact is one call."""
        del sending
        return True

    async def put_through(self, sending: Sending, known: str | None, remember: Remember) -> str:
        """Insert or update one contact; returns its id.

        Raises:
            Refused, Temporary, Lost, ConsentNeeded.
        """
        del remember
        if not sending.data.code:
            raise ValueError("a relation without a number must not leave (D-05)")
        body = {"contact": contact_body(sending)}
        if sending.action is Action.INSERT and known is None:
            return await self._insert(sending.data, body)
        if known is not None:
            try:
                await self._call("PATCH", f"contacts/{quote(known, safe='')}", body)
            except Refused as refusal:
                if refusal.status != 404:
                    raise
            else:
                return known
        found = await self.find(sending.data.code)
        if found is None:
            raise Refused(
                f"the accounting system has no relation with number {sending.data.code}; change the status of "
                "this line to Insert",
                404,
            )
        await self._call("PATCH", f"contacts/{found['id']}", body)
        return str(found["id"])

    async def _insert(self, data: RelationData, body: dict[str, Any]) -> str:
        try:
            response = await self._call("POST", "contacts", body)
        except Refused as refusal:
            if (
                refusal.status == 422
                and "customer_id" in refusal.message
                and await self.find(data.code or "")
            ):
                raise Refused(
                    f"{refusal.message}: the accounting system has a relation with number {data.code} "
                    "already; change the status of this line to Update if it is the same one",
                    refusal.status,
                ) from refusal
            raise
        return str(response.json()["id"])

    async def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, own: bool = True
    ) -> httpx.Response:
        credentials = await self._credentials.moneybird()
        start = f"{credentials.base_url}/{credentials.administration_id}" if own else credentials.base_url
        async with self.gate.call(path.partition("/")[0]) as passage:
            passage.response = await self._send(method, f"{start}/{path}.json", credentials, body)
        response = passage.response
        if response.status_code in (401, 403):
            await self._credentials.useless(NO_ACCESS)
            raise ConsentNeeded(NO_ACCESS)
        self._judge(response)
        return response

    async def _send(
        self, method: str, url: str, credentials: MoneybirdCredentials, body: dict[str, Any] | None
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {credentials.token}", "Accept": "application/json"}
        try:
            return await self._http.request(method, url, json=body, headers=headers)
        except NOT_SENT as error:
            raise Temporary(f"Moneybird can't be reached: {error!r}") from error
        except httpx.TransportError as error:
            if method == "GET":
                raise Temporary(f"Moneybird did not answer: {error!r}") from error
            raise Lost(f"no answer came from Moneybird: {error!r}") from error

    def _judge(self, response: httpx.Response) -> None:
        status = response.status_code
        if response.is_success:
            return
        if status == 429:
            raise Temporary("Moneybird's call limit is reached", pause_until(response, self._clock.now()))
        if status in (400, 404, 406, 409, 422):
            text = field_errors(response) or f"Moneybird answered {status} {response.reason_phrase}"
            raise Refused(text, status)
        raise Temporary(f"Moneybird answered {status} {response.reason_phrase}".strip())
