"""Two documents made from the contracts: an AsyncAPI 3 file for tools and a page for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from klokwerk_platform.contract_files import folders
from klokwerk_platform.topic_files import TopicFile, TopicFolder, Version

ASYNCAPI = Path("contracts/asyncapi.yaml")
PAGE = Path("docs/architecture/contracts.md")
DAY_IN_MILLISECONDS = 86_400_000

HEADERS: dict[str, tuple[str, str]] = {
    "ce_specversion": ("always `1.0`", "1.0"),
    "ce_id": ("id of the event, a UUID; keep it when sending the same event again", ""),
    "ce_type": ("name of the event, the same as the topic", ""),
    "ce_source": ("who wrote it, a URI reference such as `//webshop.example`", ""),
    "ce_time": ("when it happened, ISO 8601 with a zone", ""),
    "ce_dataschema": ("name and version of the body's schema, e.g. `sale.completed/v1`", ""),
    "content-type": ("always `application/json`", "application/json"),
    "traceparent": ("W3C trace context, where there is one", ""),
}
REQUIRED_HEADERS = ("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time")


class _NoAliases(yaml.SafeDumper):
    """Writes what occurs twice twice: an alias saves a line and costs the reader a search."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def stale(root: Path) -> dict[Path, str]:
    """The documents below `root` that are missing or out of date, with the text they should have."""
    topics = list(folders(root).values())
    texts = {root / ASYNCAPI: asyncapi_text(topics), root / PAGE: page_text(topics)}
    return {
        path: text for path, text in texts.items() if not path.exists() or path.read_text("utf-8") != text
    }


def asyncapi_text(topics: list[TopicFolder]) -> str:
    """The AsyncAPI 3 document as YAML."""
    head = "# Made by `klokwerk contracts docs` from the models and topic.yaml files; change those.\n"
    options: dict[str, Any] = {"Dumper": _NoAliases, "sort_keys": False, "allow_unicode": True, "width": 110}
    return head + str(yaml.dump(asyncapi_document(topics), **options))


def asyncapi_document(topics: list[TopicFolder]) -> dict[str, Any]:
    """The AsyncAPI 3.0 document of `topics`; every version of an event is a message of its own."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for folder in topics:
        topic = folder.topic
        for version in topic.versions:
            name = _message_name(topic, version)
            schema = _schema(folder, version)
            schemas.update(_components(name, schema))
            messages[name] = _message(folder, version, schema)
        names = [_message_name(topic, version) for version in topic.versions]
        channels[_word(topic)] = _channel(topic, names)
        operations.update(_operations(topic, names))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Klokwerk events",
            "version": "1.0.0",
            "description": "Order to ledger on Kafka: CloudEvents 1.0 in binary mode, bodies in plain JSON.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas, "messageTraits": {"cloudEvent": _trait()}},
    }


def _word(topic: TopicFile) -> str:
    """The topic's name as a key of the document, where AsyncAPI and code generators take no dots."""
    return topic.name.replace(".", "_")


def _message_name(topic: TopicFile, version: Version) -> str:
    return f"{_word(topic)}_v{version.version}"


def _schema(folder: TopicFolder, version: Version) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((folder.path / version.schema_file).read_text("utf-8"))
    schema.pop("$schema", None)
    return schema


