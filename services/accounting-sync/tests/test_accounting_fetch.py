"""Fetching: who is listed, with which action and which data."""

from accounting_world import World, changed
from klokwerk.testing import all_consumed, publish, read_topic


async def test_EP_19_EP_20_EP_35_EP_36_the_first_fetch_lists_all_relations_as_insert(world: World) -> None:
    books = await world.books()
    await books.publish(*(books.card() for _ in range(3)))
    fetched = await books.fetch()
    assert fetched == {"listed": 3, "updated": 0, "dropped": 0, "total": 3}
    assert [line["action"] for line in await books.lines()] == ["Insert"] * 3
    assert all(line["never_synced"] and line["message"] == "" for line in await books.lines())


async def test_EP_35_cards_known_before_the_link_is_set_up_are_all_listed(world: World) -> None:
    books = await world.books()
    await books.publish(books.card(), books.card())
    second = await world.books(source_administration=books.code)
    assert (await second.fetch())["listed"] == 2


async def test_EP_21_EP_27_a_changed_relation_comes_up_as_update(world: World) -> None:
    books = await world.books()
    card = books.card()
    await books.taken_up(card)
    await books.export()
    (line,) = await books.taken_up(changed(card, name="Renamed"))
    assert (line["action"], line["name"]) == ("Update", "Renamed")
    assert line["changes"] == [{"field": "name", "before": "Relation 001", "after": "Renamed"}]


async def test_EP_22_synced_and_unchanged_relations_are_not_listed(world: World) -> None:
    books = await world.books()
    card = books.card()
    await books.taken_up(card)
    await books.export()
    await books.publish(changed(card, note_for_documents="nothing for accounting", discount_percent="2.5"))
    assert (await books.fetch())["total"] == 0


async def test_EP_22_a_change_that_was_taken_back_leaves_the_list(world: World) -> None:
    books = await world.books()
    card = books.card()
    await books.taken_up(card)
    await books.export()
    renamed = changed(card, name="Renamed")
    assert len(await books.taken_up(renamed)) == 1
    await books.publish(changed(renamed, name=card.name))
    assert await books.fetch() == {"listed": 0, "updated": 0, "dropped": 1, "total": 0}


async def test_EP_23_several_changes_give_one_line_with_the_latest_data(world: World) -> None:
    books = await world.books()
    card = books.card()
    second = changed(card, name="Second")
    third = changed(second, name="Third")
    (line,) = await books.taken_up(card, second, third)
    assert (line["name"], line["revision"]) == ("Third", 3)


async def test_EP_24_a_fetch_sends_nothing(world: World) -> None:
    books = await world.books("exact-direct")
    await books.taken_up(books.card())
    assert await world.exact.requests(path="/api/v1") == []
    assert await books.exports() == []


async def test_EP_25_a_change_after_the_export_comes_up_at_the_next_fetch(world: World) -> None:
    books = await world.books()
    card = books.card()
    await books.taken_up(card)
    await books.publish(changed(card, name="Changed between fetch and export"))
    export = await books.export()
    assert b"Relation 001" in await books.file(export)
    await books.fetch()
    (line,) = await books.lines()
    assert (line["action"], line["name"]) == ("Update", "Changed between fetch and export")


async def test_EP_18_creditors_go_the_same_way_apart_from_debtors(world: World) -> None:
    debtors = await world.books()
    creditors = debtors.creditors()
    both = debtors.card(kinds=["debtor", "creditor"], creditor_number="20777")
    await debtors.publish(both, creditors.card())
    assert (await debtors.fetch())["total"] == 1
    assert (await creditors.fetch())["total"] == 2
    assert {line["number"] for line in await creditors.lines()} == {"20777", "20501"}
    export = await creditors.export()
    assert (export["kind"], export["state"], export["lines"]) == ("creditors", "done", 2)
    assert b"<IsSupplier>1</IsSupplier>" in await creditors.file(export)
    assert [line["number"] for line in await debtors.lines()] == ["10001"]


