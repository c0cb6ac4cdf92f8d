"""Who may do what, from signing in at the back office to the service that decides."""

from __future__ import annotations

import httpx
import pytest
from klokwerk_platform.demo.doors import until
from klokwerk_platform.services import BACK_OFFICE
from system_people import ROLES, people

pytestmark = pytest.mark.system

LISTS = {
    "debtor-service": "/debtors",
    "sales-service": "/invoices",
    "ekt-service": "/ekts",
    "dispatch-service": "/invoices",
    "accounting-sync": "/administrations",
}


@pytest.fixture(scope="module")
async def staff(set_up):
    """One person for each role."""
    async with people(set_up) as found:
        yield found


async def test_EF_74_everybody_sees_the_button_and_who_edits_debtors_changes_use_ekts(world, staff):
    debtor = await world.debtor()
    await world.sell(debtor)
    await world.mailed_times(debtor, 1)
    changed = {}
    for role in ROLES:
        seen = await staff[role].ask("sales-service", "GET", f"/days/{world.day}/debtors/{debtor}")
        assert (role, seen.status_code) == (role, 200)
        assert seen.json()["can_resend"] == {"visible": True, "missing": []}
        card = await staff[role].ask("debtor-service", "GET", f"/debtors/{debtor}")
        path, tag = f"/debtors/{debtor}/ekt", card.headers["etag"]
        answer = await staff[role].ask("debtor-service", "PATCH", path, {"use_ekts": True}, tag)
        changed[role] = answer.status_code
    assert changed == {"sales": 200, "finance": 200, "ops": 200, "billing-admin": 403, "read-only": 403}
    assert answer.headers["content-type"] == "application/problem+json"


async def test_EF_74_who_sells_resends_and_a_refused_click_sends_nothing(world, staff):
    debtor = await world.debtor()
    await world.sell(debtor)
    await world.mailed_times(debtor, 1)
    path = f"/days/{world.day}/debtors/{debtor}/resend"
    answers = {}
    for role in ROLES:
        answers[role] = (await staff[role].ask("sales-service", "POST", path, {})).status_code
    assert answers == {"sales": 202, "ops": 202, "finance": 403, "billing-admin": 403, "read-only": 403}
    await world.ekt_sent(debtor, 3)
    await world.all_read()
    assert len(await world.mailed(debtor)) == 3


async def test_EP_72_only_finance_fetches_changes_and_exports(world, staff):
    body = {"line_ids": [], "action": "Update"}
    steps = {"/main/debtors/fetch": None, "/main/debtors/lines/status": body, "/main/debtors/export": {}}
    for path, wanted in steps.items():
        for role in set(ROLES) - {"finance"}:
            answer = await staff[role].ask("accounting-sync", "POST", path, wanted)
            assert (path, role, answer.status_code) == (path, role, 403)
    assert (await staff["finance"].ask("accounting-sync", "POST", "/main/debtors/fetch")).status_code == 200


async def test_NV_69_billing_administrators_change_the_settings_and_sales_take_one_invoice_out(world, staff):
    now = await staff["sales"].ask("dispatch-service", "GET", "/settings")
    choices = {
        "sources": ["contract", "manual", "rebilled", "interface"],
        "channels": ["einvoice", "email", "print"],
        "notice_email": "facturatie@klaproos.example",
    }
    tag = now.headers["etag"]
    for role in set(ROLES) - {"billing-admin"}:
        answer = await staff[role].ask("dispatch-service", "PUT", "/settings", choices, tag)
        assert (role, answer.status_code) == (role, 403)
    saved = await staff["billing-admin"].ask("dispatch-service", "PUT", "/settings", choices, tag)
    assert saved.status_code == 200, saved.text
    debtor = await world.debtor(use_ekts=False)
    issued = await world.invoice(debtor, lines=[{"name": "Vervoer", "quantity": "1", "price": "25.00"}])
    await world.dispatch(issued["invoice_id"], "waiting")
    path = f"/invoices/{issued['invoice_id']}/automatic"
    refused = await staff["read-only"].ask("dispatch-service", "POST", path, {"on": False})
    assert refused.status_code == 403
    taken = await staff["sales"].ask("dispatch-service", "POST", path, {"on": False})
    assert taken.status_code == 200, taken.text
    assert taken.json()["automatic"] is False


@pytest.mark.parametrize("service", LISTS)
async def test_without_a_good_token_every_service_answers_401(world, service):
    url = f"{world.doors.urls[service]}/v1{LISTS[service]}"
    token = await world.doors._bearer()
    head, body, signature = token.split(".")
    forged = f"{head}.{body}.{'A' * len(signature)}"
    unsigned = f"eyJhbGciOiJub25lIn0.{body}."
    async with httpx.AsyncClient(trust_env=False) as client:
        for bad in ("", "Bearer x", f"Bearer {forged}", f"Bearer {unsigned}", f"Basic {token}"):
            answer = await client.get(url, headers={"Authorization": bad} if bad else {})
            assert (bad, answer.status_code) == (bad, 401)
            assert "token" in answer.text
        good = await client.get(url, headers={"Authorization": f"Bearer {token}"})
        assert good.status_code == 200


async def test_a_token_of_before_a_restart_of_the_back_office_stays_good(world):
    token = await world.doors._bearer()
    keys = (await world.doors._client.get(f"{world.doors.urls[BACK_OFFICE]}/.well-known/jwks.json")).json()
    world.platform.kill(BACK_OFFICE)
    url = f"{world.doors.urls['ekt-service']}/v1/ekts"
    meanwhile = await world.doors._client.get(url, headers={"Authorization": f"Bearer {token}"})
    assert meanwhile.status_code == 200
    await world.platform.restart(BACK_OFFICE)

    async def same_keys() -> bool:
        found = await world.doors.outside(f"{world.doors.urls[BACK_OFFICE]}/.well-known/jwks.json")
        return found == keys

    await until("the back office signs with the keys it had", same_keys, within=20)
    world.doors._token = ("", 0.0)
    assert await world.doors.get("sales-service", "/summary")
