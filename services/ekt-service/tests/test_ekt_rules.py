"""The pure rules: requirements, file names, templates, numbers."""

from datetime import datetime
from typing import Any

import pytest
from ekt_service.domain.debtor import debtor_of
from ekt_service.domain.ekt import SaleKey
from ekt_service.domain.file_name import DEFAULT_PATTERN, PatternError, file_name
from ekt_service.domain.line_numbers import wished
from ekt_service.domain.mail import address_problem
from ekt_service.domain.module import EktModule
from ekt_service.domain.requirements import Abilities, requirements, shown
from ekt_world import DAY, MODULE, a_debtor, a_sale, a_sale_line
from hypothesis import given, settings
from hypothesis import strategies as st

KEY = SaleKey("main", "D1", DAY)
ALL = Abilities(email=True, folder=True)


def _missing(
    debtor: dict[str, Any] | None = None,
    module: dict[str, Any] | None = None,
    abilities: Abilities = ALL,
    sale: Any = ...,
) -> list[tuple[str, str]]:
    card = debtor_of(a_debtor("D1", **(debtor or {})))
    held = a_sale("D1") if sale is ... else sale
    found = requirements(KEY, card, held, EktModule(**(MODULE | (module or {}))), abilities)
    assert all(item.text and item.link for item in found.missing)
    return [(item.code.value, item.field) for item in found.missing]


def test_nothing_is_missing_when_all_is_set_up() -> None:
    assert _missing() == []
    assert _missing({"ekt": {"method": "folder", "folder": "x"}, "emails": ()}) == []


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ({"debtor": {"ekt": {"use_ekts": False}}}, ("EF-63", "ekt.use_ekts")),
        ({"debtor": {"emails": ()}}, ("EF-64", "emails")),
        ({"debtor": {"state": "anonymised"}}, ("EF-64", "state")),
        ({"module": {"active": False}}, ("EF-66", "active")),
        ({"abilities": Abilities(email=False, folder=True)}, ("EF-67", "KLOKWERK_SMTP")),
        (
            {
                "debtor": {"ekt": {"method": "folder", "folder": "x"}},
                "abilities": Abilities(email=True, folder=False),
            },
            ("EF-67", "KLOKWERK_EKT_FOLDER"),
        ),
        ({"module": {"mail_from": ""}}, ("EF-67", "mail_from")),
        ({"module": {"templates": {}}}, ("EF-68", "templates.nl")),
        ({"sale": None}, ("EF-69", "distribution")),
        ({"module": {"sender_code": ""}}, ("EF-71", "sender_code")),
        ({"module": {"auction_code": ""}}, ("EF-71", "auction_code")),
        ({"debtor": {"debtor_number": ""}}, ("EF-71", "debtor_number")),
    ],
)
def test_each_thing_that_is_missing_is_named_alone(given_: dict[str, Any], expected: tuple[str, str]) -> None:
    assert _missing(**given_) == [expected]


def test_everything_that_is_missing_is_named_at_once() -> None:
    found = _missing(
        {"ekt": {"use_ekts": False}, "emails": (), "debtor_number": ""},
        {"active": False, "sender_code": "", "auction_code": "", "mail_from": "", "templates": {}},
        Abilities(email=False, folder=False),
        None,
    )
    assert [code for code, _ in found] == [
        "EF-66",
        "EF-71",
        "EF-63",
        "EF-64",
        "EF-67",
        "EF-67",
        "EF-68",
        "EF-71",
        "EF-71",
        "EF-69",
    ]


def test_only_the_debtor_number_is_waited_for() -> None:
    card = debtor_of(a_debtor("D1", debtor_number=""))
    found = requirements(KEY, card, a_sale("D1"), EktModule(**MODULE), ALL)
    assert found.only_awaited
    own_code = debtor_of(a_debtor("D1", debtor_number="", ekt={"buyer_code": "JANSEN"}))
    assert requirements(KEY, own_code, a_sale("D1"), EktModule(**MODULE), ALL).met


@pytest.mark.parametrize(("use", "active"), [(True, True), (True, False), (False, True), (False, False)])
def test_the_button_is_there_if_and_only_if_flag_and_module_are_on(use: bool, active: bool) -> None:
    card = debtor_of(a_debtor("D1", ekt={"use_ekts": use}))
    assert shown(card, EktModule(**MODULE | {"active": active})) is (use and active)
    assert shown(None, EktModule(active=active)) is False


def test_an_unheard_of_optional_segment_is_a_warning() -> None:
    card = debtor_of(a_debtor("D1", ekt={"optional_segments": ("RFF+ON", "RFF+XX")}))
    found = requirements(KEY, card, a_sale("D1"), EktModule(**MODULE), ALL)
    assert found.met
    assert "RFF+XX" in found.warnings[0].text


MADE = datetime(2026, 1, 30, 7, 5)  # noqa: DTZ001 - wall clock


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        (DEFAULT_PATTERN, "EKT260130-77.edi"),
        ("", "EKT260130-77.edi"),
        ("om{yymmdd}.{hhmm}", "om260130.0705"),
        ("{ccyymmdd}_{debtor}_{line}.txt", "20260130_K-1-7_3.txt"),
    ],
)
def test_file_names_follow_their_pattern(pattern: str, name: str) -> None:
    assert file_name(pattern, DAY, MADE, "77", "K/1+7", 3) == name


@settings(deadline=None)
@given(st.text(max_size=40))
def test_no_pattern_gives_a_name_that_leaves_its_folder(pattern: str) -> None:
    try:
        name = file_name(pattern, DAY, MADE, "77", "../../etc", 1)
    except PatternError:
        return
    assert "/" not in name
    assert "\\" not in name
    assert not name.startswith(".")


@pytest.mark.parametrize(
    ("address", "usable"),
    [("a@b.example", True), ("a.b+c@d-e.example", True), ("a@b..example", False), ("ä@b.example", False)],
)
def test_addresses_are_judged_as_smtp_will(address: str, usable: bool) -> None:
    assert (address_problem(address) == "") is usable


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({}, None),
        ({"logistic_number": "00000"}, None),
        ({"logistic_number": "00042"}, (42, "04199030000420000008")),
        ({"logistic_number": "42", "barcode": "OWN-1"}, (42, "OWN-1")),
        ({"logistic_number": "42", "barcode": "04199030000990000008"}, (42, "04199030000420000008")),
    ],
)
def test_a_lines_own_numbers_are_taken_where_they_fit(
    line: dict[str, Any], expected: tuple[int, str] | None
) -> None:
    assert wished(a_sale_line(**line), DAY, "41") == expected
