"""The first EKT by itself, resends on request, the log: events in on Kafka, files out by SMTP and folder."""

import hashlib
from datetime import date
from decimal import Decimal

import pytest
from ekt_service.edifact.reader import read
from ekt_service.edifact.validator import validate
from ekt_world import World, a_debtor, a_request, a_sale, a_sale_line, address_of, new_id
from klokwerk.kafka import MAX_EVENT_BYTES
from klokwerk.testing import eventually, read_topic
from klokwerk_contracts import SaleCompleted
from klokwerk_contracts.debtor_changed import EmailAddress
from klokwerk_contracts.ekt_resend_requested import ResendReason
from klokwerk_contracts.sale_completed import goods_total
from klokwerk_contracts.types import Money
from pydifact.segmentcollection import Interchange


def _values(data: bytes) -> dict[str, list[list]]:
    """Segments of a file by tag, as an independent reader sees them."""
    found: dict[str, list[list]] = {}
    for message in Interchange.from_str(data.decode()).get_messages():
        for segment in message.segments:
            found.setdefault(segment.tag, []).append(segment.elements)
    return found


async def test_EF_01_EF_26_EF_28_EF_55_the_first_ekt_goes_out_by_itself(world: World) -> None:
    debtor = a_debtor()
    await world.publish(debtor, a_sale(debtor.debtor_id, a_sale_line(), a_sale_line("L2", units=3)))
    (mail,) = await world.sink.mails(address_of(debtor), 1)
    assert [part["content_type"].lower() for part in mail["attachments"]] == ["application/edifact"]
    assert mail["attachments"][0]["filename"].startswith("EKT260130-")
    data = await world.sink.attachment(mail)
    values = _values(data)
    assert len(values["LIN"]) == 2
    assert values["NAD"][0] == ["BY", debtor.debtor_number]
    assert ["FLA", "41"] in values["NAD"]
    assert ["52", "10"] in [element for segment in values["QTY"] for element in segment]
    assert validate(data, goods_total=Decimal("61.6")).findings == ()
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    assert (ekt["trigger"], ekt["sale_revision"], ekt["method"]) == ("first", 1, "email")
    assert await world.file(ekt) == data
    assert ekt["files"][0]["sha256"] == hashlib.sha256(data).hexdigest()
    assert "250" in ekt["message"]


async def test_EF_37_nothing_is_sent_to_a_debtor_without_ekts(world: World) -> None:
    off, on = a_debtor(ekt={"use_ekts": False}), a_debtor()
    await world.publish(off, on, a_sale(off.debtor_id), a_sale(on.debtor_id))
    await world.ekts(on.debtor_id, 1)
    await world.consumed()
    day = await world.day(off.debtor_id)
    assert day["ekts"] == []
    assert day["visible"] is False
    assert await world.sink.to(address_of(off)) == []


