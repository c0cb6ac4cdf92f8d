"""Explains EKT files on a terminal: ``klokwerk ekt validate`` and ``python -m ekt_service validate``."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from ekt_service.edifact.explain import Told, Value, explain
from ekt_service.edifact.findings import Finding
from ekt_service.edifact.segments import MOST_SEGMENTS
from ekt_service.edifact.validator import Report, validate

STDIN = "-"
GOOD, FAULTY, NOT_READ = 0, 1, 2
"""Exit codes: a receiver would take every file; not every one; one could not be read at all."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked for.

    Args:
        as_json: one JSON document with a list of files instead of text.
        explained: tell every segment in words, not only what is wrong.
    """

    as_json: bool = False
    explained: bool = False


def validate_files(
    names: Sequence[str], options: Options, out: TextIO | None = None, errors: TextIO | None = None
) -> int:
    """Check files and tell what was found.

    Args:
        names: paths; ``-`` is what comes in on standard input.

    Returns:
        `GOOD`, `FAULTY` or `NOT_READ`, the worst of all files.
    """
    out, errors = out or sys.stdout, errors or sys.stderr
    worst, documents = GOOD, []
    for name in names:
        try:
            data = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
        except OSError as trouble:
            errors.write(f"{name}: {trouble.strerror or trouble}\n")
            worst = NOT_READ
            continue
        report = validate(data)
        worst = max(worst, GOOD if report.acceptable else FAULTY)
        shown = "standard input" if name == STDIN else name
        if options.as_json:
            documents.append(_document(shown, data, report, options))
        else:
            out.writelines(f"{_printable(line)}\n" for line in _told(shown, data, report, options))
    if options.as_json:
        out.write(json.dumps({"files": documents}, indent=2, ensure_ascii=False) + "\n")
    return worst


def validate_command(arguments: Sequence[str]) -> int:
    """The same out of the arguments of a command line; `NOT_READ` where they can't be understood."""
    parser = argparse.ArgumentParser("python -m ekt_service validate", description="Checks EKT files.")
    parser.add_argument("files", nargs="+", metavar="FILE", help="an EKT file, or - for standard input")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of text")
    parser.add_argument("--explain", action="store_true", help="tell every segment in words")
    try:
        given = parser.parse_args(list(arguments))
    except SystemExit as ended:
        return int(ended.code or GOOD)
    return validate_files(given.files, Options(given.json, given.explain))


def _printable(line: str) -> str:
    """A file from anybody must not give orders to the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)


def _told(name: str, data: bytes, report: Report, options: Options) -> Iterator[str]:
    if options.explained:
        for segment in _segments(data):
            yield _segment_line(segment)
            yield from (f"        ! {_of_segment(found)}" for found in segment.findings)
        yield from (f"{name}: {found}" for found in report.findings if not found.segment)
    else:
        yield from (f"{name}: {found}" for found in report.findings)
    if report.left_off:
        yield f"{name}: {report.left_off} more findings are left out."
    errors = len(report.errors) + report.errors_left_off
    verdict = "acceptable" if report.acceptable else _many(errors, "error")
    counts = f"{_many(report.messages, 'message')}, {_many(report.lines, 'line')}"
    yield f"{name}: {counts}, goods {report.goods:f} euro: {verdict}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _segments(data: bytes) -> Iterable[Told]:
    return explain(data, limit=MOST_SEGMENTS).segments


def _segment_line(segment: Told) -> str:
    where = f"line {segment.line}" if segment.line else segment.part.value
    values = "; ".join(_value(value) for value in segment.values)
    return f"{segment.number:6d}  {segment.name:8} {where:10} {segment.title}" + f": {values}" * bool(values)


def _value(value: Value) -> str:
    label = value.label or f"element {value.element}.{value.component}"
    text = value.text[:80]
    reads = f" ({value.reads.replace('_', ' ')})" if value.reads and value.reads != value.text else ""
    return f"{label} {text}{reads}"


def _of_segment(found: Finding) -> str:
    return f"{found.severity.value}: {found.says} {found.cure}"


def _document(name: str, data: bytes, report: Report, options: Options) -> dict[str, Any]:
    document: dict[str, Any] = {
        "file": name,
        "acceptable": report.acceptable,
        "messages": report.messages,
        "lines": report.lines,
        "goods_total": f"{report.goods:f}",
        "findings": [_finding(found) for found in report.findings],
        "left_off": report.left_off,
    }
    if options.explained:
        document["segments"] = [
            {
                "segment": told.number,
                "name": told.name,
                "meaning": told.meaning,
                "title": told.title,
                "part": told.part.value,
                "message": told.message,
                "line": told.line,
                "raw": told.raw,
                "values": [
                    {
                        "code": value.code,
                        "element": value.element,
                        "component": value.component,
                        "text": value.text,
                        "reads": value.reads,
                    }
                    for value in told.values
                ],
            }
            for told in _segments(data)
        ]
    return document


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "code": found.fault.value,
        "severity": found.severity.value,
        "segment": found.segment,
        "tag": found.tag,
        "element": found.element,
        "component": found.component,
        "found": found.found,
        "expected": found.expected,
        "says": found.says,
        "cure": found.cure,
    }