def _components(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema and its parts as components, the references between them rewritten."""
    parts = schema.get("$defs", {})
    body = {key: value for key, value in schema.items() if key != "$defs"}
    return {
        name: _rewritten(body, name),
        **{f"{name}_{part}": _rewritten(value, name) for part, value in parts.items()},
    }


def _rewritten(node: Any, name: str) -> Any:
    if isinstance(node, dict):
        return {
            key: value.replace("#/$defs/", f"#/components/schemas/{name}_")
            if key == "$ref"
            else _rewritten(value, name)
            for key, value in node.items()
        }
    return [_rewritten(entry, name) for entry in node] if isinstance(node, list) else node


def _message(folder: TopicFolder, version: Version, schema: dict[str, Any]) -> dict[str, Any]:
    name = _message_name(folder.topic, version)
    example = json.loads((folder.path / version.examples / "smallest.json").read_text("utf-8"))
    return {
        "name": folder.topic.name,
        "title": schema["title"],
        "summary": schema["description"],
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "bindings": {"kafka": {"key": {"type": "string", "description": f"value of {folder.topic.key}"}}},
        "examples": [{"name": "smallest", "payload": example}],
    }


def _channel(topic: TopicFile, messages: list[str]) -> dict[str, Any]:
    configuration: dict[str, Any] = {"cleanup.policy": ["compact" if topic.compacted else "delete"]}
    if topic.retention_days is not None:
        configuration["retention.ms"] = topic.retention_days * DAY_IN_MILLISECONDS
    return {
        "address": topic.name,
        "description": topic.description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"kafka": {"partitions": topic.partitions, "topicConfiguration": configuration}},
    }


def _operations(topic: TopicFile, messages: list[str]) -> dict[str, Any]:
    place = {"$ref": f"#/channels/{_word(topic)}"}
    which = [{"$ref": f"#/channels/{_word(topic)}/messages/{name}"} for name in messages]
    sends = {
        f"{service}_sends_{_word(topic)}": {"action": "send", "channel": place, "messages": which}
        for service in topic.writers
    }
    receives = {
        f"{reader.service}_receives_{_word(topic)}": {
            "action": "receive",
            "channel": place,
            "messages": which,
            "bindings": {"kafka": {"groupId": {"type": "string", "enum": [reader.group]}}},
        }
        for reader in topic.readers
    }
    return sends | receives


def _trait() -> dict[str, Any]:
    properties = {
        name: {"type": "string", "description": meaning, **({"const": fixed} if fixed else {})}
        for name, (meaning, fixed) in HEADERS.items()
    }
    return {"headers": {"type": "object", "properties": properties, "required": list(REQUIRED_HEADERS)}}


def page_text(topics: list[TopicFolder]) -> str:
    """The page for people, in Markdown."""
    return "\n".join(_page(topics)) + "\n"


def _page(topics: list[TopicFolder]) -> Iterator[str]:
    yield "# Contracts"
    yield ""
    yield "Made by `klokwerk contracts docs`; change the models and the topic.yaml files instead. How to"
    yield "publish or change an event: [contracts/README.md](../../contracts/README.md). For tools:"
    yield "[contracts/asyncapi.yaml](../../contracts/asyncapi.yaml)."
    yield ""
    yield "| Topic | Written by | Read by | Key | Partitions | Kept |"
    yield "|---|---|---|---|---|---|"
    for folder in topics:
        topic = folder.topic
        anchor = topic.name.replace(".", "")
        readers = ", ".join(reader.service for reader in topic.readers)
        cells = (f"[`{topic.name}`](#{anchor})", _writers(topic), readers, f"`{topic.key}`", topic.partitions)
        yield f"| {' | '.join(map(str, cells))} | {_kept(topic)} |"
    yield ""
    yield "## Headers"
    yield ""
    yield "CloudEvents 1.0 in Kafka's binary mode; other headers are ignored."
    yield ""
    yield "| Header | Required | Content |"
    yield "|---|---|---|"
    for name, (meaning, _) in HEADERS.items():
        yield f"| `{name}` | {'yes' if name in REQUIRED_HEADERS else ''} | {meaning} |"
    for folder in topics:
        yield from _topic_section(folder)


def _topic_section(folder: TopicFolder) -> Iterator[str]:
    topic = folder.topic
    yield ""
    yield f"## {topic.name}"
    yield ""
    yield topic.description
    yield f"Owner: {topic.owner}."
    for version in topic.versions:
        schema = _schema(folder, version)
        where = f"../../contracts/src/klokwerk_contracts/{folder.path.name}"
        yield ""
        yield (
            f"Version {version.version}: [schema]({where}/{version.schema_file}), "
            f"[examples]({where}/{version.examples})"
        )
        parts = schema.get("$defs", {})
        yield from _field_table(schema, parts)
        for name, part in parts.items():
            if part.get("type") == "object":
                yield ""
                yield f"**{name}**: {_cell(part.get('description', ''))}"
                yield from _field_table(part, parts)


def _field_table(schema: dict[str, Any], parts: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield "| Field | Type | Required | Meaning |"
    yield "|---|---|---|---|"
    for name, entry in schema.get("properties", {}).items():
        needed = "yes" if name in schema.get("required", ()) else ""
        yield f"| `{name}` | {_type(entry, parts)} | {needed} | {_cell(entry.get('description', ''))} |"


def _type(entry: dict[str, Any], parts: dict[str, Any]) -> str:
    if "$ref" in entry:
        name = entry["$ref"].removeprefix("#/$defs/")
        values = parts[name].get("enum")
        return ", ".join(f"`{value}`" for value in values) if values else name
    if "anyOf" in entry:
        return " or ".join(_type(branch, parts) for branch in entry["anyOf"])
    if entry.get("type") == "array":
        return f"list of {_type(entry.get('items', {}), parts)}"
    limits = [
        f"{words} {entry[keyword]}"
        for keyword, words in (("minimum", "from"), ("maximum", "to"), ("maxLength", "at most"))
        if keyword in entry
    ]
    if "pattern" in entry:
        limits.append("`" + entry["pattern"].replace("|", "\\|") + "`")
    kind = entry.get("format", entry.get("type", "any"))
    return " ".join([kind, *limits])


def _writers(topic: TopicFile) -> str:
    return ", ".join([*topic.writers, *(["other systems"] if topic.open_to_other_writers else [])])


def _kept(topic: TopicFile) -> str:
    return "last of every key, for ever" if topic.compacted else f"{topic.retention_days} days"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
