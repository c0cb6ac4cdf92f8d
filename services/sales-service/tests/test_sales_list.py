"""(Sold) Per debtor: filters, orders, sums over everything, what the last EKT came to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import pytest
from klokwerk.testing import eventually
from klokwerk_contracts import EktDeliveryChanged
from sales_world import NOON, World, line

DAY = date(2026, 1, 12)


def told(debtor_id: str, state: str, revision: int = 1, **more: object) -> EktDeliveryChanged:
    """What the EKT service says about the EKT of a debtor."""
    values = {
        "ekt_id": f"E-{debtor_id}",
        "debtor_id": debtor_id,
        "order_day": DAY,
        "revision": revision,
        "trigger": "first",
        "state": state,
        "message": f"it is {state}",
        "changed_at": NOON + timedelta(minutes=revision),
    }
    return EktDeliveryChanged(**{**values, **more})


@pytest.fixture(scope="module")
async def shop(world: World) -> dict[str, str]:
    """Five customers of one day by name: their EKTs ended in five ways, one is not complete, one uses none."""
    names = ("Aster", "Éclair", "bloem", "Dahlia", "Crocus")
    found = {}
    for number, name in enumerate(names, 1):
        debtor = await world.debtor(name=name, use_ekts=name != "Crocus")
        found[name] = debtor.debtor_id
        await world.sell(debtor.debtor_id, line(units=number), day=DAY, allocate=name != "Dahlia")
    await world.publish(
        told(found["Aster"], "sent"),
        told(found["Éclair"], "failed"),
        told(found["bloem"], "sent"),
        source="/ekt-service",
    )
    # It was taken, and came back; and the customer of the other one said that it arrived.
    later = NOON + timedelta(minutes=5)
    await world.publish(
        told(found["bloem"], "failed", 2, bounced_at=later),
        told(found["Aster"], "sent", 2, confirmed_at=later, confirmed_by="Jansen"),
        source="/ekt-service",
    )

    async def all_told() -> bool:
        ekts = {row["name"]: row["ekt"] or {"state": ""} for row in await listed(world)}
        told_of = [(name, ekts[name]["state"]) for name in ("Éclair", "bloem")]
        return told_of == [("Éclair", "failed"), ("bloem", "bounced")] and bool(
            ekts["Aster"].get("confirmed_at")
        )

    await eventually(all_told)
    return found


async def listed(world: World, **params: object) -> list[dict]:
    answer = await world.get(f"/days/{DAY}/debtors", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def names(world: World, **params: object) -> list[str]:
    return [row["name"] for row in await listed(world, **params)]


async def test_EF_08_the_list_is_in_the_order_that_was_asked_for(world: World, shop: dict) -> None:
    by_name = ["Aster", "bloem", "Crocus", "Dahlia", "Éclair"]
    assert await names(world) == by_name
    assert await names(world, sort="-name") == by_name[::-1]
    assert await names(world, sort="total") == ["Aster", "Éclair", "bloem", "Dahlia", "Crocus"]
    assert await names(world, sort="-total") == ["Crocus", "Dahlia", "bloem", "Éclair", "Aster"]


@pytest.mark.parametrize("sort", ["name", "-name", "total", "-total"])
async def test_pages_of_every_order_follow_one_another_without_gap_or_repeat(
    world: World, shop: dict, sort: str
) -> None:
    whole = await names(world, sort=sort)
    seen: list[str] = []
    params: dict[str, object] = {"limit": 2, "sort": sort}
    while True:
        page = (await world.get(f"/days/{DAY}/debtors", params=params)).json()
        assert (page["totals"] is None) is bool(seen)
        seen += [row["name"] for row in page["items"]]
        if not page["next"]:
            break
        params["cursor"] = page["next"]
    assert seen == whole
    other = "total" if "name" in sort else "name"
    params = {"limit": 2, "sort": sort}
    cursor = (await world.get(f"/days/{DAY}/debtors", params=params)).json()["next"]
    crossed = await world.get(f"/days/{DAY}/debtors", params={"sort": other, "cursor": cursor})
    assert crossed.status_code == 400


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"complete": False}, ["Dahlia"]),
        ({"complete": True, "use_ekts": False}, ["Crocus"]),
        ({"ekt": "sent"}, ["Aster"]),
        ({"ekt": "failed"}, ["Éclair"]),
        ({"ekt": "bounced"}, ["bloem"]),
        ({"ekt": ["failed", "bounced"]}, ["bloem", "Éclair"]),
        ({"ekt": "never"}, ["Crocus", "Dahlia"]),
        ({"ekt": "never", "use_ekts": True}, ["Dahlia"]),
        ({"ekt": "under_way"}, []),
        ({"q": "ecla", "ekt": "failed"}, ["Éclair"]),
        ({"q": "ecla", "ekt": "sent"}, []),
    ],
)
async def test_the_list_is_narrowed_and_its_sums_are_of_everything_that_is_left(
    world: World, shop: dict, params: dict, expected: Sequence[str]
) -> None:
    answer = (await world.get(f"/days/{DAY}/debtors", params={**params, "limit": 1})).json()
    assert await names(world, **params) == expected
    rows = await listed(world, **params)
    totals = answer["totals"]
    assert totals["debtors"] == len(expected)
    assert Decimal(totals["total"]) == sum((Decimal(row["total"]) for row in rows), start=Decimal(0))
    assert totals["incomplete"] == sum(not row["complete"] for row in rows)


async def test_an_ekt_that_came_back_and_one_that_was_confirmed_are_shown_as_such(
    world: World, shop: dict
) -> None:
    shown = await world.day(shop["bloem"], DAY)
    assert (shown["ekt"]["state"], bool(shown["ekts"][0]["bounced_at"])) == ("bounced", True)
    confirmed = (await world.day(shop["Aster"], DAY))["ekts"][0]
    assert (confirmed["state"], confirmed["confirmed_by"]) == ("sent", "Jansen")
    # A bounced one never keeps anybody from sending it again (EF-04).
    assert (await world.post(f"/days/{DAY}/debtors/{shop['bloem']}/resend", {})).status_code == 202


async def test_days_are_listed_newest_first_with_their_sums(world: World, shop: dict) -> None:
    days = {
        row["order_day"]: row for row in (await world.get("/days", params={"limit": 200})).json()["items"]
    }
    assert (days[str(DAY)]["debtors"], days[str(DAY)]["lines"]) == (5, 5)
    assert list(days) == sorted(days, reverse=True)


async def test_what_is_no_filter_is_refused_by_name(world: World) -> None:
    for params in ({"ekt": "lost"}, {"complete": "maybe"}, {"sort": "colour"}, {"limit": 0}):
        assert (await world.get(f"/days/{DAY}/debtors", params=params)).status_code == 422, params


async def test_characteristics_have_names(world: World) -> None:
    items = (await world.get("/characteristics")).json()["items"]
    by_code = {one["code"]: one for one in items}
    assert (by_code["S20"]["label"], by_code["S20"]["unit"]) == ("Stem length", "cm")
    assert {"L11", "S05", "S98", "S62", "S01", "S02", "S03"} <= set(by_code)
