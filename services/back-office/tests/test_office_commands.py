"""The commands beside `serve`: users and keys from the command line."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest
from back_office_world import PASSWORD, SETTINGS_HOSTS, start_world
from klokwerk.testing import fresh_database


async def command(url: str, *arguments: str, typed: str = "") -> tuple[int, str]:
    """Exit status and everything that was said."""
    env = dict(os.environ) | {"KLOKWERK_DATABASE_URL": url, "KLOKWERK_SECRET_KEY": "a secret for tests only"}
    env |= {f"KLOKWERK_{name.upper()}_URL": "http://127.0.0.1:9" for name in SETTINGS_HOSTS}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "back_office",
        *arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=env,
    )
    said, _ = await process.communicate(typed.encode())
    return process.returncode or 0, said.decode()


async def test_users_and_keys_are_looked_after_from_the_command_line(platform_servers):
    async with fresh_database(platform_servers.admin_database_url, "back_office") as url:
        assert (await command(url, "add-user", "Piet", "sales", "ops", typed=f"{PASSWORD}\n"))[0] == 0
        async with start_world(url) as world:
            browser = await world.signed_in(name="piet")
            old = (await world.client.get("/.well-known/jwks.json")).json()["keys"]
            assert (await command(url, "set-password", "Piet", typed="another password\n"))[0] == 0
            assert (await browser.get("/debtors")).status_code == 303, "signed out by the new password"
            await world.signed_in(name="piet", password="another password")
            status, said = await command(url, "renew-key")
        async with start_world(url) as world:
            new = (await world.client.get("/.well-known/jwks.json")).json()["keys"]
        assert status == 0
        assert new[0]["kid"] in said
        assert new[1] == old[0]


@pytest.mark.parametrize(
    ("arguments", "typed", "words"),
    [
        (["add-user", "piet"], "", "usage: add-user"),
        (["add-user", "piet", "king"], "long enough\n", "no such role: king"),
        (["add-user", "piet", "ops"], "short\n", "8 to 200 characters"),
        (["set-password", "nobody-here"], "long enough\n", "no user nobody-here"),
        (["sing"], "", "usage: python -m back_office"),
    ],
)
async def test_a_wrong_command_says_what_is_wrong(running_office, arguments, typed, words):
    url = str(running_office.settings.database_url)
    status, said = await command(url, *arguments, typed=typed)
    assert status == 2
    assert words in said