async def test_EP_34_fetching_again_shows_the_corrected_data_and_keeps_the_hand_made_action(
    world: World,
) -> None:
    books = await world.books()
    card = books.card()
    (line,) = await books.taken_up(card)
    await books.status("Update", line)
    await books.publish(changed(card, name="Corrected"))
    assert (await books.fetch())["updated"] == 1
    (line,) = await books.lines()
    assert (line["data"]["name"], line["action"], line["by_hand"]) == ("Corrected", "Update", True)


async def test_an_older_revision_that_comes_late_changes_nothing(world: World) -> None:
    books = await world.books()
    card = books.card()
    newer = changed(card, name="Newer")
    await books.taken_up(newer)
    await publish(world.kafka, card)
    await all_consumed(world.kafka, "accounting-sync", "debtor.changed")
    assert (await books.fetch())["updated"] == 0
    assert (await books.line("Newer"))["revision"] == 2


async def test_EP_01_EP_02_a_replay_of_all_cards_changes_nothing(world: World) -> None:
    books = await world.books()
    cards = [books.card() for _ in range(3)]
    await books.taken_up(*cards)
    await books.export()
    await publish(world.kafka, *cards)
    await all_consumed(world.kafka, "accounting-sync", "debtor.changed")
    assert await books.fetch() == {"listed": 0, "updated": 0, "dropped": 0, "total": 0}


OVER_THERE = (
    '<eExact><Accounts><Account code="10001" status="C"><Name>Renamed over there</Name>'
    "<Email>typed@over-there.example</Email></Account></Accounts></eExact>"
)


async def test_EP_01_EP_02_what_is_changed_over_there_comes_to_no_card_and_the_next_update_puts_it_right(
    world: World,
) -> None:
    books = await world.books("exact-direct")
    card = books.card(phones=["+31 20 1234567"])
    await books.taken_up(card)
    await books.finished(await books.export())
    await world.exact.imports(OVER_THERE.encode())
    assert [account["Name"] for account in await world.exact.accounts()] == ["Renamed over there"]
    assert await books.fetch() == {"listed": 0, "updated": 0, "dropped": 0, "total": 0}
    (line,) = await books.taken_up(changed(card, phones=["+31 20 7654321"]))
    assert (line["name"], [each["field"] for each in line["changes"]]) == (card.name, ["phone"])
    await books.finished(await books.export())
    (account,) = await world.exact.accounts()
    assert (account["Name"], account["Phone"]) == (card.name, "+31 20 7654321")
    assert account["Email"] == "typed@over-there.example", "what a card never said is nobody's to empty"
    told = [r for r in await read_topic(world.kafka, "debtor.changed") if r.key == card.debtor_id.encode()]
    assert len(told) == 2, "the card says what it said; nothing came back from over there"


async def test_D_18_a_merged_card_is_listed_with_its_target_and_never_sent(world: World) -> None:
    books = await world.books()
    gone, stays = books.card(), books.card()
    await books.taken_up(gone, stays)
    await books.publish(changed(gone, state="merged", merged_into=stays.debtor_id))
    await books.fetch()
    line = await books.line(gone.name)
    assert line["preflight"] == [f"merged into {stays.debtor_id}"]
    export = await books.export()
    assert (export["state"], export["lines"]) == ("done", 1)
    assert gone.name.encode() not in await books.file(export)
    (left,) = await books.lines()
    refused = await books.export(left)
    assert refused["state"] == "failed"
    assert (await books.line(gone.name))["message"] == f"merged into {stays.debtor_id}"


async def test_new_mappings_bring_up_the_relations_they_change(world: World) -> None:
    books = await world.books()
    await books.taken_up(books.card(), books.card(payment_term_days=14))
    await books.export()
    now = await world.ask("GET", f"/administrations/{books.code}")
    body = {name: now.json()[name] for name in ("name", "target", "ranges", "mappings")}
    body["mappings"]["payment_terms"]["14"] = "2W"
    await world.ask(
        "PUT", f"/administrations/{books.code}", json=body, headers={"If-Match": now.headers["ETag"]}
    )
    await books.fetch()
    (line,) = await books.lines()
    assert line["data"]["payment_condition"] == "2W"
    assert line["changes"] == [{"field": "payment_condition", "before": "14", "after": "2W"}]
