"""What this service holds about a debtor: given on request, and forgotten when the card is anonymised."""

import json

import pytest
from customer_world import Customer
from ekt_service.domain.search import words_of
from ekt_world import World, a_debtor, a_request, a_sale, address_of
from klokwerk.testing import eventually
from klokwerk_contracts import DebtorChanged, EktDeliveryChanged
from klokwerk_contracts.debtor_changed import CardState, ContactPerson

PERSONAL = (
    "Bloemist Jansen",
    "jansen@privacy.example",
    "else@privacy.example",
    "ask for Piet",
    "Piet Jansen",
    words_of("Bloemist Jansen"),
)


async def a_history(world: World) -> DebtorChanged:
    """A debtor with a sent, a resent and a refused EKT, notes and a confirmation."""
    await world.configure(other_address_allowed=True)
    debtor = a_debtor(
        name="Bloemist Jansen",
        emails=({"address": "jansen@privacy.example"},),
        contact_persons=(ContactPerson(contact_id="c1", name="Piet Jansen"),),
    )
    await world.publish(debtor, a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    confirmed = await world.http.post(
        f"/v1/ekts/{ekt['id']}/confirm",
        json={"note": "ask for Piet"},
        headers=world.headers("sales") | {"Idempotency-Key": ekt["id"]},
    )
    assert confirmed.status_code == 200
    await world.sink.behave(reject_recipients=["else@privacy.example"])
    await world.publish(
        a_request(debtor.debtor_id, recipients=("else@privacy.example",), note="ask for Piet")
    )
    await world.ekts(debtor.debtor_id, 2, "failed")
    await world.configure(other_address_allowed=False)
    return debtor


async def everything(world: World) -> str:
    """All rows of all tables but the way out, as text."""
    tables = await world.rows(
        "select table_name from information_schema.tables where table_schema = 'public' and table_name <> 'outbox'"
    )
    found = [await world.rows(f"select to_jsonb(t) from {table} t") for (table,) in tables]
    # Bytes stand there as hexadecimal digits.
    mails = await world.rows("select encode(payload, 'escape') from delivery where payload is not null")
    return json.dumps([found, mails])


async def test_personal_data_of_a_debtor_is_given_whole_to_who_may_have_it(
    world: World, customer: Customer
) -> None:
    debtor = await a_history(world)
    path = f"/v1/debtors/{debtor.debtor_id}/personal-data"
    for role, status in (("sales", 403), ("read-only", 403), ("ops", 200), ("finance", 200)):
        assert (await world.http.get(path, headers=world.headers(role))).status_code == status
    found = (await world.http.get(path, headers=world.headers("ops"))).json()
    assert found["cards"][0]["name"] == "Bloemist Jansen"
    assert [ekt["recipient"] for ekt in found["ekts"]] == ["else@privacy.example", "jansen@privacy.example"]
    assert found["ekts"][0]["attempts"][0]["message"]
    assert found["ekts"][1]["notes"][0]["words"] == "ask for Piet"
    assert found["ekts"][1]["files"][0]["sha256"]
    assert found["sales"][0]["order_day"] == "2026-01-30"
    assert found["audit"][0]["action"] == "exported"
    with_server = await customer.debtor(world, "sftp")
    answer = await world.http.get(
        f"/v1/debtors/{with_server.debtor_id}/personal-data", headers=world.headers("ops")
    )
    assert answer.json()["connection"]["held"] == ["password"]
    assert "flowers at dawn" not in answer.text


@pytest.mark.parametrize("merged", [False, True])
async def test_an_anonymised_card_takes_names_addresses_and_words_along_and_leaves_the_books(
    own_world: World, merged: bool
) -> None:
    world = own_world
    await world.activate()
    debtor = await a_history(world)
    before = await world.day(debtor.debtor_id)
    files = [await world.file(before["ekts"][0])]
    owner = debtor
    if merged:
        owner = a_debtor()
        tombstone = debtor.model_copy(
            update={"revision": 2, "state": CardState.MERGED, "merged_into": owner.debtor_id}
        )
        await world.publish(owner, tombstone)
        await world.consumed(DebtorChanged)
    blank = DebtorChanged(
        debtor_id=owner.debtor_id,
        revision=3,
        state=CardState.ANONYMISED,
        name=f"Anonymised {owner.debtor_id}",
        changed_at=owner.changed_at,
    )
    for personal in PERSONAL:
        assert personal in await everything(world)
    await world.publish(blank)
    await world.consumed(DebtorChanged)
    left = await everything(world)
    for personal in PERSONAL:
        assert personal not in left
    log = (await world.day(owner.debtor_id))["ekts"]
    assert [(ekt["state"], ekt["recipient"], ekt["message"]) for ekt in log] == [
        ("sent", "(removed)", ""),
        ("failed", "(removed)", ""),
    ]
    assert [ekt["sha256"] for ekt in log] == [ekt["sha256"] for ekt in before["ekts"]]
    assert [await world.file(log[0])] == files
    assert log[0]["confirmed_at"] == before["ekts"][0]["confirmed_at"]
    newest: dict[str, EktDeliveryChanged] = {}
    for event in [*await world.told(debtor.debtor_id), *await world.told(owner.debtor_id)]:
        if event.ekt_id not in newest or newest[event.ekt_id].revision < event.revision:
            newest[event.ekt_id] = event
    assert {event.recipient for event in newest.values()} == {"(removed)"}


async def test_what_was_still_on_its_way_to_an_anonymised_customer_is_stopped(world: World) -> None:
    debtor = a_debtor()
    await world.sink.behave(delay_recipients=[address_of(debtor)])
    await world.publish(debtor, a_sale(debtor.debtor_id))

    async def put_off() -> bool:
        return "450 4.2.1" in (await world.only(debtor.debtor_id))["message"]

    await eventually(put_off)
    blank = a_debtor(debtor.debtor_id, 2, state=CardState.ANONYMISED, name="Anonymised", emails=())
    await world.publish(blank)
    await world.consumed(DebtorChanged)
    await world.sink.behave()
    (ekt,) = await world.ekts(debtor.debtor_id, 1, "failed")
    assert "card was anonymised" in ekt["message"]
    assert await world.sink.to(address_of(debtor)) == []
    left = await world.rows("select payload, recipient from delivery where id = :id", id=ekt["id"])
    assert left == [[None, "(removed)"]]


async def test_an_answer_that_comes_after_the_card_was_anonymised_brings_nothing_back(
    world: World,
) -> None:
    debtor = a_debtor()
    await world.sink.behave(hang_seconds=2)
    await world.publish(debtor, a_sale(debtor.debtor_id))

    async def under_way() -> bool:
        of = "from delivery d join ekt e on e.id = d.id where e.debtor_id = :id"
        return await world.rows(f"select d.state {of}", id=debtor.debtor_id) == [["sending"]]

    await eventually(under_way)
    await world.publish(a_debtor(debtor.debtor_id, 2, state=CardState.ANONYMISED, name="Gone", emails=()))
    await world.consumed(DebtorChanged)
    (ekt,) = await world.ekts(debtor.debtor_id, 1, "sent")
    assert (ekt["recipient"], ekt["message"]) == ("(removed)", "")
    assert address_of(debtor) not in await everything(world)
