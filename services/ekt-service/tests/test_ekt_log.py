"""The log across debtors: filters, search, exports, differences, explanation of what was kept, hints."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import python_calamine
from ekt_service.domain.hints import Past, hints
from ekt_world import World, a_debtor, a_request, a_sale, a_sale_line, address_of, new_id
from klokwerk_contracts.debtor_changed import EmailAddress
from klokwerk_contracts.ekt_resend_requested import ResendReason
from klokwerk_contracts.outcomes import DeliveryState
from klokwerk_contracts.types import Money

OLD = date(2024, 5, 6)


async def _log(world: World, **params: Any) -> list[dict[str, Any]]:
    return list((await world.get("/v1/ekts", **params))["items"])


async def test_EF_51_the_log_is_found_by_name_number_recipient_note_day_state_method_and_trigger(
    world: World,
) -> None:
    mark = new_id()
    mail = a_debtor(name=f"Fleurs Crème {mark}", debtor_number=f"77{mark[1:]}")
    folder = a_debtor(name=f"Map {mark}", ekt={"method": "folder", "folder": f"f-{mark}"}, emails=())
    await world.publish(
        mail, folder, a_sale(mail.debtor_id, order_day=OLD), a_sale(folder.debtor_id, order_day=OLD)
    )
    await world.ekts(mail.debtor_id, 1, day=OLD)
    await world.ekts(folder.debtor_id, 1, day=OLD)
    request = a_request(mail.debtor_id, order_day=OLD, note=f"belde over 100%_{mark}", requested_by="Pieter")
    await world.publish(request)
    await world.ekts(mail.debtor_id, 2, day=OLD)

    async def found(**params: Any) -> list[tuple[str, str]]:
        return sorted((row["debtor_name"][:3], row["trigger"]) for row in await _log(world, **params))

    both, only_mail = [("Fle", "first"), ("Fle", "resend")], [("Map", "first")]
    assert await found(q=f"fleurs creme {mark}") == both
    assert await found(q=f"CRÈME-{mark}") == both
    assert await found(q=f"77{mark[1:]}") == both
    assert await found(q=f"{mail.debtor_id.lower()}@bloemist") == both
    assert await found(q=f"100%_{mark}") == [("Fle", "resend")]
    assert await found(q=f"1%{mark}") == []
    assert await found(q=mark, method="folder") == only_mail
    assert await found(q=mark, trigger="resend") == [("Fle", "resend")]
    assert await found(q=mark, from_day="2024-05-06", until_day="2024-05-06") == sorted(both + only_mail)
    assert await found(q=mark, from_day="2024-05-07") == []
    assert await found(q=mark, until_day="2024-05-05") == []
    assert await found(debtor_id=mail.debtor_id, state="sent") == both
    assert await found(debtor_id=mail.debtor_id, state="failed") == []
    assert await found(debtor_id=mail.debtor_id, confirmed="true") == []
    (newest, *_) = await _log(world, q=mark)
    assert (newest["debtor_number"], newest["requested_by"]) == (f"77{mark[1:]}", "Pieter")
    refused = await world.http.get("/v1/ekts", params={"from_day": "soon"}, headers=world.headers())
    assert refused.status_code == 422


async def test_the_filtered_log_leaves_as_csv_and_xlsx_and_runs_nothing_in_a_spreadsheet(
    world: World,
) -> None:
    debtor = a_debtor(name='=HYPERLINK("http://x.example";"klik")')
    await world.publish(debtor, a_sale(debtor.debtor_id))
    await world.ekts(debtor.debtor_id, 1)
    await world.publish(a_request(debtor.debtor_id, note="+31 6 belde"))
    await world.ekts(debtor.debtor_id, 2)
    params = {"debtor_id": debtor.debtor_id, "language": "nl"}
    answer = await world.http.get("/v1/ekts.csv", params=params, headers=world.headers())
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert [row["trigger"] for row in rows] == ["resend", "first"]
    assert rows[0]["debtor_name"] == "'" + debtor.name
    assert rows[0]["note"] == "'+31 6 belde"
    assert rows[0]["recipient"] == address_of(debtor)
    assert "250" in rows[0]["message"]
    book = await world.http.get("/v1/ekts.xlsx", params=params, headers=world.headers())
    sheet = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(book.content)).get_sheet_by_index(0)
    heading, *body = sheet.to_python()
    assert [row[heading.index("trigger")] for row in body] == ["resend", "first"]
    assert "attachment" in book.headers["content-disposition"]
    assert (await world.http.get("/v1/ekts.csv")).status_code == 401


async def test_EF_29_EF_41_EF_45_what_changed_from_file_to_file_is_told_line_by_line(world: World) -> None:
    debtor = a_debtor()
    lines = [a_sale_line(f"L{number}", units=10, pieces_per_unit=80) for number in (1, 2, 3)]
    await world.publish(debtor, a_sale(debtor.debtor_id, *lines))
    await world.ekts(debtor.debtor_id, 1)
    corrected = (
        lines[0],
        lines[2].model_copy(update={"pieces_per_unit": 60, "price": Money(amount="0.6")}),
        a_sale_line("L4", units=1),
    )
    await world.publish(a_sale(debtor.debtor_id, *corrected, revision=2), a_request(debtor.debtor_id, 2))
    first, second = await world.ekts(debtor.debtor_id, 2)
    told = await world.get(f"/v1/ekts/{second['id']}/difference")
    assert told["previous_id"] == first["id"]
    assert [
        (change["kind"], change["line"], change["field"], change["before"], change["after"])
        for change in told["changes"]
    ] == [
        ("changed", 2, "quantity", "10 x 80", "10 x 60"),
        ("changed", 2, "price", "0.560", "0.600"),
        ("added", 3, "", "", "1 x 10, 0.560"),
        ("removed", 2, "", "10 x 80, 0.560", ""),
    ]
    assert (told["lines_before"], told["lines_after"], told["total"]) == (3, 3, 4)
    shorter = await world.get(f"/v1/ekts/{second['id']}/difference", limit=1)
    assert (len(shorter["changes"]), shorter["total"]) == (1, 4)
    assert (await world.get(f"/v1/ekts/{first['id']}/difference"))["previous_id"] is None
    day = await world.day(debtor.debtor_id)
    assert day["differences"] == {second["id"]: told}
    nothing = await world.http.get(
        f"/v1/ekts/{'0' * 8}-0000-7000-8000-{'0' * 12}/difference", headers=world.headers()
    )
    assert nothing.status_code == 404


async def test_EF_47_a_kept_file_is_explained_segment_by_segment(world: World) -> None:
    debtor = a_debtor(name="Uitleg")
    await world.publish(debtor, a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1)
    told = await world.get(f"/v1/ekts/{ekt['id']}/explain", limit=5)
    assert (told["acceptable"], told["message_type"], told["next"]) == (True, "CLOCKT", 6)
    assert [segment["name"] for segment in told["segments"]] == ["UNB", "UNH", "BGM", "DTM+97", "NAD+BY"]
    rest = await world.get(f"/v1/ekts/{ekt['id']}/explain", **{"from": 6, "limit": 1000})
    assert rest["next"] is None
    assert len(rest["segments"]) == told["total"] - 5
    absent = await world.http.get(f"/v1/ekts/{ekt['id']}/explain?number=2", headers=world.headers())
    assert absent.status_code == 404
    # The same bytes handed in are told in the same way; nothing of them is kept.
    data = await world.file(ekt)
    handed_in = await world.http.post("/v1/explain?limit=5", content=data, headers=world.headers())
    assert handed_in.json() == told
    broken = data.replace(b"QTY+66:8", b"QTY+66:0")
    answer = await world.http.post("/v1/explain?only_findings=true", content=broken, headers=world.headers())
    (segment,) = answer.json()["segments"]
    assert (segment["name"], segment["findings"][0]["code"], segment["findings"][0]["found"]) == (
        "QTY+66",
        "units",
        "0",
    )


async def test_EF_48_EF_49_mails_that_keep_failing_bring_advice_and_a_good_one_ends_it(world: World) -> None:
    debtor = a_debtor()
    await world.sink.behave(reject_recipients=[address_of(debtor)])
    await world.publish(debtor, a_sale(debtor.debtor_id))
    await world.ekts(debtor.debtor_id, 1, "failed")
    assert (await world.day(debtor.debtor_id))["hints"] == []
    await world.publish(a_request(debtor.debtor_id))
    await world.ekts(debtor.debtor_id, 2, "failed")
    day = await world.day(debtor.debtor_id)
    assert [(hint["code"], hint["sign"], hint["count"], hint["link"]) for hint in day["hints"]] == [
        ("EF-48", "failed", 2, f"/debtors/{debtor.debtor_id}"),
        ("EF-49", "failed", 2, ""),
    ]
    assert address_of(debtor) in day["hints"][0]["text"]
    assert "spam or junk" in day["hints"][1]["text"]
    # The card says the same, and also of another day.
    assert await world.get(f"/v1/debtors/{debtor.debtor_id}/hints") == day["hints"]
    assert (await world.day(debtor.debtor_id, OLD))["hints"] == day["hints"]
    await world.sink.behave()
    better = a_debtor(debtor.debtor_id, 2, emails=(EmailAddress(address=f"new-{address_of(debtor)}"),))
    await world.publish(better)
    await world.consumed()
    await world.publish(a_request(debtor.debtor_id))
    await world.ekts(debtor.debtor_id, 3)
    assert (await world.day(debtor.debtor_id))["hints"] == []


async def test_EF_48_EF_49_what_the_customer_says_counts_also_where_the_server_took_the_mail(
    world: World,
) -> None:
    debtor = a_debtor()
    await world.publish(debtor, a_sale(debtor.debtor_id))
    await world.ekts(debtor.debtor_id, 1)
    await world.publish(a_request(debtor.debtor_id, reason="not_received"))
    await world.ekts(debtor.debtor_id, 2)
    assert (await world.day(debtor.debtor_id))["hints"] == []
    await world.publish(a_request(debtor.debtor_id, reason="lost"))
    log = await world.ekts(debtor.debtor_id, 3)
    told = (await world.day(debtor.debtor_id))["hints"]
    assert [(hint["code"], hint["sign"], hint["count"]) for hint in told] == [
        ("EF-48", "missing", 2),
        ("EF-49", "missing", 2),
    ]
    path = f"/v1/ekts/{log[-1]['id']}/confirm"
    said = await world.http.post(path, json={"note": "was in junk"}, headers=world.headers("sales"))
    assert said.status_code == 200
    assert (await world.day(debtor.debtor_id))["hints"] == []


TODAY = datetime(2026, 1, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _past(
    state: str, age: int, *, confirmed: bool = False, next_reason: str | None = None, to: str = "a@b"
) -> Past:
    reason = ResendReason(next_reason) if next_reason else None
    made = TODAY + HOUR - age * HOUR
    return Past(DeliveryState(state), made, "email", to, confirmed, reason)


@pytest.mark.parametrize(
    ("past", "sign", "count"),
    [
        ([], None, 0),
        ([_past("failed", 0)], None, 0),
        ([_past("failed", 0), _past("failed", 24)], "failed", 2),
        ([_past("sending", 0), _past("failed", 1), _past("failed", 24)], "failed", 2),
        ([_past("sent", 0), _past("failed", 1), _past("failed", 24)], None, 0),
        ([_past("failed", 0), _past("sent", 24), _past("failed", 25)], None, 0),
        ([_past("failed", 0, to="new"), _past("failed", 24), _past("failed", 48)], None, 0),
        ([_past("sent", 0), _past("sent", 1, next_reason="lost"), _past("failed", 2)], "missing", 2),
        ([_past("sent", 0), _past("sent", 1, next_reason="extra_copy"), _past("failed", 2)], None, 0),
        # Whoever never confirms says nothing by not confirming.
        ([_past("sent", 24), _past("sent", 48), _past("sent", 72)], None, 0),
        ([_past("sent", 24), _past("sent", 48), _past("sent", 72, confirmed=True)], "unconfirmed", 2),
        ([_past("sent", 0), _past("sent", 24), _past("sent", 48, confirmed=True)], None, 0),
        ([_past("unknown", 0), _past("failed", 24), _past("failed", 48)], None, 0),
    ],
)
def test_EF_48_EF_49_when_there_is_reason_for_advice(past: list[Past], sign: str | None, count: int) -> None:
    found = hints("d1", past, TODAY)
    assert {hint.sign.value for hint in found} == ({sign} if sign else set())
    assert {hint.count for hint in found} == ({count} if count else set())
    assert [hint.code for hint in found] == (["EF-48", "EF-49"] if sign else [])


def test_a_folder_has_no_spam_folder() -> None:
    past = [Past(DeliveryState.FAILED, TODAY, "folder", "x", False, None)] * 3
    assert hints("d1", past, TODAY) == ()
