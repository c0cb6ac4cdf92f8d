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
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from sentence_rules import (
    DECLARED,
    NOT_SAID,
    REWRITTEN,
    SILENT_CALLS,
    SILENT_NAMES,
    SILENT_TABLES,
    UNSAID,
)

ROOT = Path(__file__).resolve().parents[3]
SERVICES = ("accounting-sync", "debtor-service", "dispatch-service", "ekt-service", "sales-service")
SHARED = "shared"

_SQL = re.compile(
    r"(?<![\w:]):[a-z_]+\b|::|= any\(|\bcount\(\*\)|\bfilter \(where |[a-z]+_[a-z]+, |, [a-z]+_[a-z]+|coalesce\(|cast\("
    r"|\b(select .*(from|pg_|count\(|exists)|insert into|update \w+ (\w )?set|delete from|order by|left join|is null)\b"
    r"|\b\w\.\w+ (=|as\b)|\bwhen \w\.|^state in|\busing \(|^from \w+ \w "
)
_TECHNICAL = re.compile(r"attachment; filename|default-src|charset=|^inline; |\beq\b|^\{\{\{\{|^draft, ")
_NOT_FOUND = re.compile(r"not_found\(\s*[\"']([^\"']+)")
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


def things_looked_for() -> set[str]:
    """What the services call things that they do not find; the name stands within a sentence."""
    sources = (path.read_text(encoding="utf-8") for path in ROOT.glob("services/*/src/**/*.py"))
    return {name for text in sources for name in _NOT_FOUND.findall(text)}


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
        form = form_of(node)
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


def form_of(node: ast.AST) -> str | None:
    """A string, an f-string or several put together, as a form; none for anything else."""
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
        case ast.Attribute(value=ast.Name() | ast.Attribute() | ast.Subscript() as inner, attr="value"):
            return _name(inner)
        case ast.Attribute(attr=attr):
            return attr.strip("_").lower()
        case ast.JoinedStr(values=values):
            return next((found for each in values if (found := _name(each))), "")
    return next((found for part in _telling(node) if (found := _name(part))), "")


def _telling(node: ast.AST) -> tuple[ast.AST, ...]:
    """The parts of an expression that say what it is about, the best one first."""
    match node:
        case ast.Call(func=ast.Attribute(value=inner), args=[]):
            return (inner,)
        case ast.Call(args=[*_, last]):
            return (last,)
        case ast.Call(func=func):
            return (func,)
        case ast.Subscript(value=inner) | ast.Await(value=inner) | ast.FormattedValue(value=inner):
            return (inner,)
        case ast.IfExp(body=body, test=test):
            return (body, test)
        case ast.BoolOp(values=[first, *_]) | ast.Compare(left=first):
            return (first,)
        case ast.BinOp(left=left, right=right):
            return (left, right)
        case ast.GeneratorExp(generators=[first, *_]) | ast.ListComp(generators=[first, *_]):
            return (first.iter,)
    return ()


def main() -> None:
    """Print what has no words yet, ready to be filled in."""
    language = sys.argv[1]
    folder = ROOT / "services/back-office/src/back_office/texts" / language / "phrases"
    known: set[str] = set()
    for file in folder.glob("*.toml"):
        known |= tomllib.loads(file.read_text(encoding="utf-8")).keys()
    for of in (SHARED, *SERVICES):
        for form, where in forms(of).items():
            if form not in known:
                sys.stdout.write(f'# {of}: {where}\n{_quoted(form)} = ""\n')


def _quoted(text: str) -> str:
    return (
        f"'{text}'"
        if '"' in text and "'" not in text
        else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    )


if __name__ == "__main__":
    main()
