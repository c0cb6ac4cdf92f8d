"""Where the contracts lie in a checkout, and how they are read there or as they stood at a git revision."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from klokwerk_contracts.types import Event

from klokwerk_platform.topic_files import TopicFolder, topic_folders

PACKAGE = Path("contracts/src/klokwerk_contracts")
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class NoContracts(Exception):
    """The contracts or the git revision to judge were not found; the text says where it looked."""


def checkout_of(start: Path) -> Path:
    """The nearest folder at or above `start` that holds the contracts.

    Raises:
        NoContracts: there is none.
    """
    for folder in (start, *start.parents):
        if (folder / PACKAGE).is_dir():
            return folder
    raise NoContracts(f"no {PACKAGE} at or above {start}: run it inside a checkout, or give --root")


def folders(root: Path) -> dict[str, TopicFolder]:
    """The topic folders of a checkout, by topic."""
    return {entry.topic.name: entry for entry in topic_folders(root / PACKAGE)}


def schema_today(model: type[Event]) -> dict[str, Any]:
    """The JSON Schema of a model as it is now."""
    return {"$schema": DIALECT, **model.model_json_schema()}


def schema_text(schema: dict[str, Any]) -> str:
    """A schema as it stands in its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def examples_of(folder: TopicFolder, relative: str) -> Iterator[tuple[str, str]]:
    """File name and text of every example below `relative`, by name."""
    place = folder.path / relative
    files = [entry for entry in place.iterdir() if entry.name.endswith(".json")] if place.is_dir() else []
    for entry in sorted(files, key=lambda file: file.name):
        yield entry.name, entry.read_text("utf-8")


@dataclass(frozen=True, slots=True)
class Revision:
    """The contracts as they stood at one commit.

    Attributes:
        root: the checkout.
        commit: full id of the commit.
    """

    root: Path
    commit: str

    @classmethod
    def where_it_left(cls, root: Path, ref: str) -> Revision:
        """The commit at which the checkout left `ref`; `ref` itself where they share none.

        Raises:
            NoContracts: `ref` is neither a revision here nor at ``origin``.
        """
        for name in (ref, f"origin/{ref}"):
            commit = _git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
            if commit:
                return cls(root, (_git(root, "merge-base", "HEAD", name) or commit).strip())
        raise NoContracts(f"{ref} is no git revision of {root}: fetch it, or name another with --against")

    def texts(self) -> dict[str, str]:
        """Every file of the contracts package at that commit, by its path below the package."""
        listing = (
            _git(self.root, "ls-tree", "-r", "--name-only", "-z", self.commit, "--", f"{PACKAGE}/") or ""
        )
        names = [name for name in listing.split("\0") if name.endswith((".json", ".yaml"))]
        return {
            name.removeprefix(f"{PACKAGE}/"): _git(self.root, "show", f"{self.commit}:{name}") or ""
            for name in names
        }


def _git(root: Path, *arguments: str) -> str | None:
    """What git prints, or none when it refuses."""
    program = shutil.which("git")
    if program is None:
        raise NoContracts("git is not installed: it is needed to compare with a revision")
    done = subprocess.run(  # noqa: S603 - a fixed program; the arguments are never read by a shell
        [program, "-C", str(root), *arguments], capture_output=True, encoding="utf-8", check=False
    )
    return done.stdout if done.returncode == 0 else None
