"""What the services answer, as small as it may be, and how tests read pages."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import httpx

DAY = "2026-11-02"


def page(*items: dict[str, Any], after: str | None = None) -> dict[str, Any]:
    return {"items": list(items), "next": after}


def card(**changes: Any) -> dict[str, Any]:
    return {
        "debtor_id": "d1",
        "revision": 4,
        "state": "active",
        "kinds": ["debtor"],
        "party": "organisation",
        "name": "Jansen Bloemen",
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
        "emails": [{"address": "info@jansen.example", "document": "general"}],
        "phones": ["+31 71 5550111", "+31 6 1"],
        "language": "nl",
        "currency": "EUR",
        "bank_accounts": [{"iban": "NL91ABNA0417164300", "bic": ""}],
        "internal_note": "calls early",
        "ekt": {"use_ekts": True},
        "changed_at": "2026-11-02T09:42:00Z",
        "changed_by": "Piet",
        **changes,
    }


def sold_page(*items: dict[str, Any], after: str | None = None, **totals: Any) -> dict[str, Any]:
    """A first page of "(Sold) Per debtor" with its sums."""
    sums = {
        "debtors": len(items),
        "lines": 2 * len(items),
        "total": "240.00",
        "currency": "EUR",
        "incomplete": 0,
    }
    return {"items": list(items), "next": after, "totals": sums | totals}


def sold(**changes: Any) -> dict[str, Any]:
    return {
        "debtor_id": "d1",
        "debtor_number": "10001",
        "name": "Jansen Bloemen",
        "use_ekts": True,
        "lines": 2,
        "total": "120.00",
        "currency": "EUR",
        "complete": True,
        "revision": 1,
        "ekt": {"trigger": "first", "state": "sent", "message": "250 OK", "at": "2026-11-02T09:00:00Z"},
        **changes,
    }


def sale(*, use_ekts: bool = True, **changes: Any) -> dict[str, Any]:
    return {
        "debtor_id": "d1",
        "debtor": {
            "debtor_id": "d1",
            "debtor_number": "10001",
            "name": "Jansen Bloemen",
            "use_ekts": use_ekts,
        },
        "order_day": DAY,
        "source": "/sales-service",
        "own": True,
        "version": 7,
        "revision": 1,
        "publish_at": None,
        "changed_by": "Piet",
        "changed_at": "2026-11-02T09:42:00Z",
        "complete": True,
        "total": "72.00",
        "currency": "EUR",
        "lines": [
            {
                "line_id": "l1",
                "name": "R GR AVALANCHE+",
                "vbn_code": "16207",
                "characteristics": [{"type": "S20", "value": "070", "label": "Stem length"}],
                "packing": {"code": "997", "price": None},
                "bought": "clock",
                "vat_class": "reduced",
                "units": 3,
                "pieces_per_unit": 50,
                "allocated": 3,
                "price": {"amount": "0.48", "currency": "EUR"},
                "amount": "72.00",
                "missing": [],
            }
        ],
        "can_resend": {"visible": use_ekts, "missing": []},
        **changes,
    }


def ekt(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"0000000{number}",
        "debtor_id": "d1",
        "order_day": DAY,
        "trigger": "first" if number == 1 else "resend",
        "state": "sent",
        "message": "250 OK",
        "sale_revision": 1,
        "requested_by": "" if number == 1 else "anna",
        "requested_at": f"2026-11-02T09:0{number}:00Z",
        "reason": "unsaid",
        "recipient": "info@jansen.example",
        "file_name": f"EKT-{number}.edi",
        "files": [{"number": 1, "name": f"EKT-{number}.edi"}],
        "changed_at": f"2026-11-02T09:0{number}:00Z",
        **changes,
    }


def ekt_detail(**changes: Any) -> dict[str, Any]:
    return ekt(
        **{
            "lines": 2,
            "made_at": "2026-11-02T09:01:00Z",
            "method": "email",
            "files": [{"number": 1, "name": "EKT-1.edi", "lines": 2, "size": 1234, "sha256": "ab" * 32}],
            "attempts": [
                {
                    "purpose": "send",
                    "began_at": "2026-11-02T09:01:00Z",
                    "ended_at": "2026-11-02T09:01:01.5Z",
                    "outcome": "sent",
                    "message": "The mail server took it: 250 OK",
                }
            ],
            **changes,
        }
    )


def difference(*changes: tuple[str, int, str, str, str], **more: Any) -> dict[str, Any]:
    told = [
        {"kind": kind, "line": line, "name": "ROSE", "field": field, "before": before, "after": after}
        for kind, line, field, before, after in changes
    ]
    return {
        "previous_id": "00000001",
        "previous_made_at": "2026-11-02T08:00:00Z",
        "lines_before": 2,
        "lines_after": 2,
        "goods_before": "120.00",
        "goods_after": "100.00",
        "total": len(told),
        "changes": told,
        **more,
    }


def debtor_day(*ekts: dict[str, Any], visible: bool = True, **changes: Any) -> dict[str, Any]:
    return {
        "visible": visible,
        "can_resend": visible,
        "missing": [],
        "warnings": [],
        "ekts": list(ekts),
        **changes,
    }


def invoice(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "invoice_id": f"i{number}",
        "number": f"F2026-0000{number}",
        "kind": "invoice",
        "state": "final",
        "source": "manual",
        "debtor_id": "d1",
        "buyer_name": "Jansen Bloemen",
        "issue_date": DAY,
        "due_date": "2026-11-16",
        "currency": "EUR",
        "net": "120.00",
        "vat": "10.80",
        "gross": "130.80",
        "payment_status": "not_paid",
        "dispatch": None,
        **changes,
    }


def outcome(state: str, message: str, intent: str = "automatic") -> dict[str, Any]:
    return {
        "state": state,
        "message": message,
        "channel": "email",
        "intent": intent,
        "at": "2026-11-03T00:05:00Z",
    }


def line(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"line-{number}",
        "debtor_id": f"d{number}",
        "number": f"1000{number}",
        "name": f"Customer {number}",
        "action": "Insert",
        "state": "listed",
        "message": "",
        "never_synced": True,
        "data": {
            "code": f"1000{number}",
            "addresses": [{"type": "visit", "line1": "Kade 1", "line2": None, "city": "Katwijk"}],
            "vat_number": "NL999000010B17",
        },
        **changes,
    }


def problem(status: int, title: str, *errors: dict[str, str], detail: str = "") -> dict[str, Any]:
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, "errors": list(errors)}


def text_of(response: httpx.Response) -> str:
    """A page as one line of text with its tags, entities resolved, without the places where a line may break."""
    return " ".join(html.unescape(response.text.replace("<wbr>", "")).split())


def body_of(request: httpx.Request) -> Any:
    """What was sent on as JSON."""
    return json.loads(request.content)


def form_of(answer: httpx.Response) -> dict[str, str]:
    """What a browser would send back unchanged."""
    values = {}
    for tag in re.findall(r"<input[^>]*>", answer.text, re.S):
        attributes = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if "name" not in attributes or (attributes.get("type") == "checkbox" and " checked" not in tag):
            continue
        values[attributes["name"]] = html.unescape(attributes.get("value", ""))
    for name, options in re.findall(r'<select[^>]*?name="([^"]+)"[^>]*>(.*?)</select>', answer.text, re.S):
        chosen = re.search(r'value="([^"]*)" selected', options)
        values[name] = chosen.group(1) if chosen else ""
    return values


def customer_settings(**changes: Any) -> dict[str, Any]:
    return {"languages": ["nl", "en", "fr"], "apps": ["languages"], "revision": 4, **changes}


def surroundings(office: Any, **changes: Any) -> None:
    """What the debtor service says beside the card."""
    office.services.on("GET", "debtors", "/v1/customer-settings", customer_settings(**changes), ETag='"4"')
    route = {
        "key": "route",
        "label": "Route",
        "type": "choice",
        "choices": ["Noord", "Zuid"],
        "kinds": ["debtor"],
    }
    brand = {"key": "brand", "label": "Brand", "kinds": ["creditor"]}
    office.services.on("GET", "debtors", "/v1/own-fields", page(route, brand))
    tiers = [{"code": "wholesale", "label": "Wholesale"}]
    office.services.on("GET", "debtors", "/v1/customer-lists/price-tiers", page(*tiers))
    categories = [{"code": "company", "label": "Company"}]
    office.services.on("GET", "debtors", "/v1/customer-lists/categories", page(*categories))
    office.services.on("GET", "sales", "/v1/seller", {"seller": {"name": "We", "payment_term_days": 14}})
