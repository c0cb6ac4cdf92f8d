"""The jars of Kafka: pinned, checked, fetched again when something is wrong with one."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from klokwerk_platform.http_server import serving
from klokwerk_platform.kafka_jars import JarError, cache_folder, kafka_class_path, pinned_jars
from klokwerk_platform.ports import free_ports
from starlette.staticfiles import StaticFiles


@pytest.fixture
async def repository(tmp_path, monkeypatch) -> AsyncIterator[tuple[Path, Path]]:
    """A Maven repository over HTTP with one true jar, and the pinned list that names it."""
    kafka_class_path()  # the real ones, as the platform fetched and checked them
    jar = min(pinned_jars(), key=lambda each: (cache_folder() / "maven" / each.path).stat().st_size)
    upstream = tmp_path / "upstream"
    (upstream / jar.path).parent.mkdir(parents=True)
    (upstream / jar.path).write_bytes((cache_folder() / "maven" / jar.path).read_bytes())
    monkeypatch.setattr("klokwerk_platform.kafka_jars.pinned_jars", lambda: [jar])
    (port,) = free_ports(1)
    monkeypatch.setenv("KLOKWERK_MAVEN_URL", f"http://127.0.0.1:{port}")
    async with serving([(StaticFiles(directory=upstream), port)]):
        yield upstream / jar.path, tmp_path / "cache"


@pytest.mark.parametrize("broken", [b"half of a j", b"", None])
async def test_a_broken_or_missing_jar_is_fetched_again(repository, broken):
    upstream, cache = repository
    await asyncio.to_thread(kafka_class_path, cache)
    (target,) = cache.rglob("*.jar")
    if broken is None:
        target.unlink()
    else:
        target.write_bytes(broken)
    assert await asyncio.to_thread(kafka_class_path, cache) == str(target)
    assert target.read_bytes() == upstream.read_bytes()


async def test_a_jar_that_is_not_the_pinned_one_is_refused_and_not_kept(repository):
    upstream, cache = repository
    upstream.write_bytes(b"something else")
    with pytest.raises(JarError, match=r"checksum differs from the pinned one.*KLOKWERK_MAVEN_URL"):
        await asyncio.to_thread(kafka_class_path, cache)
    assert list(cache.rglob("*.jar")) == []
