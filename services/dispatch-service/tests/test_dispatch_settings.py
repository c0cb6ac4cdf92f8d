"""Settings through the API: draft, Activate, warnings, rights (NV-01..NV-07, NV-25, NV-69)."""

from __future__ import annotations

import pytest


async def test_NV_06_off_until_activated_and_nothing_is_sent_meanwhile(tenant, world):
    page = await tenant.read_settings()
    assert (page["active"], page["next_run"]) == (None, None)
    invoice = await tenant.sold_to(email=f"off@{tenant.name}.example")
    shown = await tenant.read(invoice)
    assert (shown["state"], shown["reason"]) == ("by_hand", "service-off")
    await tenant.activate()
    await tenant.night()
    assert (await tenant.read(invoice))["state"] == "by_hand"
    assert await world.mails(f"off@{tenant.name}.example") == []


async def test_NV_02_NV_03_NV_04_NV_05_settings_count_only_after_activate(tenant):
    await tenant.activate(channels=["einvoice", "email"])
    saved = await tenant.save(channels=["einvoice", "email", "print"], by_invoice_date=True)
    page = saved.json()
    assert page["changed"] is True
    assert page["draft"]["channels"] == ["einvoice", "email", "print"]
    assert page["active"]["channels"] == ["einvoice", "email"]
    invoice = await tenant.sold_to()
    await tenant.night()
    assert (await tenant.becomes(invoice, "ignored"))["channel"] == "print"
    page = await tenant.activate(channels=["einvoice", "email", "print"])
    assert page["changed"] is False
    assert page["active"]["notice_email"] == tenant.email


async def test_NV_07_activating_without_source_or_channel_is_refused_and_names_them(tenant, world):
    await tenant.save(sources=[], channels=[])
    path = f"/v1/settings/activate?administration={tenant.name}"
    answer = await world.call("POST", path, "billing-admin")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert {error["field"] for error in answer.json()["errors"]} == {"sources", "channels"}
    assert all(error["cure"] for error in answer.json()["errors"])
    assert (await tenant.read_settings())["active"] is None


async def test_NV_07_activating_without_an_address_for_messages_warns(tenant):
    page = await tenant.activate(notice_email="")
    assert any("Neither an e-mail address nor a phone number" in warning for warning in page["warnings"])
    page = await tenant.activate(notice_email="", notice_phone="+31 6 12345678")
    assert page["warnings"] == []
    assert page["draft"]["notice_phone"] == "+31612345678"


async def test_NV_25_page_warns_what_leaving_a_channel_out_does(tenant):
    page = (await tenant.save(channels=["email", "print"])).json()
    assert any("every invoice will be ignored" in warning for warning in page["warnings"])
    assert (await tenant.save()).json()["warnings"] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("notice_phone", "12"), ("notice_email", "nobody"), ("channels", ["fax"]), ("unknown", 1)],
)
async def test_wrong_settings_are_refused_and_name_the_field(tenant, field, value):
    answer = await tenant.save(**{field: value})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith(field)


async def test_two_people_can_t_overwrite_each_other_unseen(tenant, world):
    path = f"/v1/settings?administration={tenant.name}"
    body = tenant.choices()
    without = await world.call("PUT", path, "billing-admin", json=body)
    assert without.status_code == 428
    first = await world.call("PUT", path, "billing-admin", json=body, headers={"If-Match": '"0"'})
    assert first.headers["etag"] == '"1"'
    second = await world.call("PUT", path, "billing-admin", json=body, headers={"If-Match": '"0"'})
    assert second.status_code == 412
    assert "Anna" in second.json()["detail"]


@pytest.mark.parametrize("role", ["sales", "finance", "ops", "read-only"])
async def test_NV_69_only_billing_administrators_change_the_settings(tenant, world, role):
    query = f"?administration={tenant.name}"
    assert (await world.call("GET", f"/v1/settings{query}", role)).status_code == 200
    saved = await world.call(
        "PUT", f"/v1/settings{query}", role, json=tenant.choices(), headers={"If-Match": '"0"'}
    )
    assert saved.status_code == 403
    assert "billing-admin" in saved.json()["detail"]
    for action in ("activate", "deactivate"):
        assert (await world.call("POST", f"/v1/settings/{action}{query}", role)).status_code == 403


async def test_without_a_token_nothing_is_shown(world):
    for path in ("/v1/settings", "/v1/invoices", "/v1/runs", "/v1/waiting", "/v1/summary"):
        assert (await world.client.get(path)).status_code == 401
