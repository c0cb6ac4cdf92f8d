"""The jars of Apache Kafka: pinned by SHA-256 in ``kafka.lock``, fetched once, checked at every start.

They come from Maven Central through jgo's pure-Python resolver, one pinned coordinate at a time. jgo's own
environments are not used: on a machine without Java they fetch a whole JDK to look into the jars.
``KLOKWERK_MAVEN_URL`` names another repository, ``KLOKWERK_CACHE`` another folder than the user's cache.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

_LOCK = Path(__file__).with_name("kafka.lock")
_ATTEMPTS = 3
_DOWNLOADS_AT_ONCE = 6

Progress = Callable[[int, int], None]
"""Called with how many jars are there and how many are needed."""


class JarError(RuntimeError):
    """A jar can't be had, or isn't the one that is pinned."""


@dataclass(frozen=True)
class Jar:
    """One pinned jar."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def path(self) -> Path:
        """Where it lies in a Maven repository."""
        return Path(
            *self.group.split("."), self.artifact, self.version, f"{self.artifact}-{self.version}.jar"
        )


def pinned_jars(lock: Path = _LOCK) -> list[Jar]:
    """The jars named in the lock file."""
    jars = []
    for line in lock.read_text().splitlines():
        if line and not line.startswith("#"):
            coordinate, sha256 = line.split()
            group, artifact, version = coordinate.split(":")
            jars.append(Jar(group, artifact, version, sha256))
    return jars


def cache_folder() -> Path:
    """``KLOKWERK_CACHE``, or ``klokwerk`` in the user's cache folder."""
    if asked := os.environ.get("KLOKWERK_CACHE"):
        return Path(asked)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "klokwerk"


def kafka_class_path(cache: Path | None = None, progress: Progress = lambda _done, _all: None) -> str:
    """The class path of Kafka; fetches what is missing, and again what does not match its pin.

    Raises :class:`JarError` with what to do when a jar can't be had.
    """
    repository = (cache or cache_folder()) / "maven"
    repository.mkdir(parents=True, exist_ok=True)
    jars = pinned_jars()
    with _only_one(repository / ".lock"), ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:
        for done, _ in enumerate(pool.map(lambda jar: _ensure(jar, repository), jars), start=1):
            progress(done, len(jars))
    return os.pathsep.join(str(repository / jar.path) for jar in jars)


@contextlib.contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Two starts at once must not write the same file."""
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _ensure(jar: Jar, repository: Path) -> None:
    target = repository / jar.path
    problem = ""
    for _ in range(_ATTEMPTS):
        if target.exists():
            if _sha256(target) == jar.sha256:
                return
            problem = "its checksum differs from the pinned one"
            target.unlink()
        try:
            _fetch(jar, repository)
        except Exception as failure:
            problem = str(failure)
    if not target.exists() or _sha256(target) != jar.sha256:
        target.unlink(missing_ok=True)
        raise JarError(
            f"{jar.path.name} can't be fetched: {problem}. Is {_remote()} reachable? "
            "Set KLOKWERK_MAVEN_URL to a repository that is, or KLOKWERK_KAFKA to a Kafka that runs already."
        )


def _fetch(jar: Jar, repository: Path) -> None:
    from jgo.maven import MavenContext  # noqa: PLC0415 - costs 0.3 s, needed only for a download

    context = MavenContext(
        repo_cache=repository, local_repos=[], remote_repos={"central": _remote()}, timeout=60
    )
    context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()


def _remote() -> str:
    return os.environ.get("KLOKWERK_MAVEN_URL") or "https://repo.maven.apache.org/maven2"


def _sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
