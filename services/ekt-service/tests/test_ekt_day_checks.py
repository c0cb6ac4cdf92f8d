"""The requirements of many debtors of one day at once, with as many queries as for one."""

import sqlalchemy as sa
from ekt_world import DAY, World, a_debtor, a_sale, address_of
from klokwerk.testing import eventually


async def ask(world: World, *debtor_ids: str, **more: object) -> list[dict]:
    answer = await world.http.post(
        f"/v1/days/{DAY}/resend-check", json={"debtor_ids": debtor_ids, **more}, headers=world.headers()
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_EF_59_each_of_many_is_told_everything_that_is_missing_and_where_it_would_go(
    world: World,
) -> None:
    ready, without_mail, unsold = a_debtor(), a_debtor(emails=()), a_debtor()
    off = a_debtor(ekt={"use_ekts": False})
    target, merged = a_debtor(), a_debtor()
    cards = (ready, without_mail, unsold, off, target, merged)
    await world.publish(
        *cards, *(a_sale(card.debtor_id) for card in cards if card is not unsold and card is not target)
    )
    gone = a_debtor(merged.debtor_id, 2, state="merged", merged_into=target.debtor_id)
    await world.publish(gone)

    async def known() -> bool:
        return (await world.day(merged.debtor_id))["owner_id"] == target.debtor_id

    await eventually(known)
    await world.consumed()
    ids = [card.debtor_id for card in (ready, without_mail, unsold, off, merged)]
    items = await ask(world, *ids, "NOBODY", ready.debtor_id)
    assert [item["debtor_id"] for item in items] == [*ids, "NOBODY"]
    assert (items[0]["can_resend"], items[0]["recipient"]) == (True, address_of(ready))
    codes = [[gap["code"] for gap in item["missing"]] for item in items]
    assert codes == [[], ["EF-64"], ["EF-69"], ["EF-63"], [], ["EF-63", "EF-69"]]
    assert [item["visible"] for item in items] == [True, True, True, False, True, False]
    assert items[1]["missing"][0]["link"] == f"/debtors/{without_mail.debtor_id}"
    assert (items[4]["owner_id"], items[4]["can_resend"]) == (target.debtor_id, True)
    # What one debtor is told alone is what it is told among others.
    alone = await world.day(without_mail.debtor_id)
    assert items[1]["missing"] == alone["missing"]
    other = await ask(world, ready.debtor_id, administration="second")
    assert [gap["code"] for gap in other[0]["missing"]] == ["EF-63", "EF-69"]


async def test_a_check_of_many_takes_as_many_queries_as_a_check_of_one(world: World) -> None:
    cards = [a_debtor() for _ in range(12)]
    await world.publish(*cards, *(a_sale(card.debtor_id) for card in cards))
    await world.consumed()
    counted: list[str] = []

    def count(connection, cursor, statement, *_: object) -> None:
        if any(f" from {table} " in f"{statement} " for table in ("debtor", "sale", "sale s", "module")):
            counted.append(statement)

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", count)
    try:
        await ask(world, cards[0].debtor_id)
        one, counted[:] = len(counted), []
        await ask(world, *(card.debtor_id for card in cards))
        many = len(counted)
    finally:
        sa.event.remove(sa.engine.Engine, "before_cursor_execute", count)
    assert 0 < many <= one + 1


async def test_what_is_no_list_of_debtors_is_refused(world: World) -> None:
    for body in ({}, {"debtor_ids": []}, {"debtor_ids": ["a b"]}, {"debtor_ids": ["x"] * 1001}):
        answer = await world.http.post(f"/v1/days/{DAY}/resend-check", json=body, headers=world.headers())
        assert answer.status_code == 422, body
    answer = await world.http.post(f"/v1/days/{DAY}/resend-check", json={"debtor_ids": ["x"]})
    assert answer.status_code == 401
