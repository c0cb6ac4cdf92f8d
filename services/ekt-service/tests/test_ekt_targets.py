"""Where customers' servers may be, and what receivers' answers mean."""

from datetime import timedelta

import pytest
from ekt_service.channels.http import Answered, judged, retry_after
from ekt_service.channels.signature import signature
from ekt_service.channels.targets import TargetRefusedError, Targets, TargetUnknownError
from ekt_service.channels.trouble import plain
from klokwerk.deliveries import Verdict


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "10.0.0.7",
        "192.168.1.1",
        "169.254.169.254",
        "[::1]".strip("[]"),
        "0.0.0.0",
        "::ffff:127.0.0.1",
        "fe80::1",
        "224.0.0.1",
    ],
)
async def test_doors_inside_the_house_are_not_knocked_at(host: str) -> None:
    with pytest.raises(TargetRefusedError, match="KLOKWERK_EKT_INTERNAL_TARGETS"):
        await Targets().resolve(host, 22)


@pytest.mark.parametrize("host", ["169.254.169.254", "0.0.0.0", "fe80::1"])
async def test_addresses_of_no_server_stay_closed_also_where_internal_ones_are_allowed(host: str) -> None:
    with pytest.raises(TargetRefusedError):
        await Targets(internal=True).resolve(host, 22)


async def test_public_addresses_and_allowed_internal_ones_are_connected_to() -> None:
    assert await Targets().resolve("9.9.9.9", 22) == "9.9.9.9"
    assert await Targets(internal=True).resolve("10.0.0.7", 22) == "10.0.0.7"
    with pytest.raises(TargetUnknownError):
        await Targets().resolve("no-such-host.invalid", 22)


def test_plain_http_goes_to_this_machine_only_and_only_where_that_is_allowed() -> None:
    Targets(internal=True).check_plain("127.0.0.1")
    for targets, address in ((Targets(), "127.0.0.1"), (Targets(internal=True), "10.0.0.7")):
        with pytest.raises(TargetRefusedError, match="https only"):
            targets.check_plain(address)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.SENT),
        (208, Verdict.SENT),
        (302, Verdict.REFUSED),
        (401, Verdict.REFUSED),
        (404, Verdict.REFUSED),
        (409, Verdict.SENT),
        (429, Verdict.TEMPORARY),
        (500, Verdict.TEMPORARY),
        (502, Verdict.UNKNOWN),
        (503, Verdict.TEMPORARY),
        (504, Verdict.UNKNOWN),
        (599, Verdict.TEMPORARY),
    ],
)
def test_every_status_has_a_meaning(status: int, verdict: Verdict) -> None:
    outcome = judged(Answered(status, {"retry-after": "7"}, "words"))
    assert outcome.verdict is verdict
    assert str(status) in outcome.message
    assert "words" in outcome.message


@pytest.mark.parametrize(
    ("value", "pause"),
    [
        ("7", timedelta(seconds=7)),
        ("-3", timedelta(0)),
        ("99999999999999999999", None),
        ("soon", None),
        ("", None),
    ],
)
def test_the_pause_a_receiver_asks_for_is_kept_within_an_hour(value: str, pause: timedelta | None) -> None:
    assert retry_after(value) == pause
    assert retry_after("86400") == timedelta(hours=1)
    assert retry_after("Wed, 21 Oct 2099 07:28:00 GMT") == timedelta(hours=1)
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == timedelta(0)


def test_the_signature_is_the_documented_one() -> None:
    """Computed once by hand with openssl over ``1700000000.key-1.UNB+UNOA``."""
    made = signature("0123456789abcdef", "key-1", b"UNB+UNOA", 1_700_000_000)
    assert made == "t=1700000000,v1=7a12ef54aa1d98b95030fdcc7a1e0ce84027ac7fb64271a11fd02bf316fe67a5"


def test_words_of_servers_hold_no_address_and_no_control_sign() -> None:
    told = plain("[Errno 111] Connect call failed ('10.1.2.3', 22)\x00\nbye")
    assert "10.1.2.3" not in told
    assert "\x00" not in told
    assert "\n" not in told
    assert plain("550 5.1.1 at 09:15:30 for jan") == "550 5.1.1 at 09:15:30 for jan"
