"""EKTs to the customer's own server: SFTP, FTPS and a web address, by their real protocols."""

import json
from datetime import timedelta

import pytest
from customer_world import Customer, connect
from ekt_world import World, a_debtor, a_request, a_sale, a_sale_line, address_of
from klokwerk.testing import eventually
from klokwerk_contracts import DebtorChanged

FOLDERS = ("sftp", "ftps")
EVERY = timedelta(milliseconds=5)


@pytest.mark.parametrize("way", FOLDERS)
async def test_EF_26_EF_27_an_ekt_appears_whole_in_the_customers_folder(
    world: World, customer: Customer, way: str
) -> None:
    debtor = await customer.debtor(world, way)
    await world.publish(a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    assert customer.arrived(debtor, way) == {ekt["file_name"]: await world.file(ekt)}
    assert list(customer.inbox(debtor, way).glob("*.part")) == []
    assert (ekt["method"], ekt["recipient"]) == (way, f"the customer's server ({way.upper()})")
    await world.publish(a_request(debtor.debtor_id))
    await world.ekts(debtor.debtor_id, 2)
    assert len(customer.arrived(debtor, way)) == 2


async def test_EF_26_EF_27_an_ekt_is_posted_signed_with_its_name_and_fingerprint(
    world: World, customer: Customer
) -> None:
    debtor = await customer.debtor(world, "http")
    await world.publish(a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    (taken,) = [item for item in await customer.posted() if item["key"] == ekt["id"]]
    assert (taken["name"], taken["sha256"]) == (ekt["file_name"], ekt["sha256"])
    assert "201 Created - Taken as" in ekt["message"]


@pytest.mark.parametrize("way", [*FOLDERS, "http"])
async def test_one_file_for_each_line_goes_that_way_too(world: World, customer: Customer, way: str) -> None:
    debtor = await customer.debtor(world, way, ekt={"separate_files": True})
    await world.publish(a_sale(debtor.debtor_id, a_sale_line("L1"), a_sale_line("L2"), a_sale_line("L3")))
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    if way == "http":
        taken = [item["name"] for item in await customer.posted() if item["key"].startswith(ekt["id"])]
    else:
        taken = list(customer.arrived(debtor, way))
    assert sorted(taken) == sorted(file["name"] for file in ekt["files"])
    assert len(taken) == 3


async def test_neither_address_nor_secret_leaves_the_service(world: World, customer: Customer) -> None:
    debtor = await customer.debtor(world, "sftp")
    await customer.behave(drop_after_bytes=0, times=1)
    await world.publish(a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    events = " ".join(event.model_dump_json() for event in await world.told(debtor.debtor_id))
    attempts = json.dumps((await world.get(f"/v1/ekts/{ekt['id']}"))["attempts"])
    assert "broke off" in events
    sealed = await world.rows(
        "select encode(sealed, 'escape'), cast(address as text) from connection where debtor_id = :id",
        id=debtor.debtor_id,
    )
    for secret in ("flowers at dawn", "127.0.0.1", str(customer.ports["sftp"])):
        assert secret not in events
        assert secret not in attempts
    assert "flowers" not in json.dumps(sealed)


# --- refused, and what to do --------------------------------------------------------------------------------


@pytest.mark.parametrize("way", FOLDERS)
async def test_a_file_of_the_same_name_is_never_overwritten(
    world: World, customer: Customer, way: str
) -> None:
    debtor = await customer.debtor(world, way, ekt={"file_name_pattern": "today.edi"})
    (customer.inbox(debtor, way) / "today.edi").write_text("somebody's own")
    await world.publish(a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1, "failed")
    assert "there already" in ekt["message"]
    assert "{reference}" in ekt["message"]
    assert customer.arrived(debtor, way) == {"today.edi": b"somebody's own"}


@pytest.mark.parametrize("way", FOLDERS)
async def test_EF_58_credentials_that_are_refused_are_told_in_the_servers_words(
    world: World, customer: Customer, way: str
) -> None:
    debtor = await customer.debtor(world, way)
    await connect(
        world,
        debtor,
        customer.address(way, debtor.debtor_id),
        {"password": "old"},
        await revision(world, debtor),
    )
    await world.publish(a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1, "failed")
    assert "did not accept user and password" in ekt["message"]
    assert "Correct them under Configuration" in ekt["message"]


@pytest.mark.parametrize(
    ("behaviour", "state", "words"),
    [
        ({"status": 422, "body": "<p>No such <b>debtor</b></p>"}, "failed", "422 Unprocessable"),
        ({"status": 409}, "sent", "has it already"),
        ({"fail_next": 1, "status": 503, "retry_after": 0}, "sent", "201 Created"),
        ({"lose_answer_after_accepting": 1}, "sent", "has it, as it says"),
    ],
)
async def test_what_a_receiver_answers_decides(
    world: World, customer: Customer, behaviour: dict, state: str, words: str
) -> None:
    debtor = await customer.debtor(world, "http")
    await customer.answer(**behaviour, only_methods=["POST"])
    await world.publish(a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1, state)
    assert words in ekt["message"]
    assert "<b>" not in ekt["message"]
    taken = [item for item in await customer.posted() if item["key"] == ekt["id"]]
    assert len(taken) == (1 if state == "sent" and "already" not in words else 0)


async def test_a_receiver_without_status_address_leaves_a_lost_answer_to_a_person(
    world: World, customer: Customer
) -> None:
    debtor = await customer.debtor(world, "http", status_url="")
    await customer.answer(lose_answer_after_accepting=1)
    await world.publish(a_sale(debtor.debtor_id))

    async def asked() -> dict:
        ekt = await world.only(debtor.debtor_id)
        assert "no status address" in ekt["message"]
        return ekt

    ekt = await eventually(asked)
    assert ekt["state"] == "unknown"
    settled = await world.http.post(
        f"/v1/ekts/{ekt['id']}/settle", json={"outcome": "received"}, headers=world.headers("sales")
    )
    assert settled.json()["state"] == "sent"


# --- broken off ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", FOLDERS)
async def test_a_server_that_disappears_in_mid_file_gets_it_whole_afterwards(
    world: World, customer: Customer, way: str
) -> None:
    debtor = await customer.debtor(world, way)
    await customer.behave(drop_after_bytes=10, times=1)
    await world.publish(a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    assert customer.arrived(debtor, way) == {ekt["file_name"]: await world.file(ekt)}
    attempts = (await world.get(f"/v1/ekts/{ekt['id']}"))["attempts"]
    assert [attempt["outcome"] for attempt in attempts] == ["temporary", "sent"]
    assert "Nothing of it has appeared there yet" in attempts[0]["message"]


@pytest.mark.parametrize("way", FOLDERS)
@pytest.mark.parametrize("trouble", ["drop_before_rename", "drop_after_rename"])
async def test_an_answer_lost_while_a_file_got_its_name_is_settled_by_looking(
    world: World, customer: Customer, way: str, trouble: str
) -> None:
    debtor = await customer.debtor(world, way)
    await customer.behave(**{trouble: True, "times": 1})
    await world.publish(a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    assert customer.arrived(debtor, way) == {ekt["file_name"]: await world.file(ekt)}
    attempts = (await world.get(f"/v1/ekts/{ekt['id']}"))["attempts"]
    outcomes = [(attempt["purpose"], attempt["outcome"]) for attempt in attempts]
    again = [("ask", "not_there"), ("send", "sent")] if trouble == "drop_before_rename" else [("ask", "sent")]
    assert outcomes == [("send", "unknown"), *again]


async def test_a_file_that_was_collected_meanwhile_is_never_sent_again_by_itself(
    world: World, customer: Customer
) -> None:
    debtor = await customer.debtor(world, "sftp")
    await customer.behave(drop_after_rename=True, times=1)
    await world.publish(a_sale(debtor.debtor_id))

    async def collected() -> bool:
        found = customer.arrived(debtor, "sftp")
        for name in found:
            (customer.inbox(debtor, "sftp") / name).unlink()
        return bool(found)

    await eventually(collected, every=EVERY)

    async def says_what_to_do() -> bool:
        ekt = await world.only(debtor.debtor_id)
        return ekt["state"] == "unknown" and "may have collected it. Ask the customer" in ekt["message"]

    await eventually(says_what_to_do)
    assert customer.arrived(debtor, "sftp") == {}


async def test_a_full_disk_is_tried_again_until_there_is_room(world: World, customer: Customer) -> None:
    debtor = await customer.debtor(world, "sftp")
    await customer.behave(full=True)
    await world.publish(a_sale(debtor.debtor_id))

    async def told() -> bool:
        ekt = await world.only(debtor.debtor_id)
        return "No space left on device" in ekt["message"]

    await eventually(told)
    await customer.behave()
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    assert list(customer.arrived(debtor, "sftp")) == [ekt["file_name"]]


# --- the card and the connection change ---------------------------------------------------------------------


async def test_a_connection_taken_away_before_the_sending_is_told_and_nothing_is_lost(
    world: World, customer: Customer
) -> None:
    debtor = await customer.debtor(world, "sftp")
    await customer.behave(full=True)
    await world.publish(a_sale(debtor.debtor_id))

    async def tried() -> bool:
        return "No space" in (await world.only(debtor.debtor_id))["message"]

    await eventually(tried)
    gone = await world.http.delete(
        f"/v1/debtors/{debtor.debtor_id}/connection",
        headers=world.headers("sales") | {"If-Match": f'"{await revision(world, debtor)}"'},
    )
    assert gone.status_code == 204
    (ekt,) = await world.ekts(debtor.debtor_id, 1, "failed")
    await customer.behave()
    assert "no connection to the customer's server any more" in ekt["message"]
    await connect(world, debtor, customer.address("sftp", debtor.debtor_id), customer.secrets("sftp"))
    missing = (await world.day(debtor.debtor_id))["missing"]
    assert [item["code"] for item in missing] == ["EF-67"]
    assert "host key" in missing[0]["text"]


async def test_a_card_changed_while_its_ekt_is_on_its_way_sends_nothing_twice_and_loses_nothing(
    world: World, customer: Customer
) -> None:
    debtor = await customer.debtor(world, "sftp")
    await customer.behave(full=True)
    await world.publish(a_sale(debtor.debtor_id))

    async def tried() -> bool:
        return "No space" in (await world.only(debtor.debtor_id))["message"]

    await eventually(tried)
    by_mail = a_debtor(debtor.debtor_id, 2)
    await world.publish(by_mail)
    await world.consumed(DebtorChanged)
    await customer.behave()
    (first,) = await world.ekts(debtor.debtor_id, 1)
    assert (first["method"], list(customer.arrived(debtor, "sftp"))) == ("sftp", [first["file_name"]])
    assert await world.sink.to(address_of(by_mail)) == []
    await world.publish(a_request(debtor.debtor_id))
    log = await world.ekts(debtor.debtor_id, 2)
    assert (log[1]["method"], log[1]["recipient"]) == ("email", address_of(by_mail))
    assert len(await world.sink.mails(address_of(by_mail), 1)) == 1
    assert len(customer.arrived(debtor, "sftp")) == 1


async def test_what_was_sent_elsewhere_is_not_looked_for_at_a_new_place(
    world: World, customer: Customer
) -> None:
    debtor = await customer.debtor(world, "sftp")
    await customer.behave(drop_after_rename=True, slow_seconds=0.3)
    await world.publish(a_sale(debtor.debtor_id))

    async def under_way() -> bool:
        log = (await world.day(debtor.debtor_id))["ekts"]
        return bool(log) and bool(list(customer.inbox(debtor, "sftp").iterdir()))

    await eventually(under_way, every=EVERY)
    (customer.inbox(debtor, "sftp") / "new").mkdir()
    address = customer.address("sftp", f"{debtor.debtor_id}/new")
    await connect(world, debtor, address, {}, await revision(world, debtor))
    await customer.behave()

    async def says_so() -> bool:
        ekt = await world.only(debtor.debtor_id)
        return ekt["state"] == "unknown" and "leads to another place since" in ekt["message"]

    await eventually(says_so)
    assert list((customer.inbox(debtor, "sftp") / "new").iterdir()) == []


async def revision(world: World, debtor: DebtorChanged) -> int:
    """Of a connection."""
    answer = await world.http.get(
        f"/v1/debtors/{debtor.debtor_id}/connection", headers=world.headers("sales")
    )
    return int(answer.json()["revision"])
