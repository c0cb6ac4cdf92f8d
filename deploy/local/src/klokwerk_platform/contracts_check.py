"""``klokwerk contracts check | freeze | docs``: is a change of an event safe for everybody who reads it?

`check` judges three things: today's models against the frozen schemas, today's models against every example
of every version (what makes a replay safe), and with ``--against`` the frozen files against a git revision.

Freezing: a version's schema may grow by what the rules call fine (an optional field, documentation) and by
nothing else. Everything else needs a new version, listed in topic.yaml, whose model still reads the examples
of all older ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
import yaml
from klokwerk_contracts import EVENTS, Event
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from klokwerk_platform import contracts_docs
from klokwerk_platform.compatibility import Change, compare_schemas, compare_topics
from klokwerk_platform.contract_files import (
    PACKAGE,
    NoContracts,
    Revision,
    checkout_of,
    examples_of,
    folders,
    schema_text,
    schema_today,
)
from klokwerk_platform.topic_files import FILE_NAME, BadTopicFile, TopicFolder

SMALLEST, FULLEST = "smallest.json", "fullest.json"
FEWEST_EXAMPLES = 3

Events = Mapping[str, type[Event]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found; `broken` ones fail the check."""

    what: str
    where: str
    broken: bool
    text: str

    @classmethod
    def of(cls, what: str, change: Change) -> Finding:
        """A finding that reports a judged change."""
        return cls(what, change.where, change.broken, f"{change.kind}: {change.text}")


def check_models(root: Path, events: Events = EVENTS) -> list[Finding]:
    """Judge today's models against the frozen schemas and the examples below `root`.

    Raises:
        BadTopicFile: a topic.yaml can't be used.
    """
    found = folders(root)
    findings = [
        Finding(name, "", True, "has a model but no folder with a topic.yaml")
        for name in events.keys() - found.keys()
    ]
    for name, folder in found.items():
        if name not in events:
            findings.append(Finding(name, FILE_NAME, True, "has no model in klokwerk_contracts.EVENTS"))
            continue
        findings += _check_frozen(folder, events[name])
        findings += _check_examples(folder, events[name])
    return findings


def check_against(root: Path, ref: str, events: Events = EVENTS) -> list[Finding]:
    """Judge the files below `root` against the commit where the checkout left `ref`.

    Raises:
        NoContracts: `ref` is unknown.
    """
    before = Revision.where_it_left(root, ref).texts()
    findings: list[Finding] = []
    for path, text in before.items():
        now = root / PACKAGE / path
        folder = path.split("/", 1)[0]
        if not now.is_file():
            findings.append(
                Finding(folder, path, True, "removed: events like it are still stored, put it back")
            )
        elif path.endswith(FILE_NAME):
            changes = compare_topics(yaml.safe_load(text), yaml.safe_load(now.read_text("utf-8")))
            findings += [Finding.of(folder, change) for change in changes]
        elif path.endswith(".schema.json"):
            changes = compare_schemas(json.loads(text), json.loads(now.read_text("utf-8")))
            findings += [Finding.of(f"{folder} {now.name}", change) for change in changes]
        elif "/examples/" in path:
            model = _model_of(before.get(f"{folder}/{FILE_NAME}", ""), events)
            if model is not None:
                findings += _unreadable(model, folder, path, text)
    return findings


def freeze(root: Path, events: Events = EVENTS) -> tuple[list[Path], list[Finding]]:
    """Write the schema of every model's version where it is new or has grown.

    Returns:
        The files that were written, and what was refused: a schema that exists is never overwritten by a
        change that breaks it.
    """
    written: list[Path] = []
    refused: list[Finding] = []
    for name, folder in folders(root).items():
        if name not in events:
            continue
        model = events[name]
        listed = {entry.version: entry for entry in folder.topic.versions}
        if model.VERSION not in listed:
            text = f"version {model.VERSION} is not listed: add it under versions, then freeze again"
            refused.append(Finding(name, FILE_NAME, True, text))
            continue
        path = root / PACKAGE / folder.path.name / listed[model.VERSION].schema_file
        today = schema_today(model)
        frozen = json.loads(path.read_text("utf-8")) if path.exists() else None
        broken = [change for change in compare_schemas(frozen, today) if change.broken] if frozen else []
        refused += [Finding.of(f"{name} v{model.VERSION}", change) for change in broken]
        if not broken and frozen != today:
            path.write_text(schema_text(today), "utf-8")
            written.append(path)
    return written, refused


