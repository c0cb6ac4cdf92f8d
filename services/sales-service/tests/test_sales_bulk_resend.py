"""EKTs of many debtors sent again by one click: preview, one batch, one summary, and who is left out and why."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from klokwerk import pinned
from klokwerk.testing import eventually
from klokwerk_contracts import EktDeliveryChanged
from sales_service import resend_job
from sales_world import NOON, World, card, line

DAY = date(2026, 1, 14)


def told(debtor_id: str, state: str, *, revision: int = 1, **more: Any) -> EktDeliveryChanged:
    values: dict[str, Any] = {
        "ekt_id": f"B-{debtor_id}",
        "debtor_id": debtor_id,
        "order_day": DAY,
        "revision": revision,
        "trigger": "first",
        "state": state,
        "message": f"it is {state}",
        "recipient": f"{debtor_id}@bloemist.example",
        "changed_at": NOON + timedelta(minutes=revision),
    }
    return EktDeliveryChanged(**{**values, **more})


@pytest.fixture(scope="module")
async def shop(world: World) -> dict[str, str]:
    """Customers of one day: one has its EKT, the others' failed, came back, or was never made."""
    found = {}
    for name in ("Arrived", "Bounced", "Corrected", "Failed", "Incomplete", "Never", "Off"):
        debtor = await world.debtor(name=f"{name} B.V.", use_ekts=name != "Off")
        found[name] = debtor.debtor_id
        await world.sell(debtor.debtor_id, line(line_id="L-1"), day=DAY, allocate=name != "Incomplete")
    states = {"Arrived": "sent", "Bounced": "failed", "Corrected": "failed", "Failed": "failed"}
    events = [
        told(found[name], state, bounced_at=NOON if name == "Bounced" else None)
        for name, state in states.items()
    ]
    await world.publish(*events, source="/ekt-service")

    async def all_told() -> bool:
        rows = (await world.get(f"/days/{DAY}/debtors")).json()["items"]
        return sum(row["ekt"] is not None for row in rows) == len(events)

    await eventually(all_told)
    path = f"/days/{DAY}/debtors/{found['Corrected']}/lines/L-1"
    await world.put(path, {"units": 11, "reason": "recount"})
    return found


