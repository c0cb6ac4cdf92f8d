"""Puts an order day into a running platform through its HTTP APIs, for the browser tests to look at."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import httpx
from klokwerk.testing import eventually

ROSE = {"vbn_code": "16207", "name": "R GR AVALANCHE+", "number": "R1650"}
TULIP = {"vbn_code": "4502", "name": "T EN STRONG GOLD", "number": "T100"}


@dataclass
class Office:
    """The APIs of a running platform, used as the administrator."""

    urls: dict[str, str]
    user: str
    password: str
    client: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=30, trust_env=False))

    async def sign_in(self) -> None:
        answer = await self.client.post(
            f"{self.urls['back-office']}/oauth/token",
            data={"grant_type": "password", "username": self.user, "password": self.password},
        )
        answer.raise_for_status()
        self.client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    async def call(self, method: str, service: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = await self.client.request(
            method, f"{self.urls[service]}/v1{path}", json=body, headers=headers
        )
        assert answer.is_success, f"{method} {service} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def revision(self, service: str, path: str) -> str:
        answer = await self.client.get(f"{self.urls[service]}/v1{path}")
        answer.raise_for_status()
        return answer.headers["etag"]

    async def today(self) -> date:
        return date.fromisoformat((await self.call("GET", "sales-service", "/days/default"))["order_day"])

    # --- setting up ---------------------------------------------------------------------------------------

    async def set_up(self) -> None:
        """What an installation has before its first order day."""
        for kind, first, last in (("debtor", 10_001, 19_999), ("creditor", 70_001, 79_999)):
            path = f"/number-ranges/main/{kind}"
            await self.call("PUT", "debtor-service", path, {"first": first, "last": last})
        await self._change("ekt-service", "/settings", EKT_MODULE)
        await self._change("sales-service", "/seller", SELLER)
        await self._administration("main", "exact-xml")
        await self.choose(["einvoice", "email"])

    async def _change(self, service: str, path: str, body: dict[str, Any]) -> None:
        await self.call("PUT", service, path, body, **{"If-Match": await self.revision(service, path)})

    async def _administration(self, code: str, target: str) -> None:
        known = (await self.call("GET", "accounting-sync", "/administrations"))["items"]
        if any(one["code"] == code for one in known):
            return
        ranges = {
            "debtors": {"first": 10_001, "last": 19_999},
            "creditors": {"first": 70_001, "last": 79_999},
        }
        body = {"name": "Flower trade", "target": target, "ranges": ranges}
        await self.call("PUT", "accounting-sync", f"/administrations/{code}", body)

    async def choose(self, channels: list[str]) -> None:
        """Automatic dispatch by these channels from now on."""
        body = {
            "sources": ["manual", "interface", "contract", "rebilled"],
            "channels": channels,
            "notice_email": "office@trade.example",
        }
        await self._change("dispatch-service", "/settings", body)
        revision = await self.revision("dispatch-service", "/settings")
        await self.call("POST", "dispatch-service", "/settings/activate", **{"If-Match": revision})

    # --- an order day -------------------------------------------------------------------------------------

    async def add_debtor(self, name: str, *, use_ekts: bool = True, **fields: Any) -> str:
        debtor_id = f"b-{secrets.token_hex(5)}"
        body: dict[str, Any] = {
            "debtor_id": debtor_id,
            "name": name,
            "kinds": ["debtor"],
            "country": "NL",
            "addresses": [
                {
                    "kind": "visit",
                    "lines": ["Kade 1"],
                    "postal_code": "2225 AA",
                    "city": "Katwijk",
                    "country": "NL",
                }
            ],
            "emails": [{"address": f"{debtor_id}@customer.example"}],
            "ekt": {"use_ekts": use_ekts, "accepts_ekts": True},
        }
        await self.call("POST", "debtor-service", "/debtors", body | fields)
        return debtor_id

    async def sell(
        self,
        debtor_id: str,
        day: date,
        *,
        allocate: bool = True,
        article: dict[str, str] = ROSE,
        units: int = 3,
    ) -> list[str]:
        """A sale line; the debtor's card must have reached the sales service."""
        line = {
            "article": article,
            "packing": "997",
            "pieces_per_unit": 50,
            "units": units,
            "price": "0.48",
            "grower": {"number": "8622", "name": "De Zonnehoek"},
            "bought": "clock",
            "clock_number": 11,
        }
        body = {"debtor_id": debtor_id, "lines": [line], "allocate": allocate}
        return (await self.call("POST", "sales-service", f"/days/{day}/lines", body))["line_ids"]

    async def sell_when_known(self, debtor_id: str, day: date, **options: Any) -> list[str]:
        """As `sell`, waiting for the card to reach the sales service first."""

        async def known() -> bool:
            found = await self.client.get(f"{self.urls['sales-service']}/v1/days/{day}/debtors/{debtor_id}")
            return found.is_success

        await eventually(known, within=30)
        return await self.sell(debtor_id, day, **options)

    async def correct(self, debtor_id: str, day: date, line_id: str, **changes: Any) -> None:
        """Correct a line of the distribution, as the sales staff do when a customer calls."""
        path = f"/days/{day}/debtors/{debtor_id}/lines/{line_id}"
        await self.call("PUT", "sales-service", path, changes | {"reason": "typing mistake"})

    async def invoice(self, debtor_id: str, day: date) -> str:
        """An invoice of that day's sale, finalised."""
        body = {"debtor_id": debtor_id, "order_day": str(day)}
        draft = await self.call("POST", "sales-service", "/invoices", body)
        await self.call("POST", "sales-service", f"/invoices/{draft['invoice_id']}/finalise")
        return str(draft["invoice_id"])


@dataclass(frozen=True)
class OrderDay:
    """What the tests find in the platform."""

    day: date
    jansen: str
    without_ekts: str
    incomplete: str
    name: str

    @property
    def before(self) -> date:
        return self.day - timedelta(days=1)


EKT_MODULE = {
    "active": True,
    "sender_name": "Flower trade",
    "sender_code": "8719999000015",
    "auction_code": "47",
    "mail_from": "ekt@trade.example",
}
SELLER = {
    "name": "Flower trade B.V.",
    "address": {"lines": ["Veilingdreef 24"], "postal_code": "1431 GB", "city": "Aalsmeer", "country": "NL"},
    "vat_number": "NL999000095B28",
    "chamber_number": "99000001",
    "electronic": {"scheme": "0106", "identifier": "99000001"},
    "email": "office@trade.example",
    "iban": "NL91ABNA0417164300",
}
