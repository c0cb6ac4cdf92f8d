"""Every sentence that the services can say, read from their source.

Strings are read with ``ast``; an f-string becomes a form, ``There is an entry {code} already.``, whose placeholders are
named after what is filled in. Several sentences in one string are several forms, as the phrasebook looks them up one by
one. Run as a program it prints the forms that have no words yet: ``python services/back-office/tests/sentences.py nl``.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import email_validator.syntax
import schwifty.bic
import schwifty.iban
from pydantic_core._pydantic_core import list_all_errors
from stdnum.exceptions import InvalidChecksum, InvalidComponent, InvalidFormat, InvalidLength

ROOT = Path(__file__).resolve().parents[3]
SERVICES = ("accounting-sync", "debtor-service", "dispatch-service", "ekt-service", "sales-service")
SHARED = "shared"

NOT_SAID = {
    # Words of documents and letters to customers, in the customer's own language.
    "dispatch_service/pdf/",
    "dispatch_service/channels/letters.py",
    "dispatch_service/domain/digest.py",
    "dispatch_service/ubl/document.py",
    "dispatch_service/ubl/parties.py",
    "ekt_service/domain/default_templates.py",
    "ekt_service/domain/mime.py",
    # Headings of files, and the words that are understood in them.
    "debtor_service/importing/headings.py",
    "debtor_service/domain/layout/names.py",
    "sales_service/domain/sale_columns.py",
    "sales_service/domain/file_columns.py",
    # Told by code, with words in the catalogues (decision 0015).
    "ekt_service/edifact/findings.py",
    "ekt_service/edifact/meanings.py",
    "ekt_service/edifact/explain.py",
    "ekt_service/domain/templates.py",
    "sales_service/domain/characteristics.py",
    # For the log, the terminal or whoever sets the service up.
    "ekt_service/edifact/writer.py",
    "ekt_service/edifact/clockt.py",
    "ekt_service/validate_command.py",
    "/settings.py",
    "/migrations/",
    "klokwerk/application.py",
    "klokwerk/clock.py",
    "klokwerk/command.py",
    "klokwerk/consume.py",
    "klokwerk/database.py",
    "klokwerk/kafka.py",
    "klokwerk/outbox.py",
    "klokwerk/sealing.py",
    "klokwerk/telemetry.py",
    "klokwerk/testing.py",
}
"""Modules whose texts reach no page as a sentence of the service."""

SILENT_CALLS = {
    *("text", "_sql", "advisory_key", "compile", "match", "search", "sub", "execute", "fetchval"),
    *("Counter", "Gauge", "Histogram", "Query", "Path", "Field", "Header", "Body", "APIRouter", "TypeError"),
    *("info", "warning", "error", "debug", "exception", "add_argument", "ArgumentParser", "AssertionError"),
    *("RuntimeError", "ConnectionError", "LookupError", "Column", "get_logger", "quote", "removeprefix"),
    *("FileColumn", "characteristic_columns", "MailFields"),
}
"""Calls whose strings are for machines, logs and the API's description."""
SILENT_NAMES = {"description", "summary", "examples", "media_type", "also", "pattern", "responses", "headers"}
"""Arguments of the same kind."""

SILENT_TABLES = {"_REASONS"}
"""Names of tables whose texts stand on documents, in the customer's language."""
UNSAID = {
    "Gegeven bestaat reeds",  # what Exact Online says, which is looked for
    "a relation without a number must not leave (D-05)",  # guards against mistakes of the program
    "failures counts from 1, got {failures}",
    "česká republika",  # a country's name as VIES may write it
}
"""Texts that look like sentences and never reach a page."""
DECLARED = (
    "Contact {ekt_contact}.",
    "Folder {label}: {strerror}.",
    "Invoice {number}: {action}",
    "currency {currency}",
    "missing",
    "was {old}",
    "{where}, city",
)
"""Sentences with a single word of their own, which can't be told from other strings by reading."""
REWRITTEN: dict[str, tuple[str, ...]] = {
    # Who answered is put before what was answered.
    "The mail server": ("The mail server answered: {code} {text}",),
    "For {recipient} the mail server": ("For {recipient} the mail server answered: {code} {text}",),
    "After the mail itself the server": ("After the mail itself the server answered: {code} {text}",),
    # Said of a value, which is put before it.
    "is none of the choices": ("{value} is none of the choices",),
    "is neither yes nor no": ("{value} is neither yes nor no",),
    "is no date": ("{value} is no date",),
    "is no number": ("{value} is no number",),
    "is no number of at most 15 digits and 6 decimals": (
        "{value} is no number of at most 15 digits and 6 decimals",
    ),
    "holds a line break or a control character": ("{value} holds a line break or a control character",),
    "is too long": ("{value} is too long",),
    # Followed by other sentences, or by nothing.
    "E-mail is left out: customers that can't get an e-invoice will be ignored": (
        "E-mail is left out: customers that can't get an e-invoice will be ignored.",
        "E-mail is left out: customers that can't get an e-invoice will be ignored, although print is selected.",
    ),
    ", although print is selected.": (),
    "The next channel in line, {name}, is not selected in the settings for automatic dispatch.{after}{unjumped} "
    "Send the invoice by hand.": (
        "The next channel in line, {name}, is not selected in the settings for automatic dispatch.",
        "Send the invoice by hand.",
    ),
    "card {debtor_id} was merged into {merged_into} itself.{circle}": (
        "card {debtor_id} was merged into {merged_into} itself.",
    ),
    "It came back from {whence}: {words}{rest} {advice}": ("It came back from {whence}: {words}",),
    "It came back, and it is not said from which address: {words} {advice}": (
        "It came back, and it is not said from which address: {words}",
    ),
    "Mailchimp does not accept the API key: {refused} Enter a new one.": (
        "Mailchimp does not accept the API key: {refused}",
        "Enter a new one.",
    ),
    "{words} {shown} of {files} files are there.": ("{shown} of {files} files are there.",),
    "{words} {shown} of {files} files are there; the others are tried again.": (
        "{shown} of {files} files are there; the others are tried again.",
    ),
}
"""Sentences that are put together where reading can't follow: what is read, and what is said."""

