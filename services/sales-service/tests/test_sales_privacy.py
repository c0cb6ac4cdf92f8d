"""What is held about one person, and what goes when the card is anonymised."""

from __future__ import annotations

from datetime import timedelta

from klokwerk.testing import all_consumed, eventually
from klokwerk_contracts import EktDeliveryChanged
from sales_world import MONDAY, NOON, World, card, line

MAIL = "jan@privacy.example"


def told(debtor_id: str, revision: int = 1) -> EktDeliveryChanged:
    return EktDeliveryChanged(
        ekt_id=f"P-{debtor_id}",
        debtor_id=debtor_id,
        order_day=MONDAY,
        revision=revision,
        trigger="first",
        state="sent",
        recipient=MAIL,
        message=f"250 ok <{MAIL}>",
        confirmed_by="Jan de Vries",
        confirmed_at=NOON,
        changed_at=NOON + timedelta(minutes=revision),
    )


async def known_person(world: World) -> str:
    """A person with a sale, an invoice, a draft, an EKT and a resend."""
    debtor = await world.debtor(name="Jan de Vries", party="person", emails=({"address": MAIL},))
    debtor_id = debtor.debtor_id
    await world.sell(debtor_id, line(line_id="L-1"))
    await world.finalised(debtor_id)
    draft = {
        "debtor_id": debtor_id,
        "lines": [{"name": "Rosa", "quantity": "1", "price": "1"}],
        "attention": {"name": "Jan's neighbour"},
    }
    assert (await world.post("/invoices", draft)).status_code == 201
    body = {"note": "phoned Jan", "recipients": [MAIL]}
    assert (await world.post(f"/days/{MONDAY}/debtors/{debtor_id}/resend", body)).status_code == 202
    await world.publish(told(debtor_id), source="/ekt-service")

    async def there() -> bool:
        return bool((await world.day(debtor_id))["ekts"])

    await eventually(there)
    return debtor_id


async def test_everything_that_is_held_about_a_debtor_is_given_to_whoever_may_ask(world: World) -> None:
    removed = await world.debtor(name="Jan (old card)")
    await world.sell(removed.debtor_id, day=MONDAY + timedelta(days=1))
    debtor_id = await known_person(world)
    merged = card(removed.debtor_id, revision=2, state="merged", merged_into=debtor_id, name="Jan (old card)")
    await world.publish(merged, source="/debtor-service")

    async def moved() -> bool:
        return len((await world.get(f"/debtors/{debtor_id}/personal-data")).json()["sales"]) == 2

    await eventually(moved)
    answer = await world.get(f"/debtors/{debtor_id}/personal-data", roles=("ops",))
    held = answer.json()
    assert answer.headers["content-disposition"].startswith("attachment")
    assert (held["service"], held["debtor_id"]) == ("sales-service", debtor_id)
    assert {one["name"] for one in held["cards"]} == {"Jan de Vries", "Jan (old card)"}
    assert [len(sale["lines"]) for sale in held["sales"]] == [1, 1]
    assert {one["state"] for one in held["invoices"]} == {"final", "draft"}
    assert held["ekts"][0]["recipient"] == MAIL
    assert (held["resends"][0]["note"], held["resends"][0]["recipients"]) == ("phoned Jan", [MAIL])
    assert "lines entered" in {one["action"] for one in held["changes"]}
    for roles in (("sales",), ("read-only",)):
        refused = await world.get(f"/debtors/{debtor_id}/personal-data", roles=roles)
        assert refused.status_code == 403
    assert (await world.get("/debtors/NOBODY/personal-data")).status_code == 404
    asked = "select count(*) from audit where action = 'personal data exported' and entity_id = :id"
    assert (await world.sql(asked, id=debtor_id))[0][0] >= 1


async def test_an_anonymised_debtor_is_blanked_and_a_replay_does_not_bring_it_back(world: World) -> None:
    debtor_id = await known_person(world)
    (final,) = [
        one
        for one in (await world.get("/invoices", params={"debtor_id": debtor_id})).json()["items"]
        if one["state"] == "final"
    ]
    gone = card(
        debtor_id,
        revision=2,
        state="anonymised",
        name="Anonymised 10042",
        emails=({"address": MAIL},),
        use_ekts=False,
    )
    await world.know(gone)
    shown = await world.day(debtor_id)
    assert shown["debtor"]["name"] == "Anonymised 10042"
    assert (await world.listed("Anonymised 10042"))["debtor_id"] == debtor_id
    assert [gap["rule"] for gap in shown["can_resend"]["missing"]] == ["EF-64"]
    assert "anonymised" in shown["can_resend"]["missing"][0]["message"]
    refused = await world.post(f"/days/{MONDAY}/lines", {"debtor_id": debtor_id, "lines": [line()]})
    assert "was anonymised" in refused.json()["errors"][0]["message"]

    # What is told about EKTs once more does not bring the person back either.
    await world.publish(told(debtor_id), told(debtor_id, 2), source="/ekt-service")
    await all_consumed(world.kafka, "sales-service", EktDeliveryChanged.TOPIC)

    async def newest() -> bool:
        return (await world.day(debtor_id))["ekts"][0]["changed_at"] == "2026-03-10T11:02:00Z"

    await eventually(newest)
    held = (await world.get(f"/debtors/{debtor_id}/personal-data")).json()
    documents = {one["state"]: one for one in held["invoices"]}
    # The law keeps the issued one as it is.
    assert documents["final"]["document"]["buyer"]["name"] == "Jan de Vries"
    assert (await world.get(f"/invoices/{final['invoice_id']}")).json()["number"] == final["number"]
    del held["invoices"][held["invoices"].index(documents["final"])]
    told_text = str(held)
    for word in (MAIL, "de Vries", "phoned Jan", "neighbour", "Markt 1"):
        assert word not in told_text, word
    assert held["sales"][0]["lines"][0]["units"] == 10
    # The same event again changes nothing.
    before = await world.day(debtor_id)
    await world.know(gone)
    assert await world.day(debtor_id) == before
