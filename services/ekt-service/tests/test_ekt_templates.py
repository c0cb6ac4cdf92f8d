"""Mail templates: what may stand in one, what is said of one that can't be filled, and how a mail will look."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ekt_service.domain.default_templates import DEFAULT_TEMPLATES
from ekt_service.domain.files import file_name_pattern
from ekt_service.domain.mail import SAMPLE, SAMPLE_LINK, filled, template_faults
from ekt_service.domain.module import EktModule
from ekt_service.domain.templates import MailTemplate
from ekt_world import MODULE, World, a_debtor, a_request, a_sale, address_of
from golden_shapes import Shape, line
from hypothesis import given, settings
from hypothesis import strategies as st

# text, code, line, wrong word, what was probably meant
BROKEN = [
    ("Hello {{ order_dya }}", "unknown_field", 1, "order_dya", "order_day"),
    ("Hello\n\nsee {{ nobody_knows }}", "unknown_field", 3, "nobody_knows", ""),
    ("a\n{{ debtor_name", "syntax", 2, "unexpected end of template, expected 'end of print statement'.", ""),
    (
        "{% if resend %}again",
        "syntax",
        1,
        "Unexpected end of template. Expected one of 'elif' or 'else' or 'endif'. The innermost block that needs "
        "to be closed is 'if'.",
        "",
    ),
    ("{% for x in 'abc' %}{{ x }}{% endfor %}", "not_allowed", 1, "{% for %}", ""),
    ("x\n{% set a = 1 %}", "not_allowed", 2, "{% set %}", ""),
    ("{% include 'x' %}", "not_allowed", 1, "{% include %}", ""),
    ("{{ 'x' * 1000000000 }}", "not_allowed", 1, "mul in braces", ""),
    ("{{ 9 ** 9 ** 9 ** 9 }}", "not_allowed", 1, "pow in braces", ""),  # worked out, it would never end
    ("{{ ''.__class__.__mro__ }}", "not_allowed", 1, "a point after a name", ""),
    ("{{ debtor_name[0] }}", "not_allowed", 1, "[ ] after a name", ""),
    ("{{ range(9) }}", "not_allowed", 1, "a call with ( )", ""),
    ("{{ debtor_name|uper }}", "unknown_filter", 1, "uper", "upper"),
    ("{{ debtor_name|replace('a', 'b') }}", "unknown_filter", 1, "replace", ""),
    (
        "{% if lines < 'a' %}x{% endif %}y",
        "can_not_fill",
        1,
        "'<' not supported between instances of 'int' and 'str'",
        "",
    ),
    ("{% if resend %}only again{% endif %}", "empty", 1, "", ""),
    ("   \n", "empty", 1, "", ""),
    ("{{ " + "(" * 4000 + "1" + ")" * 4000 + " }}", "syntax", 1, "(", ""),
]


@pytest.mark.parametrize(("text", "code", "line_number", "word", "instead"), BROKEN, ids=range(len(BROKEN)))
def test_EF_68_a_broken_template_is_named_with_line_word_and_cure(
    text: str, code: str, line_number: int, word: str, instead: str
) -> None:
    faults = template_faults(MailTemplate(subject="EKT", text=text))
    assert faults
    first = next(fault for fault in faults if fault.code == code)
    assert (first.part, first.line, first.word, first.instead) == ("text", line_number, word, instead)
    assert first.says
    assert first.cure


def test_everything_that_is_wrong_is_told_at_once() -> None:
    template = MailTemplate(subject="{{ one }}", text="{{ two }}\n{{ three }}", file_name="{{four}}")
    assert [(fault.part, fault.word) for fault in template_faults(template)] == [
        ("subject", "one"),
        ("text", "two"),
        ("text", "three"),
        ("file_name", "{{four}}"),
    ]


@pytest.mark.parametrize("language", DEFAULT_TEMPLATES)
@pytest.mark.parametrize("again", [True, False])
def test_the_supplied_mails_can_be_filled_in_every_language(language: str, again: bool) -> None:
    assert template_faults(DEFAULT_TEMPLATES[language]) == []
    fields = SAMPLE.__class__("Jansen", SAMPLE.order_day, 1, again, "Voorbeeld", "EKT.edi", language=language)
    mail = filled(DEFAULT_TEMPLATES[language], fields)
    assert "Jansen" in mail.text
    assert "Voorbeeld" in mail.subject
    assert "{" not in mail.text
    assert len(mail.text.splitlines()) == (7 if again else 6)


@pytest.mark.parametrize("language", DEFAULT_TEMPLATES)
def test_EF_47_the_supplied_mails_have_a_place_for_the_confirmation_link(language: str) -> None:
    assert template_faults(DEFAULT_TEMPLATES[language], with_link=True) == []
    linked = replace(SAMPLE, language=language, sender_name="Voorbeeld", confirm_url=SAMPLE_LINK)
    lines = filled(DEFAULT_TEMPLATES[language], linked).text.splitlines()
    assert lines.count(SAMPLE_LINK) == 1
    assert len(lines) == 9


@pytest.mark.parametrize("text", ["x", "{% if resend %}{{ confirm_url }}{% endif %}x", "confirm_url"])
def test_EF_47_a_text_that_does_not_always_show_the_link_is_told_so(text: str) -> None:
    (fault,) = template_faults(MailTemplate(subject="EKT", text=text), with_link=True)
    assert (fault.part, fault.code, fault.word) == ("text", "no_link", "{{ confirm_url }}")
    assert template_faults(MailTemplate(subject="EKT", text=text)) == []


def test_what_may_be_used_can_be_used() -> None:
    text = "{{ debtor_name|upper }} {{ lines ~ ' x' }} {% if not resend and lines > 1 %}many{% else %}one{% endif %}"
    assert template_faults(MailTemplate(subject="{{ file_names|default('-') }}", text=text)) == []


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="{}%|. ()[]'\"=~+-*if else endif lines order_day\n", max_size=60))
def test_no_text_breaks_the_check_and_what_passes_can_be_filled(text: str) -> None:
    template = MailTemplate(subject="x", text=text)
    if not template_faults(template):
        assert filled(template, SAMPLE).text.strip()


def test_a_name_with_line_breaks_does_not_leave_the_subject() -> None:
    fields = SAMPLE.__class__("A\r\nBcc: x@y.example", SAMPLE.order_day, 1, False, "S", "f")
    template = MailTemplate(subject="EKT {{ debtor_name }}", text="x")
    assert filled(template, fields).subject == "EKT A Bcc: x@y.example"


def test_the_file_is_named_by_the_debtor_else_by_the_mail_else_by_the_module() -> None:
    templates = {
        "nl": {"subject": "s", "text": "t", "file_name": "nl{yymmdd}.edi"},
        "en": {"subject": "s", "text": "t"},
    }
    module = EktModule(**MODULE, templates=templates, file_name_pattern="all{yymmdd}.edi")
    assert file_name_pattern(Shape((line(),), {"file_name_pattern": "own.edi"}).debtor, module) == "own.edi"
    assert file_name_pattern(Shape((line(),)).debtor, module) == "nl{yymmdd}.edi"
    folder = Shape((line(),), {"method": "folder", "folder": "x"}).debtor
    assert file_name_pattern(folder, module) == "all{yymmdd}.edi"


async def test_EF_68_mails_are_shown_with_a_sample_or_the_last_sale_before_they_are_kept(
    world: World,
) -> None:
    debtor = a_debtor(language="nl", name="Bloemist Voorbeeldig")
    await world.publish(debtor, a_sale(debtor.debtor_id))
    await world.ekts(debtor.debtor_id, 1)
    await world.publish(a_request(debtor.debtor_id))
    await world.ekts(debtor.debtor_id, 2)
    templates = {
        "nl": {"subject": "EKT {{ debtor_name }}", "text": "{{ lines }} {% if resend %}weer{% endif %}"},
        "sv": {"subject": "{{ nix }}", "text": "Hej", "file_name": "SE{yymmdd}-{debtor}.edi"},
    }
    kept = await world.get("/v1/settings")
    body = {"settings": MODULE | {"templates": templates}}

    async def preview(sale: str) -> dict:
        answer = await world.http.post(
            "/v1/settings/preview", json=body | {"sale": sale}, headers=world.headers()
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    sample = await preview("sample")
    assert sample["ekt_id"] is None
    dutch, swedish = sample["mails"]
    assert (dutch["subject"], dutch["text"], dutch["faults"]) == ("EKT Bloemen & Co", "12 ", [])
    assert dutch["sender"] == "Voorbeeld Bloemen <ekt@voorbeeld.example>"
    assert swedish["file_name"] == "SE260130-10001.edi"
    assert (swedish["subject"], swedish["text"]) == ("", "")
    (fault,) = swedish["faults"]
    assert (fault["field"], fault["code"], fault["word"]) == ("templates.sv.subject", "unknown_field", "nix")
    last = await preview("last")
    log = (await world.day(debtor.debtor_id))["ekts"]
    assert last["ekt_id"] == log[-1]["id"]
    assert last["mails"][0]["subject"] == "EKT Bloemist Voorbeeldig"
    assert last["mails"][0]["text"] == "1 weer"
    assert await world.get("/v1/settings") == kept
    assert len(await world.sink.to(address_of(debtor))) == 2
