"""The rules that judge a change of an event: which are fine, and which break a reader or a replay.

Events are written by some and read by others, and old ones are read again by a replay. So a change has to
hold both ways: today's readers must read what was written before, and readers of before must read what is
written today. Adding an optional field and changing documentation do; nothing else does by itself. A
constraint may be loosened, or values added to an enumeration, where the schema says that its readers are
ready for it: `x-loosened` lists the loosened keywords, `x-extensible-enum: true` (in the older schema
already) marks an enumeration whose readers take unknown values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

DOCUMENTATION = frozenset(
    {"$schema", "title", "description", "examples", "$comment", "deprecated", "x-loosened"}
)
SUBSCHEMAS = ("items", "additionalProperties", "propertyNames", "contains")
SUBSCHEMA_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
UPPER_BOUNDS = frozenset({"maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties"})
LOWER_BOUNDS = frozenset({"minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties"})
RESTRICTIONS = frozenset({"pattern", "format", "uniqueItems", "multipleOf"})
HANDLED = frozenset(
    {
        "$ref",
        "$defs",
        "type",
        "enum",
        "const",
        "properties",
        "required",
        "default",
        *SUBSCHEMAS,
        *SUBSCHEMA_LISTS,
    }
)
EXTENSIBLE = "x-extensible-enum"
LOOSENED = "x-loosened"
FIXED_TOPIC_PROPERTIES = ("name", "key", "partitions", "retention_days", "compacted")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between an older and a newer contract.

    Attributes:
        where: path of the field, e.g. ``lines[].price.amount``; empty for the event itself.
        kind: name of the rule, e.g. ``removed``.
        broken: whether it breaks a reader or a replay.
        text: what changed, and the cure where it is broken.
    """

    where: str
    kind: str
    broken: bool
    text: str


def compare_schemas(old: Schema, new: Schema) -> list[Change]:
    """Every change from one JSON Schema of an event to the next one, in the order of the fields."""
    return list(_Walk(old, new).node(old, new, ""))


