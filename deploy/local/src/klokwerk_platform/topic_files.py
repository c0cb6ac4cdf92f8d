"""The topic.yaml files of the contracts, read into types: how a topic is called and kept, and who uses it."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Annotated, ClassVar, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

FILE_NAME = "topic.yaml"


class BadTopicFile(ValueError):
    """A topic.yaml can't be used; the text names the file, the field and the cure."""


class _Entry(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


class Reader(_Entry):
    """A service that reads the topic, and its consumer group."""

    service: str
    group: str


class Version(_Entry):
    """One frozen version; paths are relative to the topic's folder."""

    version: Annotated[int, Field(ge=1)]
    schema_file: Annotated[str, Field(alias="schema")]
    examples: str


class TopicFile(_Entry):
    """One topic.yaml.

    Attributes:
        key: field of the event that is the Kafka key; order is kept for each of its values.
        retention_days: how long records are kept; none when `compacted`.
        compacted: the last record of every key is kept for ever.
        writers: services of Klokwerk that write it.
        open_to_other_writers: other systems may publish it as well.
    """

    name: Annotated[str, Field(pattern=r"^[a-z]+(\.[a-z]+)+$")]
    description: str
    owner: str
    key: str
    partitions: Annotated[int, Field(ge=1)]
    retention_days: Annotated[int, Field(ge=1)] | None = None
    compacted: bool = False
    writers: tuple[str, ...]
    open_to_other_writers: bool = False
    readers: tuple[Reader, ...]
    versions: Annotated[tuple[Version, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _keeps_its_records_in_one_way(self) -> Self:
        if self.compacted == (self.retention_days is not None):
            raise ValueError("give either retention_days or compacted: true")
        return self


@dataclass(frozen=True, slots=True)
class TopicFolder:
    """A topic's folder with its topic.yaml."""

    path: Traversable
    topic: TopicFile


def parse(text: str, where: str) -> TopicFile:
    """Read the text of a topic.yaml; `where` names it in messages.

    Raises:
        BadTopicFile: it is not YAML, or a field is missing, unknown or out of range.
    """
    try:
        return TopicFile.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise BadTopicFile(f"{where} is not YAML: {error}") from error
    except ValidationError as error:
        details = "; ".join(
            f"{'.'.join(map(str, entry['loc'])) or 'file'}: {entry['msg']}" for entry in error.errors()
        )
        raise BadTopicFile(f"{where}: {details}") from error


def topic_folders(package: Traversable | None = None) -> Iterator[TopicFolder]:
    """Every topic folder below `package` (the installed contracts unless given), by topic name.

    Raises:
        BadTopicFile: one of the files can't be used.
    """
    root = package if package is not None else importlib.resources.files("klokwerk_contracts")
    found = [
        TopicFolder(folder, parse((folder / FILE_NAME).read_text("utf-8"), f"{folder.name}/{FILE_NAME}"))
        for folder in root.iterdir()
        if folder.is_dir() and (folder / FILE_NAME).is_file()
    ]
    yield from sorted(found, key=lambda entry: entry.topic.name)
