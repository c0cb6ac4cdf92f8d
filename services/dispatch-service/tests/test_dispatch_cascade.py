"""The whole channel chain: every selection against every kind of customer (D-08, NV-22..NV-32)."""

from __future__ import annotations

from itertools import product

import pytest
from dispatch_service.domain.cascade import (
    CHAIN,
    Capabilities,
    Channel,
    Reason,
    Verdict,
    choose_channel,
    effects_of_selection,
)

# Rows: channels selected in the settings. Columns: channels possible for the customer.
# e = sent by e-invoice, m = by e-mail, p = by print; E, M, P = ignored because that channel is not selected;
# x = no channel is possible.
CUSTOMERS = ("", "p", "m", "mp", "e", "ep", "em", "emp")
TABLE = {
    "":    "E E E E E E E E",
    "p":   "E E E E E E E E",
    "m":   "E E E E E E E E",
    "mp":  "E E E E E E E E",
    "e":   "M M M M e e e e",
    "ep":  "M M M M e e e e",
    "em":  "P P m m e e e e",
    "emp": "x p m m e e e e",
}  # fmt: skip
LETTERS = {"e": Channel.E_INVOICE, "m": Channel.EMAIL, "p": Channel.PRINT}
CASES = [
    (selected, possible, expected)
    for selected, row in TABLE.items()
    for possible, expected in zip(CUSTOMERS, row.split(), strict=True)
]


def customer(possible: str) -> Capabilities:
    names = {LETTERS[letter] for letter in possible}
    return Capabilities({channel: None if channel in names else f"no {channel}" for channel in CHAIN})


def selection(letters: str) -> frozenset[Channel]:
    return frozenset(LETTERS[letter] for letter in letters)


def test_the_table_holds_all_64_cases():
    every = {"".join(c) for c in product(("", "e"), ("", "m"), ("", "p"))}
    assert {(s, p) for s, p, _ in CASES} == set(product(every, every))


@pytest.mark.parametrize(("selected", "possible", "expected"), CASES)
def test_chain(selected, possible, expected):
    decision = choose_channel(selection(selected), customer(possible))
    if expected == "x":
        assert (decision.verdict, decision.channel) == (Verdict.IMPOSSIBLE, None)
        assert decision.reason is Reason.NO_CHANNEL_POSSIBLE
        assert "no einvoice; e-mail: no email; print service: no print" in decision.explanation
    elif expected.isupper():
        assert (decision.verdict, decision.channel) == (Verdict.IGNORED, LETTERS[expected.lower()])
        assert decision.reason is Reason.CHANNEL_NOT_SELECTED
        assert "not selected" in decision.explanation
    else:
        assert (decision.verdict, decision.channel) == (Verdict.SEND, LETTERS[expected])


@pytest.mark.parametrize("possible", CUSTOMERS)
def test_structured_only_never_falls_back(possible):
    decision = choose_channel(selection("emp"), customer(possible), structured_only=True)
    if "e" in possible:
        assert decision.channel is Channel.E_INVOICE
    else:
        assert decision.reason is Reason.STRUCTURED_INVOICE_REQUIRED
        assert "structured" in decision.explanation


def test_structured_only_is_still_ignored_when_e_invoice_is_not_selected():
    assert choose_channel(selection("mp"), customer("emp"), structured_only=True).verdict is Verdict.IGNORED


@pytest.mark.parametrize(
    ("selected", "words"),
    [
        ("", "No channel is selected"),
        ("mp", "every invoice will be ignored"),
        ("ep", "although print is selected"),
        ("em", "neither e-invoice nor e-mail"),
    ],
)
def test_settings_page_says_what_leaving_a_channel_out_does(selected, words):
    assert words in " ".join(effects_of_selection(selection(selected)))


def test_settings_page_has_nothing_to_say_when_every_channel_is_active():
    assert effects_of_selection(selection("emp")) == []