def compare_topics(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Every change from one topic.yaml to the next one; both as plain mappings."""
    changes = [
        _broken(name, "key" if name == "key" else "topic", f"was {old.get(name)!r}, now {new.get(name)!r}")
        for name in FIXED_TOPIC_PROPERTIES
        if old.get(name) != new.get(name)
    ]
    groups = {entry["service"]: entry["group"] for entry in new["readers"]}
    for entry in old["readers"]:
        group = groups.get(entry["service"], entry["group"])
        if group != entry["group"]:
            text = f"{entry['service']} would read everything anew as group {group!r}, was {entry['group']!r}"
            changes.append(_broken("readers", "topic", text))
    kept = {entry["version"] for entry in new["versions"]}
    changes += [
        _broken("versions", "removed", f"version {entry['version']} is gone: its events are still stored")
        for entry in old["versions"]
        if entry["version"] not in kept
    ]
    return changes


class _Walk:
    """Compares two schemas side by side, each reference resolved in its own document."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old, self._new = old, new
        self._open: set[tuple[str | None, str | None]] = set()

    def node(self, old: Schema, new: Schema, where: str) -> Iterator[Change]:
        before, after = _resolved(old, self._old), _resolved(new, self._new)
        loosened = frozenset(after.get(LOOSENED, ()))
        yield from _nullability(before, after, where, loosened)
        before, after = _without_null(before), _without_null(after)
        pair = (old.get("$ref") or before.get("$ref"), new.get("$ref") or after.get("$ref"))
        if pair in self._open:
            return
        if all(pair):
            self._open.add(pair)
        before, after = _resolved(before, self._old), _resolved(after, self._new)
        yield from self._value(before, after, where, loosened | frozenset(after.get(LOOSENED, ())))
        self._open.discard(pair)

    def _value(self, old: Schema, new: Schema, where: str, loosened: frozenset[str]) -> Iterator[Change]:
        if old.get("type") != new.get("type"):
            yield _broken(where, "type", f"was {_type(old)}, now {_type(new)}: add a field beside it instead")
            return
        yield from _values(old, new, where)
        yield from _keywords(old, new, where, loosened)
        yield from self._fields(old, new, where, loosened)
        for keyword in SUBSCHEMA_LISTS:
            before, after = old.get(keyword, []), new.get(keyword, [])
            if len(before) != len(after):
                yield _broken(where, "type", f"{keyword} had {len(before)} alternatives, now {len(after)}")
                continue
            for left, right in zip(before, after, strict=True):
                yield from self.node(left, right, where)
        for keyword in SUBSCHEMAS:
            before, after = old.get(keyword), new.get(keyword)
            if isinstance(before, Mapping) and isinstance(after, Mapping):
                yield from self.node(before, after, f"{where}[]")
            elif before != after and not after and keyword == "additionalProperties" and after is not False:
                yield _loosening(where, keyword, "unknown fields are now taken", loosened, kind="constraint")
            elif before != after:
                yield _broken(where, "constraint", f"{keyword} was {before!r}, now {after!r}")

    def _fields(self, old: Schema, new: Schema, where: str, loosened: frozenset[str]) -> Iterator[Change]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed_before, needed = set(old.get("required", ())), set(new.get("required", ()))
        for name, schema in before.items():
            path = f"{where}.{name}" if where else name
            if name not in after:
                yield _broken(path, "removed", f"field was removed{_renamed(schema, before, after)}: keep it")
                continue
            if name in needed - needed_before:
                yield _broken(path, "required", "optional field is now required: older events may lack it")
            if name in needed_before - needed:
                marks = loosened | frozenset(after[name].get(LOOSENED, ()))
                yield _loosening(path, "required", "required field is now optional", marks)
            elif name not in needed and not _extends(schema.get("default"), after[name].get("default")):
                text = f"default was {schema.get('default')!r}, now {after[name].get('default')!r}"
                yield _broken(path, "default", f"{text}: events without the field would change their meaning")
            yield from self.node(schema, after[name], path)
        for name in sorted(after.keys() - before.keys()):
            path = f"{where}.{name}" if where else name
            if name in needed:
                yield _broken(path, "required", "new required field: give it a default, older events lack it")
            elif old.get("additionalProperties") is False:
                yield _broken(path, "added", "new field where older readers refuse unknown fields")
            else:
                yield Change(path, "added", False, "new optional field")


def _values(old: Schema, new: Schema, where: str) -> Iterator[Change]:
    """Enumerations; ``const`` is one with a single value."""
    before, after = _enumeration(old), _enumeration(new)
    if before == after:
        return
    if before is None or after is None:
        yield _broken(where, "enum", "a list of values was added or taken away")
        return
    gone, come = [v for v in before if v not in after], [v for v in after if v not in before]
    if gone:
        yield _broken(where, "enum", f"values removed: {gone}; stored events hold them")
    if come:
        fine = bool(old.get(EXTENSIBLE))
        text = f"values added: {come}" + ("" if fine else "; readers don't know them")
        yield Change(where, "enum", not fine, text)


def _keywords(old: Schema, new: Schema, where: str, loosened: frozenset[str]) -> Iterator[Change]:
    """Constraints, documentation, and every keyword that these rules don't know."""
    for name in sorted((old.keys() | new.keys()) - HANDLED):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        text = f"{name} was {before!r}, now {after!r}"
        if name in DOCUMENTATION:
            yield Change(where, "documentation", False, f"{name} changed")
        elif name in UPPER_BOUNDS | LOWER_BOUNDS | RESTRICTIONS:
            if _looser(name, before, after):
                yield _loosening(where, name, text, loosened, kind="constraint")
            else:
                yield _broken(where, "constraint", f"{text}: older events may not fit")
        elif name == EXTENSIBLE:
            yield Change(where, "enum", not after, text)
        else:
            yield _broken(where, "keyword", f"{text}: these rules don't know {name}")


def _extends(before: Any, after: Any) -> bool:
    """Whether a default still says what it said; that of a part may hold the part's new fields too."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return all(name in after and _extends(value, after[name]) for name, value in before.items())
    return bool(before == after)


def _looser(name: str, before: Any, after: Any) -> bool:
    if after is None:
        return True
    if before is None:
        return False
    if name in UPPER_BOUNDS:
        return bool(after > before)
    return name in LOWER_BOUNDS and bool(after < before)


def _nullability(old: Schema, new: Schema, where: str, loosened: frozenset[str]) -> Iterator[Change]:
    before, after = _takes_null(old), _takes_null(new)
    if before and not after:
        yield _broken(where, "null", "may no longer be null: older events hold it")
    elif after and not before:
        yield _loosening(where, "null", "may now be null", loosened)


def _loosening(where: str, name: str, text: str, loosened: frozenset[str], *, kind: str = "") -> Change:
    if name in loosened:
        return Change(where, kind or name, False, f"{text} (marked as loosened)")
    cure = f"older readers refuse it; once all of them are ready, mark it with x-loosened: [{name}]"
    return _broken(where, kind or name, f"{text}: {cure}")


def _broken(where: str, kind: str, text: str) -> Change:
    return Change(where, kind, True, text)


def _renamed(schema: Schema, before: Schema, after: Schema) -> str:
    def shape(entry: Schema) -> dict[str, Any]:
        return {key: value for key, value in entry.items() if key not in DOCUMENTATION}

    twins = [name for name in after if name not in before and shape(after[name]) == shape(schema)]
    return f" or renamed to {twins[0]}" if twins else ""


def _resolved(schema: Schema, document: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    target = document["$defs"][reference.removeprefix("#/$defs/")]
    return {**target, **{key: value for key, value in schema.items() if key != "$ref"}}


def _takes_null(schema: Schema) -> bool:
    return any(entry.get("type") == "null" for entry in schema.get("anyOf", ())) or "null" in _types(schema)


def _without_null(schema: Schema) -> Schema:
    """The schema without its null alternative; a single one that remains takes its place."""
    if "anyOf" in schema:
        rest = [entry for entry in schema["anyOf"] if entry.get("type") != "null"]
        around = {key: value for key, value in schema.items() if key != "anyOf"}
        return {**rest[0], **around} if len(rest) == 1 else {**around, "anyOf": rest}
    types = [name for name in _types(schema) if name != "null"]
    return {**schema, "type": types[0]} if len(types) == 1 else schema


def _types(schema: Schema) -> list[str]:
    kind = schema.get("type", [])
    return [kind] if isinstance(kind, str) else list(kind)


def _type(schema: Schema) -> str:
    return str(schema.get("type", "any of several" if "anyOf" in schema else "untyped"))


def _enumeration(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    return list(schema["enum"]) if "enum" in schema else None
