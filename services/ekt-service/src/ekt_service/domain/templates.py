"""Templates of the mails around EKTs: what may stand in one, and everything that is wrong with one (EF-68).

A template is filled in for every customer, unattended and at night. So it may hold fields, a few filters and
conditions, and nothing that could run long, grow large or look into the program: what is not named below is
refused when it is saved, with the line, the word that is wrong and what to write instead.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, ClassVar

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, StringConstraints

from ekt_service.domain.file_name import PatternError, check_pattern

FILTERS = ("capitalize", "default", "lower", "title", "trim", "upper")
PARTS = ("subject", "text", "file_name")
MOST_SUBJECT = 400
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.If, nodes.CondExpr,
    nodes.Compare, nodes.Operand, nodes.Not, nodes.And, nodes.Or, nodes.Filter, nodes.Test, nodes.Concat,
)  # fmt: skip
_CALLED = {
    nodes.For: "{% for %}",
    nodes.Macro: "{% macro %}",
    nodes.Assign: "{% set %}",
    nodes.AssignBlock: "{% set %}",
    nodes.Include: "{% include %}",
    nodes.Import: "{% import %}",
    nodes.FromImport: "{% import %}",
    nodes.Extends: "{% extends %}",
    nodes.Block: "{% block %}",
    nodes.Call: "a call with ( )",
    nodes.Getattr: "a point after a name",
    nodes.Getitem: "[ ] after a name",
}
_JINJA = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True
)


class MailTemplate(BaseModel):
    """Subject and text with fields in double braces, such as ``{{ order_day }}``, and a file name of its own.

    Attributes:
        file_name: pattern of the attached file's name in mails of this language; empty: the module's. A
            debtor's own pattern goes before both.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    subject: Annotated[str, StringConstraints(max_length=200)] = ""
    text: Annotated[str, StringConstraints(max_length=10_000)] = ""
    file_name: Annotated[str, StringConstraints(max_length=100)] = ""

    @property
    def complete(self) -> bool:
        """Whether there is a mail to send."""
        return bool(self.subject.strip() and self.text.strip())


@dataclass(frozen=True, slots=True)
class TemplateFault:
    """One thing that is wrong with a template.

    Args:
        part: ``subject``, ``text`` or ``file_name``.
        code: stable name: syntax, not_allowed, unknown_field, unknown_filter, can_not_fill, empty, too_long,
            file_name, no_link.
        line: in that part, 1 is the first.
        word: what is wrong there, such as the name of an unknown field.
        instead: what was probably meant; empty when nothing comes near.
        says: what is wrong, in English.
        cure: what to do, in English.
    """

    part: str
    code: str
    line: int
    word: str
    instead: str
    says: str
    cure: str


def faults_of(template: MailTemplate, examples: tuple[Mapping[str, object], ...]) -> list[TemplateFault]:
    """Everything that is wrong with a template.

    Args:
        examples: values of every field, as a template may meet them; each must give a subject and a text.
    """
    found: list[TemplateFault] = []
    for part in ("subject", "text"):
        source = template.subject if part == "subject" else template.text
        own = list(_structure(part, source, examples[0]))
        found += own or _filled(part, source, examples)
    if template.file_name:
        try:
            check_pattern(template.file_name)
        except PatternError as problem:
            found.append(TemplateFault("file_name", "file_name", 1, template.file_name, "", str(problem), ""))
    return found


@lru_cache(maxsize=256)
def compiled(source: str) -> Template:
    """A template that can be filled."""
    return _JINJA.from_string(source)


def _structure(part: str, source: str, known: Mapping[str, object]) -> Iterator[TemplateFault]:
    try:
        tree = _JINJA.parse(source)
    except TemplateSyntaxError as problem:
        yield _syntax(part, problem)
        return
    except RecursionError:
        cure = "Take brackets out; nothing has to be computed in a mail."
        yield TemplateFault(part, "syntax", 1, "(", "", "It can't be read: it is nested too deeply.", cure)
        return
    told: set[tuple[int, str]] = set()
    for node in tree.find_all(nodes.Node):
        fault = _of_node(part, node, known)
        if fault is not None and (fault.line, fault.word) not in told:
            told.add((fault.line, fault.word))
            yield fault
    if told:
        return
    # Only now: compiling works out what is constant, and what has been refused above may have no end.
    try:
        compiled(source)
    except TemplateSyntaxError as problem:
        yield _syntax(part, problem)


def _syntax(part: str, problem: TemplateSyntaxError) -> TemplateFault:
    text = str(problem.message).replace("Jinja was looking for the following tags:", "Expected one of")
    unknown = re.match(r"No (filter|test) named '([^']*)'", text)
    if unknown:
        return _unknown_filter(part, problem.lineno, unknown[2])
    cure = "Write a field as {{ order_day }}, and end each {% if ... %} with {% endif %}."
    return TemplateFault(part, "syntax", problem.lineno, text, "", f"It can't be read: {text}", cure)


def _of_node(part: str, node: nodes.Node, known: Mapping[str, object]) -> TemplateFault | None:
    line = node.lineno
    if isinstance(node, nodes.Name) and node.name not in known:
        near = difflib.get_close_matches(node.name, known, 1, 0.6)
        instead = near[0] if near else ""
        says = f"{{{{ {node.name} }}}} is no field."
        cure = f"Write {{{{ {instead} }}}}." if instead else f"Use one of {', '.join(known)}."
        return TemplateFault(part, "unknown_field", line, node.name, instead, says, cure)
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        return _unknown_filter(part, line, node.name)
    if isinstance(node, _ALLOWED) or not isinstance(node, nodes.Stmt | nodes.Expr):
        return None
    called = next((words for kind, words in _CALLED.items() if isinstance(node, kind)), "")
    called = called or f"{type(node).__name__.lower()} in braces"
    cure = "Use fields, {% if %} and the filters that are named in the help; nothing is computed in a mail."
    says = f"{called} can't be used here."
    return TemplateFault(part, "not_allowed", line, called, "", says, cure)


def _unknown_filter(part: str, line: int, name: str) -> TemplateFault:
    near = difflib.get_close_matches(name, FILTERS, 1, 0.6)
    instead = near[0] if near else ""
    cure = f"Use one of {', '.join(FILTERS)}."
    return TemplateFault(
        part, "unknown_filter", line, name, instead, f"There is no filter {name!r} here.", cure
    )


def _filled(part: str, source: str, examples: tuple[Mapping[str, object], ...]) -> list[TemplateFault]:
    for values in examples:
        try:
            text = compiled(source).render(values)
        except (TemplateError, TypeError, ValueError, ArithmeticError) as problem:
            says = f"It can't be filled in: {problem}."
            cure = "Compare a field with values of its own kind: text with text, numbers with numbers."
            return [TemplateFault(part, "can_not_fill", _line_of(problem), str(problem), "", says, cure)]
        if not text.strip():
            cure = "Write something that is always there, outside every {% if %}."
            return [
                TemplateFault(part, "empty", 1, "", "", f"The {part} is empty when it is filled in.", cure)
            ]
        if part == "subject" and len(text) > MOST_SUBJECT:
            says = f"The subject has {len(text)} characters when it is filled in."
            return [TemplateFault(part, "too_long", 1, "", "", says, f"Keep it below {MOST_SUBJECT}.")]
    return []


def _line_of(problem: BaseException) -> int:
    """The line of the template that raised, as jinja writes it into the traceback."""
    line, trace = 1, problem.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
