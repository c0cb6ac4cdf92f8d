"""The commands beside `serve`: users and keys from the command line."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable, Sequence

import pytest
from back_office.__main__ import add_user, renew_key, set_password
from back_office_world import PASSWORD, SETTINGS_HOSTS, start_world
from klokwerk.testing import fresh_database

Command = Callable[[Sequence[str]], int]


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs a command as its process would, with a password in the pipe; gives status and what was said."""

    async def run(url: str, command: Command, *arguments: str, typed: str = "") -> tuple[int, str]:
        monkeypatch.setenv("KLOKWERK_DATABASE_URL", url)
        monkeypatch.setenv("KLOKWERK_SECRET_KEY", "a secret for tests only")
        for name in SETTINGS_HOSTS:
            monkeypatch.setenv(f"KLOKWERK_{name.upper()}_URL", "http://127.0.0.1:9")
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        status = await asyncio.to_thread(command, arguments)
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


async def test_users_and_keys_are_looked_after_from_the_command_line(run, platform_servers):
    async with fresh_database(platform_servers.admin_database_url, "back_office") as url:
        assert await run(url, add_user, "Piet", "sales", "ops", typed=f"{PASSWORD}\n") == (
            0,
            "user Piet was made with sales, ops\n",
        )
        async with start_world(url) as world:
            browser = await world.signed_in(name="piet")
            old = (await world.client.get("/.well-known/jwks.json")).json()["keys"]
            assert (await run(url, set_password, "Piet", typed="another password\n"))[0] == 0
            assert (await browser.get("/debtors")).status_code == 303, "signed out by the new password"
            await world.signed_in(name="piet", password="another password")
            status, said = await run(url, renew_key)
        async with start_world(url) as world:
            new = (await world.client.get("/.well-known/jwks.json")).json()["keys"]
        assert status == 0
        assert new[0]["kid"] in said
        assert new[1] == old[0]


@pytest.mark.parametrize(
    ("command", "arguments", "typed", "words"),
    [
        (add_user, ["piet"], "", "usage: add-user"),
        (add_user, ["piet", "king"], "long enough\n", "no such role: king"),
        (add_user, ["piet", "ops"], "short\n", "8 to 200 characters"),
        (add_user, ["anna", "ops"], "long enough\n", "there is a user anna already"),
        (set_password, ["nobody-here"], "long enough\n", "no user nobody-here"),
        (set_password, [], "", "usage: set-password"),
    ],
)
async def test_a_wrong_command_says_what_is_wrong(run, running_office, command, arguments, typed, words):
    status, said = await run(str(running_office.settings.database_url), command, *arguments, typed=typed)
    assert status == 2
    assert words in said
