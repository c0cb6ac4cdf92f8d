"""Pure rules: waiting after wrong passwords, badges, who is offered what, safe addresses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from back_office.domain import badges, throttle
from back_office.domain.automatic_dispatch import remarks
from back_office.domain.badges import Tone
from back_office.domain.ekt import resend_button_visible, warn_before_resend
from back_office.domain.roles import Action, may
from back_office.domain.throttle import ADDRESS, USER, Failures
from back_office.texts.catalogue import Translator
from back_office.web.components.addresses import local, with_query
from back_office.web.components.form import field_name
from back_office.web.own_links import own_page

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "limit", "seconds"),
    [
        (4, USER, None),
        (5, USER, 5),
        (6, USER, 10),
        (8, USER, 40),
        (50, USER, 900),
        (19, ADDRESS, None),
        (20, ADDRESS, 5),
    ],
)
def test_waiting_doubles_with_each_wrong_password_up_to_a_quarter_of_an_hour(count, limit, seconds):
    until = throttle.blocked_until(Failures(count, NOW), limit)
    assert until == (None if seconds is None else NOW + timedelta(seconds=seconds))


def test_an_old_series_of_wrong_passwords_is_forgotten():
    old = Failures(12, NOW - timedelta(minutes=31))
    assert throttle.after_failure(old, NOW) == Failures(1, NOW)
    assert throttle.after_failure(Failures(12, NOW), NOW).count == 13


@pytest.mark.parametrize(
    ("state", "intent", "key", "tone"),
    [
        ("ignored", "automatic", "dispatch.automatic_ignored", Tone.WARN),
        ("failed", "automatic", "dispatch.automatic_failed", Tone.BAD),
        ("failed", "", "dispatch.automatic_failed", Tone.BAD),
        ("failed", "manual", "delivery.failed", Tone.BAD),
        ("sent", "automatic", "dispatch.automatic_sent", Tone.GOOD),
        ("sent", "manual", "dispatch.state_sent", Tone.GOOD),
        ("by_hand", "", "dispatch.state_by_hand", Tone.WARN),
        (None, "", "dispatch.none", Tone.CALM),
        ("new state of a later version", "", "delivery.other", Tone.CALM),
    ],
)
def test_the_automation_has_words_of_its_own_for_ignored_and_failed(state, intent, key, tone):
    badge = badges.dispatch(state, intent=intent, explanation="because")
    assert (badge.key, badge.tone) == (key, tone)
    assert Translator("nl").has(key)


@pytest.mark.parametrize("state", [*badges.DELIVERY, "", "unheard of"])
def test_every_delivery_state_has_words_in_both_languages(state):
    key = badges.delivery(state).key
    assert Translator("nl").has(key)
    assert Translator("en").has(key)


@pytest.mark.parametrize(
    ("use_ekts", "active", "visible"),
    [(True, True, True), (True, False, False), (False, True, False), (False, False, False)],
)
def test_the_resend_button_is_there_if_and_only_if_ekts_are_on_and_the_module_is_active(
    use_ekts, active, visible
):
    assert resend_button_visible(use_ekts=use_ekts, module_active=active) is visible


def test_a_warning_comes_with_the_third_resend():
    assert [warn_before_resend(count) for count in range(4)] == [False, False, True, True]


def test_controls_are_offered_by_role():
    assert may(["sales"], Action.EDIT_DEBTOR)
    assert may(["finance"], Action.SYNCHRONISE)
    assert not may(["sales"], Action.SYNCHRONISE)
    assert not any(may(["read-only"], action) for action in Action)


@pytest.mark.parametrize(
    ("sources", "channels", "contact", "found"),
    [
        (("manual",), ("einvoice", "email", "print"), True, ()),
        ((), ("einvoice", "email", "print"), True, ("no_source",)),
        (("manual",), (), True, ("no_channel",)),
        (("manual",), ("email", "print"), True, ("without_einvoice",)),
        (("manual",), ("print",), True, ("without_einvoice",)),
        (("manual",), ("einvoice", "print"), True, ("without_email",)),
        (("manual",), ("einvoice",), True, ("without_email",)),
        (("manual",), ("einvoice", "email"), True, ("without_print",)),
        ((), (), False, ("no_source", "no_channel", "no_contact")),
    ],
)
def test_a_choice_of_automatic_dispatch_is_remarked_on_in_every_language(sources, channels, contact, found):
    assert remarks(sources, channels, has_contact=contact) == found
    for key in found:
        assert Translator("nl").has(f"settings.automatic.remark_{key}")


def test_addresses_keep_their_filters_and_lose_the_ones_taken_off():
    assert with_query("/debtors", {"q": "a b", "kind": "debtor"}, kind=None) == "/debtors?q=a+b"
    assert with_query("/debtors", {"q": ""}) == "/debtors"


@pytest.mark.parametrize("bad", ["http://x", "//x", "/\\x", "x", "", "/a\nb"])
def test_only_pages_of_this_site_are_gone_to(bad):
    assert local(bad) == "/"
    assert local("/debtors?q=1") == "/debtors?q=1"


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("addresses[0].city", "addresses.0.city"),
        ("/addresses/0/city", "addresses.0.city"),
        ("body.name", "name"),
    ],
)
def test_fields_are_found_however_a_service_writes_their_path(raw, name):
    assert field_name(raw) == name


@pytest.mark.parametrize(
    ("link", "page"),
    [
        ("/debtors/d1/configuration", "/debtors/d1/configuration"),
        ("/v1/invoices/i1", "/invoices/i1"),
        ("/sales/2026-11-02/d1", "/sales/2026-11-02/d1"),
        ("/settings/ekt", "/settings/ekt"),
        ("/settings/unknown", ""),
        ("https://evil.test/", ""),
        ("javascript:alert(1)", ""),
    ],
)
def test_links_of_services_are_shown_where_they_are_pages_here(link, page):
    assert own_page(link) == page
