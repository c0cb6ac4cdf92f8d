"""The migrations of every service are one chain in the order of their numbers."""

from __future__ import annotations

import pytest
from alembic.script import ScriptDirectory
from klokwerk.database import head_revision
from klokwerk.migration import alembic_config
from klokwerk_platform.services import SERVICES


@pytest.mark.parametrize("package", [service.package for service in SERVICES])
def test_migrations_follow_one_another_by_number(package: str) -> None:
    chain = ScriptDirectory.from_config(alembic_config(package))
    assert chain.get_bases() == ["0001"]
    assert chain.get_heads() == [head_revision(package)], (
        "two branches changed the schema; make them one chain"
    )
    numbers = [script.revision for script in chain.walk_revisions()]
    assert numbers == sorted(numbers, reverse=True)
