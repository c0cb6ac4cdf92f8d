"""What goes wrong on the way out: refused, temporary, broken off, unknown; and what a person can do then."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from ekt_service.channels.email import EmailChannel
from ekt_service.edifact.reader import read
from ekt_world import World, a_debtor, a_request, a_sale, a_sale_line, address_of
from klokwerk.deliveries import Delivery, State, Verdict
from klokwerk.smtp import Mailer, MailServer
from klokwerk.testing import eventually
from klokwerk_contracts.types import Money


async def test_EF_04_EF_60_EF_62_a_refused_first_sending_is_logged_as_failed_and_blocks_nothing(
    world: World,
) -> None:
    debtor = a_debtor()
    await world.sink.behave(reject_recipients=[address_of(debtor)])
    await world.publish(debtor, a_sale(debtor.debtor_id))
    (failed,) = await world.ekts(debtor.debtor_id, 1, "failed")
    assert "550 5.1.1" in failed["message"]
    assert address_of(debtor) in failed["message"]
    assert await world.sink.to(address_of(debtor)) == []
    await world.sink.behave()
    await world.publish(a_request(debtor.debtor_id))
    log = await world.ekts(debtor.debtor_id, 2)
    assert [ekt["state"] for ekt in log] == ["failed", "sent"]
    assert len(await world.sink.mails(address_of(debtor), 1)) == 1


async def test_EF_46_EF_51_every_attempt_stands_in_the_log_with_the_servers_own_words(world: World) -> None:
    debtor = a_debtor()
    await world.sink.behave(fail_next=1)
    await world.publish(debtor, a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    detail = await world.get(f"/v1/ekts/{ekt['id']}")
    assert [attempt["outcome"] for attempt in detail["attempts"]] == ["temporary", "sent"]
    assert "451 4.3.0 Try again later" in detail["attempts"][0]["message"]
    assert len(await world.sink.to(address_of(debtor))) == 1


async def test_an_answer_lost_after_the_mail_arrived_is_settled_by_asking(world: World) -> None:
    debtor = a_debtor()
    await world.sink.behave(drop_after_data=1)
    await world.publish(debtor, a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    detail = await world.get(f"/v1/ekts/{ekt['id']}")
    assert [(a["purpose"], a["outcome"]) for a in detail["attempts"]] == [
        ("send", "unknown"),
        ("ask", "sent"),
    ]
    assert len(await world.sink.to(address_of(debtor))) == 1
    states = [event.state.value for event in await world.told(debtor.debtor_id)]
    assert states[:2] == ["planned", "unknown"]


async def test_a_mail_that_never_arrived_is_sent_again_after_asking(world: World) -> None:
    debtor = a_debtor()
    await world.sink.behave(drop_before_storing=1)
    await world.publish(debtor, a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    detail = await world.get(f"/v1/ekts/{ekt['id']}")
    outcomes = [(attempt["purpose"], attempt["outcome"]) for attempt in detail["attempts"]]
    assert outcomes == [("send", "unknown"), ("ask", "unknown"), ("ask", "not_there"), ("send", "sent")]
    assert len(await world.sink.to(address_of(debtor))) == 1


async def test_EF_58_a_mail_server_that_is_away_is_tried_again(own_world: World) -> None:
    await own_world.activate()
    debtor = a_debtor()
    await own_world.sink.behave(refuse_connections=True)
    await own_world.publish(debtor, a_sale(debtor.debtor_id))

    async def tried() -> bool:
        log = (await own_world.day(debtor.debtor_id))["ekts"]
        return bool(log) and "can't be reached" in log[0]["message"]

    await eventually(tried)
    await own_world.sink.behave()
    await own_world.ekts(debtor.debtor_id, 1)
    assert len(await own_world.sink.to(address_of(debtor))) == 1


async def test_EF_58_wrong_credentials_are_told_in_the_servers_words(world: World) -> None:
    await world.sink.behave(wrong_credentials=True)
    server = MailServer(*_address(world.sink.smtp), user="ekt", password="wrong")
    outcome = await EmailChannel(Mailer(server)).send(_a_delivery())
    assert outcome.verdict is Verdict.REFUSED
    assert "535 5.7.8" in outcome.message


async def test_without_a_trace_an_unknown_outcome_stays_unknown_and_says_what_to_do(world: World) -> None:
    outcome = await EmailChannel(Mailer(MailServer(*_address(world.sink.smtp)))).ask(_a_delivery())
    assert outcome.verdict is Verdict.UNKNOWN
    assert "Ask the recipient" in outcome.message


async def test_a_server_that_never_answers_after_the_mail_leaves_it_unknown(world: World) -> None:
    await world.sink.behave(hang_seconds=30)
    server = MailServer(*_address(world.sink.smtp), timeout=5, data_timeout=0.3)
    outcome = await EmailChannel(Mailer(server)).send(_a_delivery())
    assert outcome.verdict is Verdict.UNKNOWN


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def _a_delivery() -> Delivery:
    now = datetime(2026, 1, 30, tzinfo=UTC)
    return Delivery(
        id=uuid4(),
        natural_key="ekt/main/D1/2026-01-30/first",
        kind="ekt",
        subject=str(uuid4()),
        channel="email",
        recipient="d1@bloemist.example",
        context={
            "sender": "ekt@voorbeeld.example",
            "recipients": ["d1@bloemist.example"],
            "message_id": "<1@ekt.example>",
        },
        file_name="1.eml",
        media_type="message/rfc822",
        payload=b"Subject: EKT\r\nMessage-ID: <1@ekt.example>\r\n\r\nHello\r\n",
        sha256="",
        state=State.SENDING,
        message="",
        reference="",
        attempts=1,
        asked=0,
        revision=1,
        due_at=now,
        created_at=now,
        changed_at=now,
    )


async def test_refused_content_ends_as_failed_with_the_servers_words(world: World) -> None:
    debtor = a_debtor()
    await world.sink.behave(reject_content=True)
    await world.publish(debtor, a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1, "failed")
    assert "554 5.6.0" in ekt["message"]


async def test_one_wrong_address_among_several_sends_nothing_half(world: World) -> None:
    good, bad = "good-y@bloemist.example", "bad-y@bloemist.example"
    debtor = a_debtor(emails=({"address": good, "document": "ekt"}, {"address": bad, "document": "ekt"}))
    await world.sink.behave(reject_recipients=[bad])
    await world.publish(debtor, a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1, "failed")
    assert bad in ekt["message"]
    assert await world.sink.to(good) == []


async def test_a_folder_file_of_the_same_name_is_never_overwritten(world: World) -> None:
    debtor = a_debtor(ekt={"method": "folder", "folder": "taken", "file_name_pattern": "today.edi"})
    (world.folder / "taken").mkdir()
    (world.folder / "taken" / "today.edi").write_text("somebody's own")
    await world.publish(debtor, a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1, "failed")
    assert "there already" in ekt["message"]
    assert (world.folder / "taken" / "today.edi").read_bytes() == b"somebody's own"


async def test_an_unknown_outcome_can_be_settled_by_a_person(world: World) -> None:
    debtor = a_debtor()
    await world.publish(debtor, a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    refused = await world.http.post(
        f"/v1/ekts/{ekt['id']}/settle", json={"outcome": "received"}, headers=world.headers("sales")
    )
    assert refused.status_code == 409
    async with world.database.transaction() as connection:
        for table in ("delivery", "ekt"):
            await connection.exec_driver_sql(f"update {table} set state = 'unknown' where id = '{ekt['id']}'")
        await connection.exec_driver_sql("update delivery set due_at = 'infinity' where state = 'unknown'")
    answer = await world.http.post(
        f"/v1/ekts/{ekt['id']}/settle",
        json={"outcome": "not_received", "note": "asked by phone"},
        headers=world.headers("sales"),
    )
    assert answer.status_code == 200
    assert answer.json()["state"] == "failed"
    assert "did not arrive. asked by phone" in answer.json()["message"]


async def test_EF_47_a_confirmation_by_phone_is_kept_with_who_and_when(world: World) -> None:
    debtor = a_debtor()
    await world.publish(debtor, a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    path = f"/v1/ekts/{ekt['id']}/confirm"
    denied = await world.http.post(path, json={}, headers=world.headers("read-only"))
    assert denied.status_code == 403
    headers = world.headers("sales") | {"Idempotency-Key": ekt["id"]}
    answer = await world.http.post(path, json={"note": "imported at 7"}, headers=headers)
    assert answer.status_code == 200
    again = await world.http.post(path, json={"note": "imported at 7"}, headers=headers)
    assert again.json() == answer.json()
    (shown,) = (await world.day(debtor.debtor_id))["ekts"]
    assert (shown["confirmed_by"], shown["confirm_note"], shown["state"]) == ("Anna", "imported at 7", "sent")
    assert shown["confirmed_at"]


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"ekt": {"use_ekts": False}}, "EF-63", "ekt.use_ekts"),
        ({"emails": ()}, "EF-64", "emails"),
        ({"emails": ({"address": "a@b..example"},)}, "EF-64", "emails"),
        ({"ekt": {"method": "folder", "folder": ""}}, "EF-64", "ekt.folder"),
        ({"ekt": {"file_name_pattern": "{nonsense}"}}, "EF-71", "ekt.file_name_pattern"),
    ],
)
async def test_EF_05_EF_59_EF_63_EF_64_a_resend_with_something_missing_is_refused_and_names_it(
    world: World, change: dict, code: str, field: str
) -> None:
    debtor = a_debtor()
    await world.publish(debtor, a_sale(debtor.debtor_id))
    await world.ekts(debtor.debtor_id, 1)
    await world.publish(a_debtor(debtor.debtor_id, 2, **change))
    await world.consumed()
    check = await world.get(f"/v1/debtors/{debtor.debtor_id}/days/2026-01-30/resend-check")
    assert check["can_resend"] is False
    assert [(item["code"], item["field"]) for item in check["missing"]] == [(code, field)]
    assert debtor.debtor_id in check["missing"][0]["link"]
    await world.publish(a_request(debtor.debtor_id))
    log = await world.ekts(debtor.debtor_id, 2, "failed")
    assert code in log[1]["message"]
    assert log[1]["files"] == []
    assert len(await world.sink.to(address_of(debtor))) == 1


async def test_EF_69_EF_70_EF_71_what_the_sale_lacks_is_named_line_by_line(world: World) -> None:
    debtor = a_debtor()
    await world.publish(debtor)
    await world.consumed()
    path = f"/v1/debtors/{debtor.debtor_id}/days/2026-01-30/resend-check"
    assert [item["code"] for item in (await world.get(path))["missing"]] == ["EF-69"]
    dollars = a_sale_line("L2", price=Money(amount=1, currency="USD"))
    no_code = a_sale_line("L3", article={"vbn_code": "0", "name": "Unknown"})
    lines = (a_sale_line(), dollars, no_code)
    await world.publish(a_sale(debtor.debtor_id, *lines, goods_total=Money(amount=1)))
    (ekt,) = await world.ekts(debtor.debtor_id, 1, "failed")
    missing = (await world.get(path))["missing"]
    assert [(item["code"], item["field"]) for item in missing] == [
        ("EF-70", "goods_total"),
        ("EF-71", "price"),
        ("EF-71", "article.vbn_code"),
    ]
    assert "Line 2" in missing[1]["text"]
    assert "Line 3" in ekt["message"]
    empty = a_sale(debtor.debtor_id, revision=2).model_copy(update={"lines": ()})
    await world.publish(empty)
    await world.consumed()
    assert [item["code"] for item in (await world.get(path))["missing"]] == ["EF-69"]


async def test_EF_65_D_04_an_unconfirmed_customer_system_is_a_warning_only(world: World) -> None:
    debtor = a_debtor(ekt={"accepts_ekts": False})
    await world.publish(debtor, a_sale(debtor.debtor_id))
    await world.ekts(debtor.debtor_id, 1)
    check = await world.get(f"/v1/debtors/{debtor.debtor_id}/days/2026-01-30/resend-check")
    assert check["can_resend"] is True
    assert [item["code"] for item in check["warnings"]] == ["EF-65"]


async def test_a_sale_with_one_line_id_on_two_lines_is_never_sent(world: World) -> None:
    debtor = a_debtor()
    await world.publish(debtor, a_sale(debtor.debtor_id, a_sale_line("L1"), a_sale_line("L1", units=2)))
    (ekt,) = await world.ekts(debtor.debtor_id, 1, "failed")
    assert "L1 stands on more than one line" in ekt["message"]


async def test_a_name_with_every_special_character_arrives_whole(world: World) -> None:
    debtor = a_debtor(ekt={"character_set": "utf-8"})
    line = a_sale_line(article={"vbn_code": "1", "name": "A+B:C'D?E ?? ë"}, order_reference="'+:?")
    await world.publish(debtor, a_sale(debtor.debtor_id, line))
    (mail,) = await world.sink.mails(address_of(debtor), 1)
    got = read(await world.sink.attachment(mail)).lines[0]
    assert (got.name, got.order) == ("A+B:C'D?E ?? ë", "'+:?")


async def test_an_international_domain_goes_out_in_its_coded_form(world: World) -> None:
    debtor = a_debtor(emails=({"address": "info@blümchen-q.example"},))
    await world.publish(debtor, a_sale(debtor.debtor_id))
    (mail,) = await world.sink.mails("xn--blmchen-q", 1)
    assert mail["envelope_to"] == ["info@" + "blümchen-q.example".encode("idna").decode()]
