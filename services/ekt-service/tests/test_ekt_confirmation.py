"""The customer says by a link that an EKT arrived (EF-47), and one sending goes to another address (EF-56)."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from ekt_service.domain.confirmation import GOOD_FOR, ConfirmationLinks, LinkUnusableError
from ekt_world import SECRET, World, a_debtor, a_request, a_sale, address_of
from klokwerk.testing import eventually

LINK = re.compile(r"https://office\.voorbeeld\.example/confirm/([A-Za-z0-9_-]+)")


@pytest.fixture
async def with_link(world: World):
    """The service asks for confirmations while the test runs."""
    assert (await world.configure(confirmation_link=True)).status_code == 200
    yield world
    assert (await world.configure(confirmation_link=False)).status_code == 200


async def link_of(world: World, address: str) -> str:
    """The token in the newest mail to an address."""
    mail = (await world.sink.mails(address, 1))[-1]
    text = (await world.sink.http.get(f"/api/messages/{mail['id']}")).json()["text"]
    (token,) = LINK.findall(text)
    return token


async def test_EF_47_the_link_in_the_mail_confirms_once_and_is_told(with_link: World) -> None:
    world, debtor = with_link, a_debtor(language="nl")
    await world.publish(debtor, a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    path = f"/confirmations/{await link_of(world, address_of(debtor))}"
    for _ in range(2):
        looked = await world.http.get(path)
    assert looked.json() == {
        "sender_name": "Voorbeeld Bloemen",
        "order_day": "2026-01-30",
        "file_name": ekt["file_name"],
        "confirmed_at": None,
        "by_customer": False,
    }
    assert (await world.only(debtor.debtor_id))["confirmed_at"] is None
    first = (await world.http.post(path)).json()
    again = (await world.http.post(path)).json()
    assert first == again
    assert first["by_customer"] is True
    shown = await world.only(debtor.debtor_id)
    assert (shown["confirmed_by"], shown["state"]) == ("customer", "sent")
    events = await world.told(debtor.debtor_id)
    assert [event.confirmed_by for event in events] == ["", "", "customer"]
    assert events[-1].confirmed_at is not None
    trail = await world.rows("select person, action from audit where entity_id = :id", id=ekt["id"])
    assert trail == [["customer", "confirmed"]]


async def test_a_confirmation_settles_what_was_unknown(with_link: World) -> None:
    world, debtor = with_link, a_debtor()
    await world.publish(debtor, a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    async with world.database.transaction() as connection:
        for table in ("delivery", "ekt"):
            await connection.exec_driver_sql(f"update {table} set state = 'unknown' where id = '{ekt['id']}'")
        await connection.exec_driver_sql(f"update delivery set due_at = 'infinity' where id = '{ekt['id']}'")
    await world.http.post(f"/confirmations/{await link_of(world, address_of(debtor))}")
    shown = await world.only(debtor.debtor_id)
    assert (shown["state"], shown["message"]) == ("sent", "The customer confirmed that it arrived.")
    assert await world.rows("select state from delivery where id = :id", id=ekt["id"]) == [["sent"]]


async def test_a_confirmation_by_phone_stays_when_the_link_is_used_later(with_link: World) -> None:
    world, debtor = with_link, a_debtor()
    await world.publish(debtor, a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    await world.http.post(
        f"/v1/ekts/{ekt['id']}/confirm", json={"note": "by phone"}, headers=world.headers("sales")
    )
    await world.http.post(f"/confirmations/{await link_of(world, address_of(debtor))}")
    shown = await world.only(debtor.debtor_id)
    assert (shown["confirmed_by"], shown["confirm_note"]) == ("Anna", "by phone")
    assert (await world.told(debtor.debtor_id))[-1].confirmed_by == "Anna"


@pytest.mark.parametrize("token", ["x", "A" * 54, "%2e%2e", "A" * 199])
async def test_a_link_that_is_not_ours_shows_and_confirms_nothing(world: World, token: str) -> None:
    for method in ("GET", "POST"):
        answer = await world.http.request(method, f"/confirmations/{token}")
        assert answer.status_code == 404
        assert "can't be used" in answer.json()["title"]


def test_a_link_is_for_one_ekt_and_grows_old() -> None:
    links = ConfirmationLinks("https://office.example/", SECRET)
    ekt, made = uuid4(), datetime(2026, 1, 30, tzinfo=UTC)
    token = links.of(ekt, made).removeprefix("https://office.example/confirm/")
    assert links.read(token, made) == ekt
    assert links.read(token, made + GOOD_FOR) == ekt
    with pytest.raises(LinkUnusableError, match="too old"):
        links.read(token, made + GOOD_FOR + timedelta(seconds=1))
    with pytest.raises(LinkUnusableError):
        ConfirmationLinks("https://office.example", "another secret of ours").read(token, made)
    for place in range(len(token)):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(LinkUnusableError):
            links.read(changed, made)


async def test_without_the_setting_no_mail_has_a_link(world: World) -> None:
    debtor = a_debtor()
    await world.publish(debtor, a_sale(debtor.debtor_id))
    (mail,) = await world.sink.mails(address_of(debtor), 1)
    text = (await world.sink.http.get(f"/api/messages/{mail['id']}")).json()["text"]
    assert "confirm" not in text
    assert "click" not in text


async def test_a_template_without_place_for_the_link_is_refused_when_it_is_saved(world: World) -> None:
    templates = {"en": {"subject": "EKT {{ order_day }}", "text": "Dear {{ debtor_name }}"}}
    answer = await world.configure(confirmation_link=True, templates=templates)
    assert answer.status_code == 422
    assert "{{ confirm_url }}" in answer.json()["errors"][0]["message"]


async def test_where_customers_can_not_reach_us_the_link_can_not_be_switched_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.app.state, "links", None)
    answer = await world.configure(confirmation_link=True)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "confirmation_link"
    assert "KLOKWERK_PUBLIC_URL" in answer.json()["errors"][0]["cure"]
    assert (await world.get("/v1/surroundings"))["confirmation_link_possible"] is False
    assert (await world.http.get("/confirmations/abc")).status_code == 404


# --- another address (EF-56) --------------------------------------------------------------------------------


@pytest.fixture
async def allowing(world: World):
    """Other addresses are allowed while the test runs."""
    assert (await world.configure(other_address_allowed=True)).status_code == 200
    yield world
    assert (await world.configure(other_address_allowed=False)).status_code == 200


async def asked_for(world: World, debtor, *recipients: str) -> dict:
    """What became of a resend to other addresses."""
    await world.publish(a_request(debtor.debtor_id, recipients=recipients))

    async def over() -> dict:
        newest = (await world.day(debtor.debtor_id))["ekts"][-1]
        assert newest["trigger"] == "resend"
        assert newest["state"] in ("sent", "failed")
        return newest

    return await eventually(over)


async def test_EF_56_another_address_is_refused_unless_it_is_allowed(world: World) -> None:
    debtor = a_debtor()
    await world.publish(debtor, a_sale(debtor.debtor_id))
    await world.ekts(debtor.debtor_id, 1)
    assert (await world.day(debtor.debtor_id))["other_address_possible"] is False
    ekt = await asked_for(world, debtor, "else-a@bloemist.example")
    assert (ekt["state"], "not allowed on this system" in ekt["message"]) == ("failed", True)
    assert "EF-56" in ekt["message"]
    assert await world.sink.to("else-a@bloemist.example") == []
    assert len(await world.sink.to(address_of(debtor))) == 1


async def test_EF_56_an_allowed_other_address_gets_this_one_sending_and_stands_in_the_log(
    allowing: World,
) -> None:
    world, debtor = allowing, a_debtor(emails=())
    await world.publish(debtor, a_sale(debtor.debtor_id))
    await world.ekts(debtor.debtor_id, 1, "failed")
    assert (await world.day(debtor.debtor_id))["other_address_possible"] is True
    others = ("else-b@bloemist.example", "Else-C@bloemist.example")
    ekt = await asked_for(world, debtor, *others)
    assert ekt["state"] == "sent", ekt
    assert ekt["recipient"] == "; ".join(others)
    assert ekt["other_recipients"] == list(others)
    (mail,) = await world.sink.mails(others[0], 1)
    assert mail["envelope_to"] == list(others)
    assert (await world.told(debtor.debtor_id))[-1].recipient == "; ".join(others)
    # The next one goes to the customer's own again, of which there is none.
    await world.publish(a_request(debtor.debtor_id))
    log = await world.ekts(debtor.debtor_id, 3, "failed")
    assert "no e-mail address" in log[2]["message"]


async def test_EF_56_other_addresses_are_checked_like_those_of_a_card_and_are_for_mail_only(
    allowing: World,
) -> None:
    world, debtor = allowing, a_debtor()
    by_folder = a_debtor(ekt={"method": "folder", "folder": "other"})
    await world.publish(debtor, by_folder, a_sale(debtor.debtor_id), a_sale(by_folder.debtor_id))
    await world.ekts(debtor.debtor_id, 1)
    await world.ekts(by_folder.debtor_id, 1)
    wrong = await asked_for(world, debtor, "a@b..example")
    assert (wrong["state"], "is no e-mail address" in wrong["message"]) == ("failed", True)
    folder = await asked_for(world, by_folder, "a@bloemist.example")
    assert (folder["state"], "for e-mail only" in folder["message"]) == ("failed", True)