async def test_EF_36_a_flag_set_later_works_for_earlier_sales_by_resend(world: World) -> None:
    debtor = a_debtor(ekt={"use_ekts": False})
    await world.publish(debtor, a_sale(debtor.debtor_id))
    await world.consumed()
    await world.publish(a_debtor(debtor.debtor_id, 2))
    await world.consumed()
    assert (await world.day(debtor.debtor_id))["can_resend"] is True
    assert await world.sink.to(address_of(debtor)) == []
    await world.publish(a_request(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    assert ekt["trigger"] == "resend"
    assert len(await world.sink.mails(address_of(debtor), 1)) == 1


async def test_EF_02_EF_23_EF_25_EF_29_EF_40_a_resend_is_a_new_file_and_the_first_is_kept(
    world: World,
) -> None:
    debtor, other = a_debtor(), a_debtor()
    await world.publish(debtor, other, a_sale(debtor.debtor_id), a_sale(other.debtor_id))
    (first,) = await world.ekts(debtor.debtor_id, 1)
    await world.ekts(other.debtor_id, 1)
    before = await world.file(first)
    await world.publish(a_request(debtor.debtor_id))
    log = await world.ekts(debtor.debtor_id, 2)
    again = await world.file(log[1])
    assert await world.file(log[0]) == before
    assert read(again).envelope.reference != read(before).envelope.reference
    assert read(again).messages[0].lines == read(before).messages[0].lines
    assert log[0]["id"] == first["id"]
    mails = await world.sink.mails(address_of(debtor), 2)
    assert await world.sink.attachment(mails[1]) == again
    # EF_24 is below: nobody else got anything.
    assert len(await world.sink.to(address_of(other))) == 1


async def test_EF_24_a_resend_concerns_one_debtor_and_one_day(world: World) -> None:
    debtor, other = a_debtor(), a_debtor()
    monday, tuesday = date(2026, 2, 2), date(2026, 2, 3)
    await world.publish(debtor, other)
    for day in (monday, tuesday):
        await world.publish(a_sale(debtor.debtor_id, order_day=day), a_sale(other.debtor_id, order_day=day))
    for each in (debtor, other):
        await world.sink.mails(address_of(each), 2)
    await world.publish(a_request(debtor.debtor_id, order_day=monday))
    log = await world.ekts(debtor.debtor_id, 2, day=monday)
    assert read(await world.file(log[1])).messages[0].day == monday
    await world.consumed()
    assert len((await world.day(debtor.debtor_id, tuesday))["ekts"]) == 1
    assert len(await world.sink.to(address_of(other))) == 2


async def test_EF_41_EF_45_a_resend_after_a_correction_holds_the_corrected_data(world: World) -> None:
    debtor = a_debtor()
    lines = (a_sale_line("L1", units=80), a_sale_line("L2"), a_sale_line("L3"))
    await world.publish(debtor, a_sale(debtor.debtor_id, *lines))
    (first,) = await world.ekts(debtor.debtor_id, 1)
    corrected = (a_sale_line("L1", units=60), a_sale_line("L3"), a_sale_line("L4", units=5))
    await world.publish(a_sale(debtor.debtor_id, *corrected, revision=2))
    await world.publish(a_request(debtor.debtor_id, 2, reason=ResendReason.CORRECTED, note="wrong count"))
    log = await world.ekts(debtor.debtor_id, 2)
    old, new = read(await world.file(first)).lines, read(await world.file(log[1])).lines
    assert [line.units for line in old] == [80, 8, 8]
    assert [line.units for line in new] == [60, 8, 5]

    def identity(line):
        return line.agj, line.barcode, line.order_line

    assert [identity(line) for line in new][:2] == [identity(old[0]), identity(old[2])]
    assert identity(new[2]) not in {identity(line) for line in old}
    assert log[1]["sale_revision"] == 2
    # D-21: the correction alone sent nothing.
    assert len(await world.sink.to(address_of(debtor))) == 2


async def test_EF_04_a_first_ekt_that_got_lost_at_the_customer_is_sent_again(world: World) -> None:
    debtor = a_debtor()
    await world.publish(debtor, a_sale(debtor.debtor_id))
    (first,) = await world.ekts(debtor.debtor_id, 1)
    (mail,) = await world.sink.mails(address_of(debtor), 1)
    sent = await world.sink.attachment(mail)
    # The mail server took it; at the customer somebody threw it away.
    (await world.sink.http.delete("/api/messages")).raise_for_status()
    assert await world.sink.to(address_of(debtor)) == []
    check = await world.get(f"/v1/debtors/{debtor.debtor_id}/days/{first['order_day']}/resend-check")
    assert check["can_resend"] is True
    await world.publish(a_request(debtor.debtor_id, reason=ResendReason.LOST, note="not in the inbox"))
    log = await world.ekts(debtor.debtor_id, 2)
    (mail,) = await world.sink.mails(address_of(debtor), 1)
    again = await world.sink.attachment(mail)
    assert read(again).lines == read(sent).lines
    assert read(again).envelope.reference != read(sent).envelope.reference
    assert log[0] == first
    assert (log[0]["state"], await world.file(log[0])) == ("sent", sent)
    assert (log[1]["reason"], log[1]["sale_revision"], await world.file(log[1])) == ("lost", 1, again)


async def test_D_22_a_resend_waits_for_the_revision_it_names(world: World) -> None:
    debtor = a_debtor()
    await world.publish(debtor, a_sale(debtor.debtor_id))
    await world.ekts(debtor.debtor_id, 1)
    await world.publish(a_request(debtor.debtor_id, 3))
    log = await world.ekts(debtor.debtor_id, 2, "waiting")
    assert "revision 3" in log[1]["message"]
    await world.publish(a_sale(debtor.debtor_id, a_sale_line(units=7), revision=2))
    await world.consumed()
    assert (await world.day(debtor.debtor_id))["ekts"][1]["state"] == "waiting"
    waiting = [
        item for item in (await world.get("/v1/waiting"))["items"] if item["debtor_id"] == debtor.debtor_id
    ]
    assert "revision 2 is here" in waiting[0]["reason"]
    await world.publish(a_sale(debtor.debtor_id, a_sale_line(units=6), revision=3))
    log = await world.ekts(debtor.debtor_id, 2)
    assert read(await world.file(log[1])).lines[0].units == 6
    assert log[1]["sale_revision"] == 3
    told = [event for event in await world.told(debtor.debtor_id) if event.request_id]
    assert told[0].state.value == "waiting"


async def test_a_request_that_comes_before_its_sale_is_sent_when_the_sale_comes(world: World) -> None:
    debtor = a_debtor()
    await world.publish(debtor)
    await world.consumed()
    await world.publish(a_request(debtor.debtor_id))
    await world.ekts(debtor.debtor_id, 1, "waiting")
    await world.publish(a_sale(debtor.debtor_id))
    await world.sink.mails(address_of(debtor), 2)
    log = await world.ekts(debtor.debtor_id, 2)
    assert sorted(ekt["trigger"] for ekt in log) == ["first", "resend"]
    assert {ekt["state"] for ekt in log} == {"sent"}


async def test_a_sale_of_an_unknown_debtor_is_parked_shown_and_picked_up(world: World) -> None:
    debtor_id = new_id()
    await world.publish(a_sale(debtor_id), a_request(debtor_id))
    await world.consumed()

    async def parked() -> list[dict]:
        items = (await world.get("/v1/waiting"))["items"]
        return [item for item in items if item["debtor_id"] == debtor_id]

    found = await eventually(parked)
    assert {item["kind"] for item in found} == {"first", "ekt"}
    assert all(item["waits_for"] == f"debtor/main/{debtor_id}" for item in found)
    debtor = a_debtor(debtor_id)
    await world.publish(debtor)
    assert len(await world.sink.mails(address_of(debtor), 2)) == 2
    assert await parked() == []


async def test_the_first_ekt_waits_for_the_debtor_number_that_the_sale_triggers(world: World) -> None:
    debtor = a_debtor(debtor_number="")
    await world.publish(debtor, a_sale(debtor.debtor_id))
    log = await world.ekts(debtor.debtor_id, 1, "waiting")
    assert "debtor number" in log[0]["message"]
    await world.publish(a_debtor(debtor.debtor_id, 2, debtor_number="20417"))
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    assert read(await world.file(ekt)).messages[0].buyer == "20417"


async def test_D_21_a_replay_of_all_topics_sends_nothing_and_changes_nothing(world: World) -> None:
    debtor = a_debtor()
    events = [debtor, a_sale(debtor.debtor_id), a_request(debtor.debtor_id)]
    corrected = a_sale(debtor.debtor_id, a_sale_line(units=2), revision=2)
    for event in events:
        await world.publish(event)
        await world.consumed()
    await world.ekts(debtor.debtor_id, 2)
    await world.publish(corrected)
    await world.consumed()
    before, told = await world.day(debtor.debtor_id), await world.told(debtor.debtor_id)
    await world.publish(*events, corrected, *events, corrected)
    await world.consumed()
    assert await world.day(debtor.debtor_id) == before
    assert await world.told(debtor.debtor_id) == told
    assert len(await world.sink.to(address_of(debtor))) == 2


async def test_every_change_is_told_once_with_a_rising_revision(world: World) -> None:
    debtor = a_debtor()
    await world.publish(debtor, a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1)

    async def told() -> list:
        events = await world.told(debtor.debtor_id)
        return events if events and events[-1].state.value == "sent" else []

    events = await eventually(told)
    assert [event.state.value for event in events] == ["planned", "sent"]
    assert [event.revision for event in events] == [1, 2]
    assert events[-1].link == f"/v1/ekts/{ekt['id']}"
    assert events[-1].sha256 == ekt["sha256"]
    assert events[-1].recipient == address_of(debtor)


async def test_EF_27_a_folder_goes_through_the_same_steps_checks_and_log(world: World) -> None:
    debtor = a_debtor(ekt={"method": "folder", "folder": "bloemist-7"}, emails=())
    await world.publish(debtor, a_sale(debtor.debtor_id))
    (first,) = await world.ekts(debtor.debtor_id, 1)
    written = world.folder / "bloemist-7" / first["file_name"]
    assert written.read_bytes() == await world.file(first)
    await world.publish(a_request(debtor.debtor_id))
    log = await world.ekts(debtor.debtor_id, 2)
    names = {path.name for path in (world.folder / "bloemist-7").iterdir()}
    assert names == {log[0]["file_name"], log[1]["file_name"]}
    assert len(names) == 2


async def test_one_file_for_each_line_where_the_debtor_wants_that(world: World) -> None:
    debtor = a_debtor(ekt={"separate_files": True, "file_name_pattern": "om{yymmdd}.{hhmm}"})
    lines = [a_sale_line(f"L{number}", units=number) for number in (1, 2, 3)]
    await world.publish(debtor, a_sale(debtor.debtor_id, *lines))
    (mail,) = await world.sink.mails(address_of(debtor), 1)
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    assert len(mail["attachments"]) == len(ekt["files"]) == 3
    assert len({part["filename"] for part in mail["attachments"]}) == 3
    for number in (1, 2, 3):
        data = await world.sink.attachment(mail, number)
        assert data == await world.file(ekt, number)
        assert [line.units for line in read(data).lines] == [number]


async def test_EF_57_a_later_sending_goes_to_the_address_as_it_stands_then(world: World) -> None:
    debtor = a_debtor()
    await world.publish(debtor, a_sale(debtor.debtor_id))
    await world.ekts(debtor.debtor_id, 1)
    moved = (EmailAddress(address=f"new-{address_of(debtor)}", document="ekt"), *debtor.emails)
    await world.publish(a_debtor(debtor.debtor_id, 2, emails=moved))
    await world.consumed()
    await world.publish(a_request(debtor.debtor_id))
    log = await world.ekts(debtor.debtor_id, 2)
    assert log[1]["recipient"] == moved[0].address
    assert len(await world.sink.mails(moved[0].address, 1)) == 1


async def test_EF_03_EF_50_every_reason_is_taken_and_kept_with_who_and_note(world: World) -> None:
    debtor = a_debtor()
    await world.publish(debtor, a_sale(debtor.debtor_id))
    await world.ekts(debtor.debtor_id, 1)
    await world.publish(
        *(a_request(debtor.debtor_id, reason=reason, note=f"n {reason}") for reason in ResendReason)
    )
    await world.sink.mails(address_of(debtor), 1 + len(ResendReason))

    async def all_sent() -> list:
        log = (await world.day(debtor.debtor_id))["ekts"]
        return log if {ekt["state"] for ekt in log} == {"sent"} else []

    log = await eventually(all_sent)
    resent = [ekt for ekt in log if ekt["trigger"] == "resend"]
    assert {(ekt["reason"], ekt["note"], ekt["requested_by"]) for ekt in resent} == {
        (reason.value, f"n {reason}", "Anna") for reason in ResendReason
    }
    # EF_53, EF_54: warned of, never blocked.
    day = await world.day(debtor.debtor_id)
    assert [item["code"] for item in day["warnings"]] == ["EF-54"]
    assert day["can_resend"] is True


async def test_EF_53_EF_54_many_resends_are_warned_of_and_never_blocked(world: World) -> None:
    debtor = a_debtor()
    await world.publish(debtor, a_sale(debtor.debtor_id))
    await world.ekts(debtor.debtor_id, 1)
    assert (await world.day(debtor.debtor_id))["warnings"] == []
    await world.publish(*(a_request(debtor.debtor_id) for _ in range(5)))
    await world.sink.mails(address_of(debtor), 6)
    day = await world.day(debtor.debtor_id)
    assert "5 times" in day["warnings"][0]["text"]
    assert day["can_resend"] is True


async def test_EF_17_EF_18_EF_44_an_old_day_is_resent_in_the_same_way(world: World) -> None:
    debtor, old = a_debtor(), date(2019, 3, 4)
    await world.publish(debtor, a_sale(debtor.debtor_id, order_day=old))
    await world.ekts(debtor.debtor_id, 1, day=old)
    await world.publish(a_request(debtor.debtor_id, order_day=old))
    log = await world.ekts(debtor.debtor_id, 2, day=old)
    assert read(await world.file(log[1])).messages[0].day == old


async def test_agj_is_unique_on_a_day_over_all_debtors_and_survives_the_sales_own_numbers(
    world: World,
) -> None:
    day = date(2026, 3, 5)
    debtors = [a_debtor() for _ in range(3)]
    await world.publish(*debtors)
    lines = [a_sale_line(f"L{number}") for number in range(20)]
    own = replace_line(lines[0], logistic_number="00007", barcode="AB-7")
    for debtor in debtors:
        await world.publish(a_sale(debtor.debtor_id, own, *lines[1:], order_day=day))
    files = []
    for debtor in debtors:
        (ekt,) = await world.ekts(debtor.debtor_id, 1, day=day)
        files.append(read(await world.file(ekt)))
    numbers = [line.agj for file in files for line in file.lines]
    assert len(numbers) == len(set(numbers)) == 60
    barcodes = [line.barcode for file in files for line in file.lines]
    assert len(set(barcodes)) == 60
    # The sale's own number is kept once; the day knows it for one line only.
    assert numbers.count("7") == 1
    assert barcodes.count("AB-7") == 1


def replace_line(line, **changes):
    return line.model_copy(update=changes)


@pytest.mark.parametrize(
    ("language", "begins", "day"),
    [
        ("nl", "Geachte Fleuriste", "30-01-2026"),
        ("en", "Dear Fleuriste", "30-01-2026"),
        ("de", "Guten Tag Fleuriste", "30.01.2026"),
        ("fr", "Bonjour Fleuriste", "30/01/2026"),
        ("sv", "Hej Fleuriste", "2026-01-30"),
        ("it", "Dear Fleuriste", "30-01-2026"),
    ],
)
async def test_the_mail_speaks_the_debtors_language_or_the_default_one(
    world: World, language: str, begins: str, day: str
) -> None:
    debtor = a_debtor(language=language, name="Fleuriste Crème & Söhne")
    await world.publish(debtor, a_sale(debtor.debtor_id))
    (mail,) = await world.sink.mails(address_of(debtor), 1)
    whole = (await world.sink.http.get(f"/api/messages/{mail['id']}")).json()
    assert whole["text"].startswith(begins)
    assert "Fleuriste Crème & Söhne" in whole["text"]
    assert mail["subject"] == f"EKT {day} - Voorbeeld Bloemen"


async def test_several_addresses_get_the_same_mail(world: World) -> None:
    both = tuple(
        EmailAddress(address=f"{name}-x@bloemist.example", document="ekt") for name in ("shop", "office")
    )
    debtor = a_debtor(emails=both)
    await world.publish(debtor, a_sale(debtor.debtor_id))
    (mail,) = await world.sink.mails("shop-x@bloemist.example", 1)
    assert mail["envelope_to"] == [entry.address for entry in both]
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    assert ekt["recipient"] == "; ".join(entry.address for entry in both)


async def test_sales_before_and_after_a_merge_belong_to_the_target(world: World) -> None:
    source, target = a_debtor(), a_debtor()
    await world.publish(source, target, a_sale(source.debtor_id))
    (first,) = await world.ekts(source.debtor_id, 1)
    gone = a_debtor(source.debtor_id, 2, state="merged", merged_into=target.debtor_id)
    await world.publish(gone)

    async def moved() -> list:
        return (await world.day(target.debtor_id))["ekts"]

    assert [ekt["id"] for ekt in await eventually(moved)] == [first["id"]]
    # The same day published again for the target is no new first sending.
    await world.publish(a_sale(target.debtor_id, a_sale_line(units=5), revision=1))
    await world.consumed()
    await world.publish(a_request(target.debtor_id))
    log = await world.ekts(target.debtor_id, 2)
    old, new = read(await world.file(log[0])).lines[0], read(await world.file(log[1])).lines[0]
    assert (new.agj, new.barcode, new.order_line) == (old.agj, old.barcode, old.order_line)
    assert new.units == 5
    assert len(await world.sink.to(address_of(target))) == 1
    assert (await world.day(source.debtor_id))["owner_id"] == target.debtor_id
    # A late event for the removed card goes to the target too.
    tomorrow = date(2026, 1, 31)
    await world.publish(a_sale(source.debtor_id, order_day=tomorrow))
    (ekt,) = await world.ekts(target.debtor_id, 1, day=tomorrow)
    assert ekt["recipient"] == address_of(target)


@pytest.mark.timeout(120)
async def test_a_sale_of_5000_lines_goes_out_whole(world: World) -> None:
    debtor, day = a_debtor(), date(2026, 4, 1)
    lines = [a_sale_line(f"L{number}", units=1 + number % 50) for number in range(5000)]
    sale = a_sale(debtor.debtor_id, *lines, order_day=day)
    size = len(sale.model_dump_json())
    assert 1_000_000 < size < MAX_EVENT_BYTES
    await world.publish(debtor, sale)
    (mail,) = await world.sink.mails(address_of(debtor), 1)
    (ekt,) = await world.ekts(debtor.debtor_id, 1, day=day)
    data = await world.sink.attachment(mail)
    assert ekt["lines"] == 5000
    assert ekt["files"][0]["sha256"] == hashlib.sha256(data).hexdigest()
    report = validate(data, goods_total=goods_total(sale.lines))
    assert (report.errors, report.lines) == ((), 5000)


async def test_debtors_of_one_batch_do_not_hinder_each_other(world: World) -> None:
    debtors = [a_debtor() for _ in range(10)]
    await world.publish(*debtors)
    await world.publish(*(a_sale(debtor.debtor_id) for debtor in debtors))
    for debtor in debtors:
        await world.sink.mails(address_of(debtor), 1)
    assert {len(await world.sink.to(address_of(debtor))) for debtor in debtors} == {1}


async def test_prices_keep_every_digit(world: World) -> None:
    debtor = a_debtor()
    line = a_sale_line(price=Money(amount=Decimal("0.123456")))
    await world.publish(debtor, a_sale(debtor.debtor_id, line))
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    assert read(await world.file(ekt)).lines[0].price == Decimal("0.123456")


async def test_EF_06_a_resend_only_adds_a_file_and_a_record(world: World) -> None:
    debtor = a_debtor()
    sale = a_sale(debtor.debtor_id)
    await world.publish(debtor, sale)
    (first,) = await world.ekts(debtor.debtor_id, 1)
    await world.publish(a_request(debtor.debtor_id))
    log = await world.ekts(debtor.debtor_id, 2)
    assert log[0] == first
    sales = await read_topic(world.kafka, SaleCompleted.TOPIC)
    assert [record.key for record in sales].count(debtor.debtor_id.encode()) == 1
    of = {"id": debtor.debtor_id}
    ((body,),) = await world.rows("select body::text from sale where debtor_id = :id", **of)
    assert SaleCompleted.model_validate_json(body) == sale
    files = "select count(*) from ekt_file f join ekt e on e.id = f.ekt_id where e.debtor_id = :id"
    assert await world.rows(files, **of) == [[2]]
    # All that it ever publishes is what became of EKTs.
    told = await world.told(debtor.debtor_id)
    assert {event.ekt_id for event in told} <= {ekt["id"] for ekt in log}
