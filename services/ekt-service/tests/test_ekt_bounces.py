"""Mails that come back: read from the return mailbox, once, whatever breaks, and told to everybody."""

import asyncio
from uuid import UUID

import pytest
from ekt_service.domain.returns import ReturnAddress
from ekt_service.mailbox import Mailbox
from ekt_service.return_worker import MailboxWorker
from ekt_service.returning import Returning, Taken
from ekt_world import SECRET, World, a_debtor, a_request, a_sale, address_of, start_world
from klokwerk.testing import eventually, fresh_database
from klokwerk_contracts import DebtorChanged
from klokwerk_platform.mail import RETURN_DOMAIN
from return_mails import block, dsn, letter

RETURNS = ReturnAddress(f"bounce@{RETURN_DOMAIN}", SECRET)


def deliver(world: World, mail: bytes, to: str) -> None:
    """Put a mail into the return mailbox, as the mail server of the other side would."""
    world.sink.box.add(mail, "", [to])


async def sent(world: World, **changes) -> tuple[DebtorChanged, dict]:
    """A debtor whose first EKT was taken by the mail server."""
    debtor = a_debtor(**changes)
    await world.publish(debtor, a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    return debtor, ekt


async def emptied(world: World) -> None:
    """Everything in the return mailbox was taken and removed."""

    async def empty() -> bool:
        return world.sink.box.numbers_to_domain(RETURN_DOMAIN) == []

    await eventually(empty)


async def test_EF_48_a_bounce_turns_sent_into_failed_and_says_who_and_why(world: World) -> None:
    debtor = a_debtor()
    await world.sink.behave(bounce_recipients=[address_of(debtor)])
    await world.publish(debtor, a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1, "failed")
    assert ekt["bounced_at"]
    assert f"It came back from {address_of(debtor)}: 550 5.1.1" in ekt["message"]
    assert "Check the e-mail address" in ekt["message"]
    (mail,) = await world.sink.to(address_of(debtor))
    assert mail["envelope_from"] == RETURNS.of(UUID(ekt["id"]))
    events = await world.told(debtor.debtor_id)
    assert [event.state.value for event in events] == ["planned", "sent", "failed"]
    assert events[-1].bounced_at is not None
    detail = await world.get(f"/v1/ekts/{ekt['id']}")
    assert [(note["kind"], note["recipient"]) for note in detail["notes"]] == [
        ("bounced", address_of(debtor))
    ]
    await emptied(world)


async def test_EF_04_a_bounced_ekt_is_resent_like_any_failed_one_and_bounces_give_advice(
    world: World,
) -> None:
    debtor = a_debtor()
    await world.sink.behave(bounce_recipients=[address_of(debtor)])
    await world.publish(debtor, a_sale(debtor.debtor_id))
    await world.ekts(debtor.debtor_id, 1, "failed")
    await world.publish(a_request(debtor.debtor_id))
    await world.ekts(debtor.debtor_id, 2, "failed")
    hints = await world.get(f"/v1/debtors/{debtor.debtor_id}/hints")
    assert {(hint["sign"], hint["count"], hint["recipient"]) for hint in hints} == {
        ("failed", 2, address_of(debtor))
    }
    await world.sink.behave()
    await world.publish(a_request(debtor.debtor_id))
    await world.ekts(debtor.debtor_id, 3)
    assert (await world.day(debtor.debtor_id))["hints"] == []


async def test_of_several_recipients_the_one_that_bounced_is_named_and_a_second_is_added(
    world: World,
) -> None:
    good, bad, worse = "good-b@bloemist.example", "bad-b@bloemist.example", "worse-b@bloemist.example"
    emails = tuple({"address": each, "document": "ekt"} for each in (good, bad, worse))
    debtor, ekt = await sent(world, emails=emails)
    to = RETURNS.of(UUID(ekt["id"]))
    deliver(world, dsn(to, block(bad)), to)
    (first,) = await world.ekts(debtor.debtor_id, 1, "failed")
    assert (
        f"It came back from {bad}: 550 No such user. From {good}, {worse} nothing came back."
        in first["message"]
    )
    deliver(world, dsn(to, block(worse, said="552 mailbox full")), to)

    async def both() -> bool:
        return f"{worse}: 552 mailbox full" in (await world.only(debtor.debtor_id))["message"]

    await eventually(both)
    again = await world.only(debtor.debtor_id)
    assert again["bounced_at"] == first["bounced_at"]
    assert bad in again["message"]


@pytest.mark.parametrize("kind", ["delayed", "auto_reply"])
async def test_delays_and_automatic_answers_are_noted_and_change_nothing(world: World, kind: str) -> None:
    debtor, ekt = await sent(world)
    to = RETURNS.of(UUID(ekt["id"]))
    mail = dsn(to, block(address_of(debtor), "delayed", "4.4.1", "451 try later"))
    if kind == "auto_reply":
        mail = letter(to, "back on Monday", From=address_of(debtor), Auto_Submitted="auto-replied")
    deliver(world, mail, to)

    async def noted() -> list[str]:
        return [note["kind"] for note in (await world.get(f"/v1/ekts/{ekt['id']}"))["notes"]]

    assert await eventually(noted) == [kind]
    assert (await world.only(debtor.debtor_id))["state"] == "sent"
    assert len(await world.told(debtor.debtor_id)) == 2


async def test_made_up_and_unreadable_mails_are_counted_kept_aside_and_change_nothing(world: World) -> None:
    debtor, ekt = await sent(world)
    before = (await world.get("/v1/surroundings"))["returns"]["counts"]
    forged = ReturnAddress(f"bounce@{RETURN_DOMAIN}", "a secret of somebody else").of(UUID(ekt["id"]))
    deliver(world, dsn(forged, block(address_of(debtor))), forged)
    strange = f"bounce@{RETURN_DOMAIN}"
    deliver(world, letter(strange, f"what is this? {ekt['id']}", From="a@b.example"), strange)
    await emptied(world)
    returns = (await world.get("/v1/surroundings"))["returns"]
    grown = {kind: many - before.get(kind, 0) for kind, many in returns["counts"].items()}
    assert (grown["forged"], grown["unreadable"]) == (1, 1)
    assert (returns["mailbox_read"], returns["trouble"]) == (True, "")
    assert returns["read_at"]
    assert (await world.only(debtor.debtor_id))["state"] == "sent"
    aside = await world.http.get("/v1/returns/aside", headers=world.headers("ops"))
    (kept,) = [mail for mail in aside.json()[:2] if mail["kept"]]
    content = await world.http.get(f"/v1/returns/aside/{kept['sha256']}", headers=world.headers("ops"))
    assert ekt["id"].encode() in content.content
    assert content.headers["content-disposition"].startswith("attachment")
    denied = await world.http.get("/v1/returns/aside", headers=world.headers("sales"))
    assert denied.status_code == 403


async def test_a_bounce_of_what_the_customer_confirmed_only_adds_a_note(world: World) -> None:
    debtor, ekt = await sent(world)
    await world.http.post(f"/v1/ekts/{ekt['id']}/confirm", json={}, headers=world.headers("sales"))
    to = RETURNS.of(UUID(ekt["id"]))
    deliver(world, dsn(to, block("other@bloemist.example")), to)
    await emptied(world)
    assert (await world.only(debtor.debtor_id))["state"] == "sent"
    notes = (await world.get(f"/v1/ekts/{ekt['id']}"))["notes"]
    assert [note["kind"] for note in notes] == ["confirmed", "bounced"]


@pytest.fixture
async def quiet(platform_servers, world: World, tmp_path):
    """The service without workers, so that a test takes the mails itself, one by one."""
    async with (
        fresh_database(platform_servers.admin_database_url, "ekt_service") as url,
        start_world(url, world.kafka, world.sink, tmp_path, roles="api") as quiet,
    ):
        yield quiet


def returning_of(world: World) -> Returning:
    return Returning(world.database, world.app.state.sending, RETURNS)


async def an_ekt(world: World, state: str) -> str:
    """An EKT with its delivery, put there as it would stand."""
    (ekt,) = await world.rows("select gen_random_uuid()")
    ekt_id = str(ekt[0])
    async with world.database.transaction() as connection:
        await connection.exec_driver_sql(
            "insert into ekt (id, natural_key, administration, sale_debtor_id, order_day, debtor_id, trigger, "
            "needs_revision, revision, state, method, recipient, file_name, sha256, lines, message, reason, note, "
            f"requested_by, requested_at, made_at, changed_at) values ('{ekt_id}', '{ekt_id}', 'main', 'D1', "
            f"'2026-01-30', 'D1', 'first', 1, 1, '{state}', 'email', 'a@b.example', 'a.edi', '', 1, '', 'unsaid', "
            "'', '', now(), now(), now())"
        )
        await connection.exec_driver_sql(
            "insert into delivery (id, natural_key, kind, subject, channel, recipient, context, file_name, "
            "media_type, sha256, state, message, reference, attempts, asked, revision, due_at, created_at, "
            f"changed_at) values ('{ekt_id}', '{ekt_id}', 'ekt', '{ekt_id}', 'email', '', '{{}}', '', '', '', "
            f"'{state}', '', '', 1, 0, 1, 'infinity', now(), now())"
        )
    return ekt_id


async def test_a_bounce_that_is_faster_than_the_answer_waits_in_the_mailbox(quiet: World) -> None:
    ekt_id = await an_ekt(quiet, "sending")
    mail = dsn(RETURNS.of(UUID(ekt_id)), block("a@b.example"))
    returning = returning_of(quiet)
    assert await returning.take(mail) is Taken.LEAVE
    assert await quiet.rows("select meaning from return_mail") == []
    async with quiet.database.transaction() as connection:
        await connection.exec_driver_sql("update delivery set state = 'sent'")
    assert await returning.take(mail) is Taken.REMOVE
    assert await quiet.rows("select state, bounced_at is not null from ekt") == [["failed", True]]


async def test_a_crash_between_commit_and_removal_counts_a_bounce_once(quiet: World) -> None:
    ekt_id = await an_ekt(quiet, "sent")
    mail = dsn(RETURNS.of(UUID(ekt_id)), block("a@b.example"))
    taken = await asyncio.gather(*(returning_of(quiet).take(mail) for _ in range(4)))
    assert set(taken) == {Taken.REMOVE}
    assert await quiet.rows("select revision, state from ekt") == [[2, "failed"]]
    assert await quiet.rows("select count(*) from ekt_note") == [[1]]
    assert await quiet.rows("select count(*) from outbox") == [[1]]


async def test_a_mailbox_that_can_not_be_read_is_told_and_does_not_stop_the_service(quiet: World) -> None:
    worker = MailboxWorker(Mailbox("127.0.0.1", 1, timeout=1), returning_of(quiet))
    assert await worker.look() is False
    returns = (await quiet.get("/v1/surroundings"))["returns"]
    assert "refused" in returns["trouble"]
    assert returns["trouble_since"]
    host, _, port = quiet.sink.pop3.rpartition(":")
    good = MailboxWorker(Mailbox(host, int(port), timeout=5), returning_of(quiet))
    await eventually(lambda: _reads(good, quiet))


async def _reads(worker: MailboxWorker, world: World) -> bool:
    """The shared service reads the same mailbox, which lets in one at a time."""
    await worker.look()
    return (await world.get("/v1/surroundings"))["returns"]["trouble"] == ""