def _check_frozen(folder: TopicFolder, model: type[Event]) -> Iterator[Finding]:
    name, versions = folder.topic.name, {entry.version: entry for entry in folder.topic.versions}
    if max(versions) != model.VERSION:
        text = f"the newest version listed is {max(versions)}, the model says VERSION = {model.VERSION}"
        yield Finding(name, FILE_NAME, True, text)
        return
    for number, version in versions.items():
        file = folder.path / version.schema_file
        if not file.is_file():
            yield Finding(name, version.schema_file, True, "is not there: run klokwerk contracts freeze")
        elif number == model.VERSION:
            frozen, today = json.loads(file.read_text("utf-8")), schema_today(model)
            changes = compare_schemas(frozen, today)
            yield from (Finding.of(f"{name} v{number}", change) for change in changes)
            if frozen != today and not any(change.broken for change in changes):
                text = "the model has grown since it was frozen: run klokwerk contracts freeze"
                yield Finding(name, version.schema_file, True, text)


def _check_examples(folder: TopicFolder, model: type[Event]) -> Iterator[Finding]:
    for version in folder.topic.versions:
        what = f"{folder.topic.name} v{version.version}"
        examples = dict(examples_of(folder, version.examples))
        if len(examples) < FEWEST_EXAMPLES or not {SMALLEST, FULLEST} <= examples.keys():
            text = f"needs {SMALLEST}, {FULLEST} and at least one odd one"
            yield Finding(what, version.examples, True, text)
        for file, text in examples.items():
            unreadable = list(_unreadable(model, what, file, text))
            yield from unreadable
            if not unreadable:
                yield from _check_key(folder, model.model_validate_json(text), what, file)


def _check_key(folder: TopicFolder, event: Event, what: str, file: str) -> Iterator[Finding]:
    expected = getattr(event, folder.topic.key, None)
    if event.key != expected:
        text = f"key: the model says {event.key!r}, topic.yaml says {folder.topic.key} = {expected!r}"
        yield Finding(what, file, True, text)


def _unreadable(model: type[Event], what: str, where: str, text: str) -> Iterator[Finding]:
    try:
        model.model_validate_json(text)
    except ValidationError as error:
        for entry in error.errors():
            field = ".".join(map(str, entry["loc"]))
            yield Finding(what, where, True, f"today's model can't read it: {field}: {entry['msg']}")


def _model_of(topic_text: str, events: Events) -> type[Event] | None:
    topic = yaml.safe_load(topic_text) or {}
    return events.get(topic.get("name", ""))


app = typer.Typer(help="Judge, freeze and document the contracts.", no_args_is_help=True)
console = Console(soft_wrap=True)

Root = Annotated[
    Path | None, typer.Option(help="The checkout; the one around the current folder unless given.")
]


@app.command()
def check(
    against: Annotated[str, typer.Option(help="Also judge against this git revision, e.g. main.")] = "",
    root: Root = None,
) -> None:
    """Judge today's models against the frozen versions, and these against a git revision."""
    try:
        checkout = root or checkout_of(Path.cwd())
        findings = check_models(checkout)
        if against:
            findings += check_against(checkout, against)
    except (NoContracts, BadTopicFile) as error:
        console.print(f"[red]{escape(str(error))}[/red]")
        raise typer.Exit(2) from error
    _report(findings)
    if any(finding.broken for finding in findings):
        console.print("The contracts are [red]broken[/red]: see contracts/README.md, Changing an event.")
        raise typer.Exit(1)
    console.print(f"{len(EVENTS)} topics: every change is safe, every example readable.")


@app.command(name="freeze")
def freeze_command(root: Root = None) -> None:
    """Write the JSON Schemas of new versions and of compatible additions; refuse everything else."""
    try:
        written, refused = freeze(root or checkout_of(Path.cwd()))
    except (NoContracts, BadTopicFile) as error:
        console.print(f"[red]{escape(str(error))}[/red]")
        raise typer.Exit(2) from error
    for path in written:
        console.print(f"frozen {path}")
    _report(refused)
    if refused:
        console.print("Refused: make a new version, see contracts/README.md, Changing an event.")
        raise typer.Exit(1)
    if not written:
        console.print("Nothing to freeze: the models are as frozen.")


@app.command()
def docs(
    check_only: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail where one is stale.")
    ] = False,
    root: Root = None,
) -> None:
    """Write the AsyncAPI document and the page for people."""
    try:
        stale = contracts_docs.stale(root or checkout_of(Path.cwd()))
    except (NoContracts, BadTopicFile) as error:
        console.print(f"[red]{escape(str(error))}[/red]")
        raise typer.Exit(2) from error
    for path, text in stale.items():
        console.print(f"{'stale' if check_only else 'written'}: {path}")
        if not check_only:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    if check_only and stale:
        console.print("Run klokwerk contracts docs.")
        raise typer.Exit(1)
    if not stale:
        console.print("Both are up to date.")


def _report(findings: list[Finding]) -> None:
    for finding in sorted(findings, key=lambda entry: not entry.broken):
        mark = "[red]BROKEN[/red]" if finding.broken else "[green]fine[/green]  "
        console.print(f"{mark} {escape(finding.what)} {escape(finding.where)}: {escape(finding.text)}")
