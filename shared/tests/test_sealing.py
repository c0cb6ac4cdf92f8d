"""Secrets at rest."""

from __future__ import annotations

import pytest
from klokwerk.sealing import Sealer, WrongSecretKey, derived, stamp, stamped_well

SECRET = "a secret that is long enough"


def test_what_was_sealed_opens_again_and_shows_nothing() -> None:
    sealer = Sealer(SECRET, "tests/sealed")
    sealed = sealer.seal_document({"token": "klokwerk-secret"}, "row-1")
    assert b"klokwerk-secret" not in sealed
    assert sealed != sealer.seal_document({"token": "klokwerk-secret"}, "row-1")
    assert sealer.open_document(sealed, "row-1") == {"token": "klokwerk-secret"}


@pytest.mark.parametrize(
    ("secret", "purpose", "row", "flip"),
    [
        ("another secret, long enough", "tests/sealed", "row-1", 0),
        (SECRET, "tests/other", "row-1", 0),
        (SECRET, "tests/sealed", "row-2", 0),
        (SECRET, "tests/sealed", "row-1", 1),
    ],
    ids=["another key", "another purpose", "moved to another row", "changed"],
)
def test_anything_else_says_which_variable_to_mend(secret: str, purpose: str, row: str, flip: int) -> None:
    sealed = Sealer(SECRET, "tests/sealed").seal(b"plain", "row-1")
    changed = sealed[:-1] + bytes([sealed[-1] ^ flip])
    with pytest.raises(WrongSecretKey, match="KLOKWERK_SECRET_KEY"):
        Sealer(secret, purpose).open(changed, row)


def test_a_short_secret_is_refused_by_its_name() -> None:
    with pytest.raises(ValueError, match="KLOKWERK_SECRET_KEY"):
        Sealer("short", "tests/sealed")


def test_a_signature_is_ours_or_not_whatever_it_holds() -> None:
    key = derived(SECRET, "tests/signed")
    assert stamped_well(key, "text", stamp(key, "text"))
    assert not stamped_well(key, "text", stamp(derived(SECRET, "tests/other"), "text"))
    assert not stamped_well(key, "text", "é")