FROM_BODIES = frozenset(
    "bool_parsing bool_type date_from_datetime_inexact date_from_datetime_parsing date_parsing date_type "
    "datetime_from_date_parsing datetime_parsing datetime_type decimal_max_digits decimal_max_places decimal_parsing "
    "decimal_type decimal_whole_digits dict_type enum extra_forbidden finite_number float_parsing float_type "
    "greater_than greater_than_equal int_from_float int_parsing int_parsing_size int_type json_invalid less_than "
    "less_than_equal list_type literal_error missing model_attributes_type model_type multiple_of none_required "
    "string_pattern_mismatch string_too_long string_too_short string_type string_unicode time_parsing time_type "
    "timezone_aware too_long too_short tuple_type union_tag_invalid union_tag_not_found url_parsing uuid_parsing "
    "uuid_type".split()
)
"""What pydantic may find in a body of the services, by its own names."""

_OF_RARE_ADDRESSES = re.compile(r"bracket|quote|display name|address literal")
"""Quoted names and literal addresses are not allowed for, so that nothing is said about them."""

_SQL = re.compile(
    r"(?<![\w:]):[a-z_]+\b|::|\b(select|insert into|update \w+ set|delete from|cast\(|order by|left join|is null)\b"
    r"|\b\w\.\w+ (=|as)\b|= any\(|\w+_\w+, |, \w+_\w+|\bwhen \w\.|^state in|coalesce\(|\busing \(|^from \w+ \w "
)
_TECHNICAL = re.compile(r"attachment; filename|default-src|charset=|^inline; |\beq\b|^\{\{\{\{|^draft, ")
_WORD = re.compile(r"[^\W\d_]{2,}")
_BREAK = re.compile(r'(?<=[.!?])(?<!e\.g\.) (?=[A-Z"{])')
_BEFORE = re.compile(r'^\{\w+\} (?=[A-Z][a-z]|")')
"""Another sentence, put before this one."""
_PLACEHOLDER = re.compile(r"\{([a-z]\w*)\}")


@cache
def forms(of: str) -> dict[str, str]:
    """Forms of one service, or of `SHARED`, each with the file and line of its first use."""
    found = dict.fromkeys(DECLARED, "DECLARED") if of == SHARED else {}
    folder = ROOT / of / "src" if of == SHARED else ROOT / "services" / of / "src"
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).as_posix()
        if any(part in f"/{name}" for part in NOT_SAID):
            continue
        for form, line in _of_module(ast.parse(path.read_bytes())):
            for sentence in sentences_of(form):
                found.setdefault(sentence, f"{name}:{line}")
    return found


@cache
def library_forms() -> dict[str, str]:
    """What libraries say of values and the services pass on: of fields, numbers, e-mail addresses and bank accounts."""
    found = {each["message_template_json"]: each["type"] for each in _of_pydantic()}
    for error in (InvalidFormat, InvalidChecksum, InvalidLength, InvalidComponent):
        found[error.message.rstrip(".").lower()] = "stdnum"  # as the debtor service puts it into a sentence
    for module in (email_validator.syntax, schwifty.iban, schwifty.bic):
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_bytes())):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                for sentence in sentences_of(_form(node.exc.args[0]) or ""):
                    if not _OF_RARE_ADDRESSES.search(sentence):
                        found.setdefault(sentence, module.__name__)
    return found


def _of_pydantic() -> Iterator[Mapping[str, str]]:
    for each in list_all_errors():
        if each["type"] in FROM_BODIES:
            told: dict[str, str] = {"type": each["type"]}
            told["message_template_json"] = (
                each.get("message_template_json") or each["message_template_python"]
            )
            yield told


