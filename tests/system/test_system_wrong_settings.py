"""A service that is started with a wrong setting says which one, and does not run."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from klokwerk_platform.secrets_file import Secrets
from klokwerk_platform.servers import Servers
from klokwerk_platform.services import BY_NAME, SERVICES, Surroundings, environment

pytestmark = pytest.mark.system

ADDRESSES = {
    "admin_database_url": "postgresql://nobody@127.0.0.1:1/none",
    "kafka": "127.0.0.1:1",
    "smtp": "127.0.0.1:1",
    "pop3": "127.0.0.1:1",
}
"""Nobody listens there; the settings are judged before anybody is called."""
SERVERS = Servers(**{each.name: ADDRESSES.get(each.name, "http://127.0.0.1:1") for each in fields(Servers)})
WRONG = {
    "debtor-service": {"KLOKWERK_ZONE": "Europe/Aalsmeer", "KLOKWERK_KAFKA": "kafka"},
    "sales-service": {"KLOKWERK_ADMINISTRATION": "main office", "KLOKWERK_PORT": "eighty"},
    "ekt-service": {
        "KLOKWERK_SMTP": "mail",
        "KLOKWERK_ROLES": "api,cook",
        "KLOKWERK_BOUNCE_ADDRESS": "a-mailbox-of-long-name@returns.example",
    },
    "dispatch-service": {"KLOKWERK_SMTP": "mail", "KLOKWERK_MAIL_FROM": "nobody"},
    "accounting-sync": {"KLOKWERK_SECRET_KEY": "short", "KLOKWERK_DATABASE_URL": "mysql://a@b/c"},
    "back-office": {"KLOKWERK_EKT_URL": "nowhere", "KLOKWERK_SECRET_KEY": "short"},
}


@pytest.mark.parametrize("service", WRONG)
def test_a_wrong_setting_is_refused_at_start_naming_every_variable(service):
    wrong = WRONG[service]
    urls = {each.name: "http://127.0.0.1:1" for each in SERVICES}
    around = Surroundings(Path("state"), SERVERS, Secrets("seed", "a password", "a secret"), urls)
    env = {key: value for key, value in os.environ.items() if not key.startswith("KLOKWERK_")}
    env |= environment(BY_NAME[service], "postgresql://a:b@127.0.0.1:1/c", around) | wrong
    command = [sys.executable, "-m", BY_NAME[service].package, "serve"]
    ran = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 2, ran.stderr
    named = {line.partition(":")[0] for line in ran.stderr.splitlines()}
    assert named == set(wrong)
    assert "Traceback" not in ran.stderr