def by_name(items: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {item["name"].split()[0]: item for item in items}


async def test_the_preview_says_who_gets_what_and_who_can_not_and_why(world: World, shop: dict) -> None:
    answer = await world.post(f"/days/{DAY}/resend-preview", {})
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    items = by_name(shown["items"])
    # All whose last EKT failed, came back or was never made, of those who use EKTs.
    assert list(items) == ["Bounced", "Corrected", "Failed", "Incomplete", "Never"]
    assert (shown["can"], shown["can_not"], shown["warned"]) == (4, 1, 0)
    assert items["Bounced"]["ekt"]["state"] == "bounced"
    # What is corrected and waits to be told goes along: the request would name the next revision.
    assert (items["Corrected"]["revision"], items["Failed"]["revision"]) == (2, 1)
    (gap,) = items["Incomplete"]["missing"]
    assert (gap["rule"], gap["label"], bool(gap["cure"])) == ("EF-70", "R GR RED NAOMI", True)
    assert len(await world.events("ekt.resend.requested", shop["Failed"])) == 0


async def test_a_selection_is_taken_as_it_is_and_each_who_can_not_is_told_why(
    world: World, shop: dict
) -> None:
    body = {"debtor_ids": [shop["Off"], shop["Arrived"], "NOBODY"]}
    shown = (await world.post(f"/days/{DAY}/resend-preview", body)).json()
    items = by_name(shown["items"])
    assert items["Arrived"]["can"] is True
    assert [gap["rule"] for gap in items["Off"]["missing"]] == ["EF-63"]
    assert items["Off"]["missing"][0]["link"] == f"/debtors/{shop['Off']}/configuration"
    assert [gap["rule"] for gap in items["NOBODY"]["missing"]] == ["EF-63", "EF-69"]
    only_failed = (await world.post(f"/days/{DAY}/resend-preview", {"ekt": ["failed"]})).json()
    assert list(by_name(only_failed["items"])) == ["Corrected", "Failed"]


async def test_EF_24_one_click_asks_for_each_once_and_its_batch_follows_them_to_the_end(
    world: World, shop: dict
) -> None:
    key = {"Idempotency-Key": f"bulk-{shop['Failed']}"}
    body = {"reason": "technical", "note": "mail server was down"}
    answer = await world.post(f"/days/{DAY}/resends", body, headers=key)
    assert answer.status_code == 202, answer.text
    batch_id = answer.json()["batch_id"]
    assert (answer.json()["asked"], answer.json()["skipped"]) == (4, 1)
    assert (await world.post(f"/days/{DAY}/resends", body, headers=key)).json() == answer.json()
    requests = {}
    for name in ("Bounced", "Corrected", "Failed", "Never"):
        (event,) = await world.events("ekt.resend.requested", shop[name], at_least=1)
        assert (event["batch_id"], event["reason"], event["note"]) == (batch_id, "technical", body["note"])
        assert (event["requested_by"], event["sale_revision"]) == ("Anna", 2 if name == "Corrected" else 1)
        requests[name] = event["request_id"]
    for name in ("Arrived", "Incomplete", "Off"):
        assert await world.events("ekt.resend.requested", shop[name]) == []
    sale = await world.events("sale.completed", shop["Corrected"], at_least=2)
    assert [event["revision"] for event in sale] == [1, 2]

    shown = (await world.get(f"/resend-batches/{batch_id}")).json()
    assert (shown["over"], shown["counts"]) == (False, {"asked": 4})
    assert [item["name"] for item in shown["skipped"]] == ["Incomplete B.V."]
    assert shown["skipped"][0]["missing"][0]["rule"] == "EF-70"
    outcomes = {"Bounced": "sent", "Corrected": "failed", "Failed": "sending", "Never": "sent"}
    await world.publish(
        *[
            told(
                shop[name],
                state,
                ekt_id=f"R-{shop[name]}",
                trigger="resend",
                request_id=requests[name],
                changed_at=NOON + timedelta(hours=1),
            )
            for name, state in outcomes.items()
        ],
        source="/ekt-service",
    )

    async def counted(**wanted: int) -> dict[str, Any]:
        async def now() -> dict[str, Any]:
            found = (await world.get(f"/resend-batches/{batch_id}")).json()
            return found if found["counts"] == wanted else {}

        return await eventually(now)

    assert (await counted(sent=2, failed=1, sending=1))["over"] is False
    last = told(
        shop["Failed"],
        "sent",
        revision=2,
        ekt_id=f"R-{shop['Failed']}",
        trigger="resend",
        request_id=requests["Failed"],
        changed_at=NOON + timedelta(hours=2),
    )
    await world.publish(last, source="/ekt-service")
    shown = await counted(sent=3, failed=1)
    assert shown["over"] is True
    item = by_name(shown["items"])["Corrected"]
    assert (item["state"], item["message"]) == ("failed", "it is failed")
    assert item["recipient"] == f"{shop['Corrected']}@bloemist.example"
    lines = (await world.get(f"/days/{DAY}/resend-batches")).json()["items"]
    assert [(one["batch_id"], one["asked"], one["skipped"]) for one in lines] == [(batch_id, 4, 1)]


async def test_EF_54_from_the_third_resend_on_it_is_warned_of_and_never_blocked(world: World) -> None:
    debtor = await world.debtor()
    day = DAY + timedelta(days=1)
    await world.sell(debtor.debtor_id, day=day)
    body = {"debtor_ids": [debtor.debtor_id]}
    for count in range(4):
        (item,) = (await world.post(f"/days/{day}/resend-preview", body)).json()["items"]
        assert (item["resends"], item["warn"], item["can"]) == (count, count >= 2, True)
        assert (await world.post(f"/days/{day}/resends", body)).json()["asked"] == 1
    assert len(await world.events("ekt.resend.requested", debtor.debtor_id)) == 4


async def test_a_batch_goes_with_a_merged_card_and_an_unknown_one_is_not_found(world: World) -> None:
    target, removed = await world.debtor(), await world.debtor()
    day = DAY + timedelta(days=2)
    await world.sell(removed.debtor_id, day=day)
    batch_id = (await world.post(f"/days/{day}/resends", {})).json()["batch_id"]
    await world.know(target)
    merged = card(removed.debtor_id, revision=2, state="merged", merged_into=target.debtor_id)
    await world.publish(merged, source="/debtor-service")

    async def moved() -> bool:
        (item,) = (await world.get(f"/resend-batches/{batch_id}")).json()["items"]
        return bool(item["debtor_id"] == target.debtor_id)

    await eventually(moved)
    assert (await world.get("/resend-batches/NONE")).status_code == 404
    # Asked for under the old id it is the target that is meant.
    body = {"debtor_ids": [removed.debtor_id, target.debtor_id]}
    (item,) = (await world.post(f"/days/{day}/resend-preview", body)).json()["items"]
    assert (item["debtor_id"], item["can"]) == (target.debtor_id, True)


async def test_all_of_a_filter_are_those_that_were_confirmed_though_as_many_others_match_by_then(
    world: World,
) -> None:
    day = DAY + timedelta(days=3)
    first, second = await world.debtor(name="Tulp Een"), await world.debtor(name="Tulp Twee")
    (line_id,) = await world.sell(first.debtor_id, day=day)
    matching = {"q": "tulp"}
    told = (await world.post(f"/days/{day}/resend-preview", {"matching": matching})).json()
    assert [item["debtor_id"] for item in told["items"]] == [first.debtor_id]
    assert (told["count"], told["can"]) == (1, 1)
    pin = {"count": told["count"], "digest": told["digest"]}
    unsaid = await world.post(f"/days/{day}/resends", {"matching": matching})
    assert (unsaid.status_code, "has to be confirmed" in unsaid.text) == (422, True)

    # The one that was seen leaves the list, another one comes into it.
    gone = f"/days/{day}/debtors/{first.debtor_id}/lines/{line_id}?reason=returned"
    assert (await world.ask("DELETE", gone)).status_code == 200
    await world.sell(second.debtor_id, day=day)
    answer = await world.post(f"/days/{day}/resends", {"matching": matching, "pin": pin})
    assert (answer.status_code, answer.json()["type"]) == (409, pinned.CHANGED), answer.text
    assert (await world.get(f"/days/{day}/resend-batches")).json()["items"] == []
    assert await world.events("ekt.resend.requested", second.debtor_id) == []

    told = (await world.post(f"/days/{day}/resend-preview", {"matching": matching})).json()
    body = {"matching": matching, "pin": {"count": told["count"], "digest": told["digest"]}}
    assert (await world.post(f"/days/{day}/resends", body)).json()["asked"] == 1
    assert len(await world.events("ekt.resend.requested", second.debtor_id, at_least=1)) == 1


async def test_very_many_of_a_filter_are_asked_for_by_a_job_each_once_in_pages_of_one_batch(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resend_job, "AT_ONCE", 2)
    monkeypatch.setattr(resend_job, "CHUNK", 2)
    day = DAY + timedelta(days=4)
    able = [await world.debtor(name=f"Roos {number}") for number in range(4)]
    off = await world.debtor(name="Roos zonder", use_ekts=False)
    for debtor in (*able, off):
        await world.sell(debtor.debtor_id, day=day)
    told = (await world.post(f"/days/{day}/resend-preview", {"matching": {"q": "roos"}})).json()
    assert (told["count"], told["can"], told["can_not"]) == (5, 4, 1)
    pin = {"count": told["count"], "digest": told["digest"]}
    body = {"matching": {"q": "roos"}, "reason": "technical", "pin": pin}
    changed = {**body, "pin": {**pin, "digest": "0" * 32}}
    assert (await world.post(f"/days/{day}/resends", changed)).json()["type"] == pinned.CHANGED
    key = {"Idempotency-Key": f"many-{off.debtor_id}"}
    answer = await world.post(f"/days/{day}/resends", body, headers=key)
    assert (answer.status_code, answer.json()["asked"]) == (202, 0)
    assert (await world.post(f"/days/{day}/resends", body, headers=key)).json() == answer.json()
    path = f"/resend-batches/{answer.json()['batch_id']}"

    async def asked() -> dict[str, Any]:
        found = (await world.get(path)).json()
        return found if found["counts"] == {"asked": 4} and found["waiting"] == 0 else {}

    found = await eventually(asked)
    assert [item["name"] for item in found["skipped"]] == ["Roos zonder"]
    assert (found["skipped_count"], found["skipped"][0]["missing"][0]["rule"]) == (1, "EF-63")

    async def done() -> dict[str, Any]:
        job = (await world.get(answer.json()["job"].removeprefix("/v1"))).json()
        return job if job["state"] == "done" else {}

    job = await eventually(done)
    assert (job["done"], job["total"], job["result"]) == (5, 5, {"asked": 4, "skipped": 1})
    for debtor in able:
        (event,) = await world.events("ekt.resend.requested", debtor.debtor_id, at_least=1)
        assert (event["batch_id"], event["requested_by"]) == (answer.json()["batch_id"], "Anna")
    first = (await world.get(f"{path}?limit=3")).json()
    rest = (await world.get(f"{path}?limit=3&cursor={first['next']}")).json()
    names = [item["name"] for item in (*first["items"], *rest["items"])]
    assert (names, rest["next"]) == ([f"Roos {number}" for number in range(4)], None)


async def test_who_may_ask_and_what_is_refused(world: World) -> None:
    for path in ("resend-preview", "resends"):
        assert (await world.post(f"/days/{DAY}/{path}", {}, roles=("finance",))).status_code == 403
        wrong = {"ekt": ["lost"]}
        assert (await world.post(f"/days/{DAY}/{path}", wrong)).status_code == 422
        assert (await world.post(f"/days/{DAY}/{path}", {"ekt": []})).status_code == 422
    nobody = await world.post(f"/days/{date(1990, 1, 1)}/resends", {})
    assert (nobody.json()["asked"], nobody.json()["skipped"]) == (0, 0)


async def test_EF_56_the_addresses_of_a_single_sending_go_along(world: World) -> None:
    debtor = await world.debtor()
    await world.sell(debtor.debtor_id)
    path = f"/days/2026-03-09/debtors/{debtor.debtor_id}"
    body = {"recipients": ["other@bloemist.example"]}
    assert (await world.post(f"{path}/resend", body)).status_code == 202
    (event,) = await world.events("ekt.resend.requested", debtor.debtor_id, at_least=1)
    assert event["recipients"] == ["other@bloemist.example"]
    (asked,) = (await world.day(debtor.debtor_id))["resends"]
    assert asked["recipients"] == ["other@bloemist.example"]
    assert (await world.post(f"{path}/resend", {"recipients": ["no address"]})).status_code == 422
    assert (await world.post(f"{path}/resend", {"recipients": ["a@b.nl"] * 11})).status_code == 422
