"""Who gets the newsletter, and what Mailchimp is told: pure rules."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import pytest
from debtor_service.domain.newsletter import (
    ARCHIVED_BY_US,
    Choice,
    Contact,
    Kind,
    Known,
    Operation,
    Policy,
    Refusal,
    changes,
    digest_of,
    hash_of,
    refusal_of,
    tagging,
)
from debtor_service.newsletter.archive import BadArchive, results

EMAIL = "info@roos.example"


def contact(choice: Choice = Choice.UNSET, *, customer: bool = True, name: str = "Roos") -> Contact:
    return Contact(EMAIL, name, "nl", choice, customer)


def known(status: str, **more: Any) -> dict[str, Known]:
    return {hash_of(EMAIL): Known(hash_of(EMAIL), EMAIL, status, **more)}


def told(contact_: Contact | None, there: dict[str, Known], policy: Policy = Policy.OPT_OUT) -> list[Kind]:
    return [operation.kind for operation in changes([contact_] if contact_ else [], there, policy)]


IN_STEP = {"told": digest_of("Roos", "nl")}


@pytest.mark.parametrize(
    ("choice", "customer", "there", "policy", "expected"),
    [
        (Choice.UNSET, True, {}, Policy.OPT_OUT, [Kind.PUT]),
        (Choice.UNSET, True, {}, Policy.OPT_IN, []),
        (Choice.YES, True, {}, Policy.OPT_IN, [Kind.PUT]),
        (Choice.NO, True, {}, Policy.OPT_OUT, []),
        (Choice.UNSET, True, known("subscribed", **IN_STEP), Policy.OPT_OUT, []),
        (Choice.UNSET, True, known("subscribed", told="other"), Policy.OPT_OUT, [Kind.PUT]),
        (Choice.NO, True, known("subscribed", **IN_STEP), Policy.OPT_OUT, [Kind.UNSUBSCRIBE]),
        (Choice.UNSET, True, known("subscribed", **IN_STEP), Policy.OPT_IN, [Kind.ARCHIVE]),
        (Choice.UNSET, True, known("unsubscribed"), Policy.OPT_OUT, []),
        (Choice.YES, True, known("unsubscribed"), Policy.OPT_OUT, [Kind.AGAIN]),
        (Choice.UNSET, True, known("archived", told=ARCHIVED_BY_US), Policy.OPT_OUT, [Kind.AGAIN]),
        (Choice.UNSET, True, known("archived"), Policy.OPT_OUT, []),
        (Choice.UNSET, True, known("cleaned"), Policy.OPT_OUT, []),
        (Choice.UNSET, True, known("gone", refused="compliance"), Policy.OPT_OUT, []),
        (Choice.NO, False, known("subscribed"), Policy.OPT_OUT, [Kind.ARCHIVE]),
        (Choice.UNSET, True, known("subscribed", forget=True), Policy.OPT_OUT, [Kind.FORGET]),
    ],
)
def test_FA_85_what_is_told_about_an_address(
    choice: Choice, customer: bool, there: dict[str, Known], policy: Policy, expected: list[Kind]
) -> None:
    assert told(contact(choice, customer=customer), there, policy) == expected


def test_an_address_that_no_card_has_any_more_is_taken_out() -> None:
    assert told(None, known("subscribed")) == [Kind.ARCHIVE]
    assert told(None, known("unsubscribed")) == []


def test_a_contact_is_added_with_a_status_for_new_ones_only_so_that_who_left_stays_out() -> None:
    (operation,) = changes([contact()], {}, Policy.OPT_OUT)
    assert operation.body is not None
    assert "status" not in operation.body
    assert operation.body["status_if_new"] == "subscribed"
    assert operation.path("l1") == f"/lists/l1/members/{hash_of('INFO@roos.example ')}"
    assert Operation.of_id(operation.id).digest == operation.digest


def test_tags_are_told_once_to_who_is_in() -> None:
    there = known("subscribed")
    (operation,) = tagging(there.values(), ["Klokwerk"])
    assert (operation.kind, operation.body) == (
        Kind.TAG,
        {"tags": [{"name": "Klokwerk", "status": "active"}]},
    )
    assert tagging(known("subscribed", tagged=operation.digest).values(), ["Klokwerk"]) == []
    assert tagging(known("unsubscribed").values(), ["Klokwerk"]) == []
    assert tagging(there.values(), []) == []


@pytest.mark.parametrize(
    ("title", "refusal"),
    [
        ("Member In Compliance State", Refusal.COMPLIANCE),
        ("Forgotten Email Not Subscribed", Refusal.FORGOTTEN),
        ("Invalid Resource", Refusal.INVALID),
        ("Something New", Refusal.OTHER),
    ],
)
def test_a_refusal_is_known_by_its_title_and_told_in_mailchimps_words(title: str, refusal: Refusal) -> None:
    errors = [{"field": "language", "message": "unknown"}]
    found, words = refusal_of(400, {"title": title, "detail": "because", "errors": errors})
    assert (found, words) == (refusal, "because language: unknown")


def archive(*entries: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as packed:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def test_results_are_read_from_every_file_of_the_archive_and_foreign_ones_left_out() -> None:
    def line(operation_id: str, response: Any) -> dict[str, Any]:
        return {"status_code": 200, "operation_id": operation_id, "response": response}

    first = json.dumps(
        [line("put:abc:a@x.example", '{"status": "subscribed"}'), line("their own", "{}")]
    ).encode()
    second = json.dumps([line("tag:def:b:c@x.example", ""), {"nonsense": 1}]).encode()
    found = list(results(archive(("b/1.json", first), ("b/2.json", second))))
    assert [(o.kind, o.email, a.body) for o, a in found] == [
        (Kind.PUT, "a@x.example", {"status": "subscribed"}),
        (Kind.TAG, "b:c@x.example", {}),
    ]


@pytest.mark.parametrize("content", [b"", b"no archive", archive(("x.json", b"{not json"))])
def test_an_archive_that_can_not_be_read_is_said_so(content: bytes) -> None:
    with pytest.raises(BadArchive):
        list(results(content))


def test_an_archive_that_unpacks_to_more_than_a_batch_can_have_is_refused(monkeypatch) -> None:
    monkeypatch.setattr("debtor_service.newsletter.archive.MOST_FILE_BYTES", 1000)
    with pytest.raises(BadArchive, match="unpacks to more"):
        list(results(archive(("bomb.json", b" " * 5000))))