def sentences_of(form: str) -> list[str]:
    """The sentences of a form; those that are nothing but a value are left out."""
    if "\n" in form or _SQL.search(form):
        return []
    if form in REWRITTEN:
        return list(REWRITTEN[form])
    parts = (_BEFORE.sub("", one.strip()) for one in _BREAK.split(form))
    return [said for part in parts if _is_said(part) for said in REWRITTEN.get(part, (part,))]


def _is_said(form: str) -> bool:
    words = _WORD.findall(_PLACEHOLDER.sub("", form))
    return (
        len(words) >= 2
        and " " in form
        and form not in UNSAID
        and not (_SQL.search(form) or _TECHNICAL.search(form))
    )


def _of_module(tree: ast.AST) -> Iterator[tuple[str, int]]:
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # a docstring
        if isinstance(node, ast.MatchValue | ast.Compare):
            continue  # looked for, not said
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") in SILENT_TABLES:
            continue
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in SILENT_CALLS:
                continue
            waiting += [node.func, *node.args]
            waiting += [each.value for each in node.keywords if each.arg not in SILENT_NAMES]
            continue
        form = _form(node)
        if form is not None:
            yield form, getattr(node, "lineno", 0)
            waiting += _inside(node)
            continue
        waiting += ast.iter_child_nodes(node)


def _inside(node: ast.AST) -> list[ast.AST]:
    """What is filled into a form, where strings may stand as well."""
    if isinstance(node, ast.BinOp):
        return [*_inside(node.left), *_inside(node.right)]
    if isinstance(node, ast.JoinedStr):
        return [each.value for each in node.values if isinstance(each, ast.FormattedValue)]
    return [] if isinstance(node, ast.Constant) else [node]


def _form(node: ast.AST) -> str | None:
    parts = _parts(node)
    if parts is None or not any(isinstance(part, str) for part in parts):
        return None
    used: dict[str, int] = {}
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += part
            continue
        name = _name(part) or "value"
        used[name] = used.get(name, 0) + 1
        text += "{" + name + (str(used[name]) if used[name] > 1 else "") + "}"
    return text


def _parts(node: ast.AST) -> list[str | ast.AST] | None:
    if isinstance(node, ast.Constant):
        return [_escaped(node.value)] if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        found: list[str | ast.AST] = []
        for each in node.values:
            if isinstance(each, ast.FormattedValue):
                found.append(each.value)
            elif isinstance(each, ast.Constant):
                found.append(str(each.value).replace("{", "{{").replace("}", "}}"))
        return found
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _parts(node.left), _parts(node.right)
        if left is None and right is None:
            return None
        return [*(left or [node.left]), *(right or [node.right])]
    return None


def _escaped(text: str) -> str:
    """A plain string: ``{name}`` is filled in later by ``format``, other braces stand for themselves."""
    doubled = text.replace("{", "{{").replace("}", "}}")
    return re.sub(r"(?<!\{)\{\{([a-z_]+)(?::[^{}]*)?\}\}(?!\})", r"{\1}", doubled)


def _name(node: ast.AST) -> str:
    """What a placeholder is called: the last name in the expression."""
    match node:
        case ast.Name(id=name):
            return name.strip("_").lower()
        case ast.Attribute(
            value=ast.Name() | ast.Attribute() | ast.Subscript() as inner, attr="value" | "name" as attr
        ):
            return _name(inner) if attr == "value" else attr
        case ast.Attribute(attr=attr):
            return attr.strip("_").lower()
        case ast.Call(func=ast.Attribute(value=inner), args=[]):
            return _name(inner)
        case ast.Call(args=[*_, last]):
            return _name(last)
        case ast.Call(func=func):
            return _name(func)
        case ast.Subscript(value=inner) | ast.Await(value=inner) | ast.FormattedValue(value=inner):
            return _name(inner)
        case ast.IfExp(body=body, test=test):
            return _name(body) or _name(test)
        case ast.BoolOp(values=[first, *_]):
            return _name(first)
        case ast.BinOp(left=left, right=right):
            return _name(left) or _name(right)
        case ast.GeneratorExp(generators=[first, *_]) | ast.ListComp(generators=[first, *_]):
            return _name(first.iter)
        case ast.JoinedStr(values=values):
            return next((found for each in values if (found := _name(each))), "")
        case ast.Compare(left=left):
            return _name(left)
    return ""


def main() -> None:
    """Print what has no words yet, ready to be filled in."""
    language = sys.argv[1]
    folder = ROOT / "services/back-office/src/back_office/texts" / language / "phrases"
    known: set[str] = set()
    for file in folder.glob("*.toml"):
        known |= tomllib.loads(file.read_text(encoding="utf-8")).keys()
    for of in (SHARED, *SERVICES):
        print(f"# {of}")
        for form, where in forms(of).items():
            if form not in known:
                print(f'# {where}\n{_quoted(form)} = ""')


def _quoted(text: str) -> str:
    return (
        f"'{text}'"
        if '"' in text and "'" not in text
        else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    )


if __name__ == "__main__":
    main()
