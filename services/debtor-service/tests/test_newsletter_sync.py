"""The audience at Mailchimp kept in step, against a simulator that answers as Mailchimp does over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from debtor_service.domain.newsletter import hash_of
from debtor_service.newsletter import syncing
from debtor_service.newsletter.starting import nightly
from debtor_world import World, fresh, start_world
from klokwerk.clock import FixedClock
from klokwerk.database import Database
from klokwerk.kafka import KafkaAddress
from klokwerk.testing import eventually, fresh_database, own_prefix, topics, topics_of
from klokwerk_contracts import DebtorChanged, InvoiceCreated, SaleCompleted
from klokwerk_platform.http_server import serving
from klokwerk_platform.ports import free_ports
from klokwerk_platform.simulators import mailchimp
from klokwerk_platform.simulators.mailchimp import API_KEY, LIST_ID

MEMBERS = f"/3.0/lists/{LIST_ID}/members"


@dataclass(slots=True)
class Office:
    """The service, and a Mailchimp of its own."""

    world: World
    outside: httpx.AsyncClient

    async def read(self) -> dict[str, Any]:
        return (await self.world.client.get("/v1/newsletter", headers=self.world.headers("read-only"))).json()

    async def save(self, **changes: Any) -> httpx.Response:
        stored = await self.read()
        names = ("list_id", "policy", "tags", "nightly", "at_time")
        body = {name: stored[name] for name in names} | changes
        headers = self.world.headers("ops", revision=stored["revision"])
        return await self.world.client.put("/v1/newsletter", json=body, headers=headers)

    async def start(self) -> httpx.Response:
        return await self.world.client.post("/v1/newsletter/sync", headers=self.world.headers("ops"))

    async def over(self, job_id: str) -> dict[str, Any]:
        async def final() -> dict[str, Any] | None:
            answer = await self.world.client.get(f"/v1/jobs/{job_id}", headers=self.world.headers("ops"))
            return answer.json() if answer.json()["state"] in ("done", "failed", "cancelled") else None

        return await eventually(final, within=30)

    async def sync(self, state: str = "done") -> dict[str, Any]:
        """Bring both sides in step; gives the job."""
        answer = await self.start()
        assert answer.status_code == 202, answer.text
        job = await self.over(answer.json()["id"])
        assert job["state"] == state, job
        return job

    async def members(self) -> dict[str, dict[str, Any]]:
        stored = (await self.outside.get("/_stored")).json()["members"]
        return {each["item"]["email_address"]: each["item"] for each in stored}

    async def choose(self, debtor_id: str, choice: str) -> httpx.Response:
        return await self.world.client.put(
            f"/v1/debtors/{debtor_id}/newsletter",
            json={"choice": choice},
            headers=self.world.headers("sales"),
        )

    async def choice(self, debtor_id: str) -> dict[str, Any]:
        answer = await self.world.client.get(
            f"/v1/debtors/{debtor_id}/newsletter", headers=self.world.headers("read-only")
        )
        return answer.json()

    async def happens(self, email: str, status: str, reason: str = "") -> None:
        """What a person does with a mail, or a mailbox with us."""
        await self.outside.put(f"/_happens/{LIST_ID}/{email}", json={"status": status, "reason": reason})

    async def customer(self, **fields: Any) -> dict[str, Any]:
        tag = fresh("n")
        return await self.world.make(
            **({"debtor_id": tag, "name": tag, "emails": [{"address": f"{tag}@x.example"}]} | fields)
        )

    async def asked(self, path: str = "", method: str = "") -> list[dict[str, Any]]:
        return (await self.outside.get("/_requests", params={"path": path, "method": method})).json()


@asynccontextmanager
async def an_office(platform_servers: Any) -> AsyncIterator[Office]:
    (port,) = free_ports(1)
    address = KafkaAddress(platform_servers.kafka, own_prefix())
    names = topics_of("debtor-service", SaleCompleted, InvoiceCreated, written=[DebtorChanged])
    settings = {
        "secret_key": "a secret for tests only",
        "mailchimp_url": f"http://127.0.0.1:{port}/3.0",
        "mailchimp_timeout_seconds": 2.0,
        "mailchimp_retry_seconds": (0.01, 0.01, 0.02, 0.02),
        "mailchimp_poll_seconds": 0.01,
    }
    async with (
        serving([(mailchimp.create_app(), port)]),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as outside,
        topics(address, names),
        fresh_database(platform_servers.admin_database_url, "debtor_service") as url,
        start_world(url, address, **settings) as world,
    ):
        await world.settle(apps=["languages", "newsletter"])
        yield Office(world, outside)


@pytest.fixture(scope="module")
async def the_office(platform_servers) -> AsyncIterator[Office]:
    async with an_office(platform_servers) as office:
        yield office


@pytest.fixture
async def office(the_office: Office) -> Office:
    """The office with an empty card file and audience, connected."""
    connection = await asyncpg.connect(the_office.world.database_url)
    await connection.execute("truncate newsletter_choice, newsletter_member, job cascade")
    await connection.execute("update card set state = 'blocked'")
    await connection.execute("update newsletter_settings set read_up_to = null, trouble = ''")
    await connection.close()
    outside = the_office.outside
    await outside.delete("/_control")
    await outside.delete("/_stored")
    await outside.put("/_keys", json={"keys": [API_KEY]})
    await outside.put("/_limits", json={})
    await the_office.world.settle(apps=["languages", "newsletter"])
    saved = await the_office.save(
        api_key=API_KEY, list_id=LIST_ID, policy="opt_out", tags=["Klokwerk"], nightly=False
    )
    assert saved.status_code == 200, saved.text
    await outside.delete("/_requests")
    return the_office


async def test_FA_84_the_customers_are_brought_in_step_with_the_audience(office: Office) -> None:
    sweden = await office.customer(name="Blomster & Co", language="sv")
    mail = sweden["emails"][0]["address"]
    supplier = await office.customer(kinds=["creditor"])
    nobody = await office.customer(emails=[])
    job = await office.sync()
    assert job["result"]["told"] == 1
    members = await office.members()
    assert list(members) == [mail]
    member = members[mail]
    assert (member["status"], member["language"], member["tags"]) == ("subscribed", "sv", ["Klokwerk"])
    assert member["merge_fields"] == {"FNAME": "Blomster & Co"}
    assert supplier["debtor_id"] not in str(members)
    assert (await office.choice(sweden["debtor_id"]))["status"] == "subscribed"
    assert (await office.choice(nobody["debtor_id"]))["gets_it"] is False
    shown = await office.read()
    assert (shown["counts"]["subscribed"], shown["synced_at"] is not None) == (1, True)

    await office.outside.delete("/_requests")
    again = await office.sync()
    assert again["result"].get("told", 0) == 0
    assert await office.asked(MEMBERS, "PUT") == []
    assert (
        await office.world.save(await office.world.card(sweden["debtor_id"]), name="Blomster AB")
    ).is_success
    await office.sync()
    assert (await office.members())[mail]["merge_fields"] == {"FNAME": "Blomster AB"}


async def test_a_tag_that_is_not_wanted_any_more_comes_off_and_those_of_others_stay(office: Office) -> None:
    mail = (await office.customer())["emails"][0]["address"]
    assert (await office.save(tags=["Klokwerk", "Roses"])).status_code == 200
    await office.sync()
    theirs = {"tags": [{"name": "VIP", "status": "active"}]}
    path = f"/3.0/lists/{LIST_ID}/members/{hash_of(mail)}/tags"
    assert (await office.outside.post(path, json=theirs, auth=("key", API_KEY))).is_success
    assert (await office.save(tags=["Klokwerk"])).status_code == 200
    await office.sync()
    assert (await office.members())[mail]["tags"] == ["Klokwerk", "VIP"]
    assert (await office.save(tags=[])).status_code == 200
    await office.sync()
    assert (await office.members())[mail]["tags"] == ["VIP"]
    await office.outside.delete("/_requests")
    await office.sync()
    assert await office.asked(path, "POST") == [], "told once"


async def test_FA_85_who_unsubscribes_by_the_newsletter_stays_out_whatever_the_office_does(
    office: Office,
) -> None:
    customer = await office.customer()
    mail, card = customer["emails"][0]["address"], customer["debtor_id"]
    await office.sync()
    await office.happens(mail, "unsubscribed", "too many mails")
    job = await office.sync()
    assert job["result"]["unsubscribed"] == 1
    choice = await office.choice(card)
    assert (choice["choice"], choice["source"], choice["reason"]) == ("no", "mailchimp", "too many mails")
    refused = await office.choose(card, "yes")
    assert (refused.status_code, refused.json()["title"]) == (409, "They unsubscribed themselves")
    history = await office.world.client.get(f"/v1/debtors/{card}/history", headers=office.world.headers())
    assert history.json()["items"][0]["person_name"] == "Mailchimp"
    assert (await office.world.save(await office.world.card(card), name="Nieuwe naam")).is_success
    other = await office.customer(emails=[{"address": mail.upper()}])
    await office.sync()
    assert (await office.members())[mail]["status"] == "unsubscribed"
    assert (await office.choice(other["debtor_id"]))["status"] == "unsubscribed"

    await office.happens(mail, "subscribed")
    await office.sync()
    assert (await office.choice(card))["choice"] == "yes"


async def test_an_opt_out_noted_by_the_office_is_told_and_can_be_taken_back(office: Office) -> None:
    customer = await office.customer()
    mail, card = customer["emails"][0]["address"], customer["debtor_id"]
    await office.sync()
    assert (await office.choose(card, "no")).json()["choice"] == "no"
    await office.sync()
    assert (await office.members())[mail]["status"] == "unsubscribed"
    await office.sync()
    choice = await office.choice(card)
    assert (choice["choice"], choice["source"]) == ("no", "office")
    assert (await office.choose(card, "yes")).status_code == 200
    await office.sync()
    assert (await office.members())[mail]["status"] == "subscribed"


async def test_FA_85_who_was_anonymised_is_forgotten_at_mailchimp_too(office: Office) -> None:
    customer = await office.customer()
    await office.sync()
    card = await office.world.card(customer["debtor_id"])
    answer = await office.world.client.post(
        f"/v1/debtors/{customer['debtor_id']}/anonymise",
        json={"confirm": True},
        headers=office.world.headers("ops", revision=card["revision"]),
    )
    assert answer.is_success, answer.text
    job = await office.sync()
    assert job["result"].get("refused", 0) == 0
    assert await office.members() == {}
    assert len((await office.outside.get("/_stored")).json()["forgotten"]) == 1
    assert (await office.sync())["result"].get("told", 0) == 0


async def test_with_opt_in_only_who_said_yes_gets_it(office: Office) -> None:
    silent, willing = await office.customer(), await office.customer()
    await office.choose(willing["debtor_id"], "yes")
    assert (await office.save(policy="opt_in")).status_code == 200
    await office.sync()
    assert list(await office.members()) == [willing["emails"][0]["address"]]
    assert (await office.choice(silent["debtor_id"]))["gets_it"] is False


async def test_a_changed_address_takes_the_place_of_the_old_one_and_a_blocked_card_leaves(
    office: Office,
) -> None:
    customer = await office.customer()
    old = customer["emails"][0]["address"]
    await office.sync()
    new = f"new-{old}"
    saved = await office.world.save(customer, emails=[{"address": new}])
    assert saved.is_success
    await office.sync()
    states = {mail: member["status"] for mail, member in (await office.members()).items()}
    assert states == {old: "archived", new: "subscribed"}
    assert (await office.world.save(saved.json(), state="blocked")).is_success
    await office.sync()
    assert (await office.members())[new]["status"] == "archived"
    assert (
        await office.world.save(await office.world.card(customer["debtor_id"]), state="active")
    ).is_success
    await office.sync()
    assert (await office.members())[new]["status"] == "subscribed"


async def test_many_changes_go_by_batches_with_progress_and_each_refusal_is_told(office: Office) -> None:
    good = [await office.customer() for _ in range(23)]
    fake = await office.customer(emails=[{"address": f"{fresh()}@fake.example"}])
    await office.outside.put("/_limits", json={"polls": 2})
    job = await office.sync()
    assert (job["result"]["told"], job["result"]["refused"], job["result"]["tagged"]) == (23, 1, 23)
    assert job["done"] == job["total"] == 47
    assert len(await office.asked("/3.0/batches", "POST")) == 2
    assert await office.asked(MEMBERS, "PUT") == []
    shown = await office.read()
    (refused,) = shown["refused"]
    assert (refused["email"], refused["why"]) == (fake["emails"][0]["address"], "invalid")
    assert "looks fake" in refused["detail"]
    members = await office.members()
    assert {members[card["emails"][0]["address"]]["status"] for card in good} == {"subscribed"}
    assert (await office.choice(fake["debtor_id"]))["refused"] == "invalid"
    again = await office.sync()
    assert again["result"].get("refused", 0) == 0


async def test_answers_that_get_lost_after_acceptance_cost_a_repetition_and_nothing_else(
    office: Office,
) -> None:
    for _ in range(22):
        await office.customer()
    lost = {"lose_answer_after_accepting": 1, "only_paths": ["/3.0/batches"], "only_methods": ["POST"]}
    await office.outside.put("/_control", json=lost)
    await office.sync()
    assert len(await office.members()) == 22
    one = await office.customer()
    await office.outside.put(
        "/_control", json={"lose_answer_after_accepting": 2, "only_paths": [MEMBERS], "only_methods": ["PUT"]}
    )
    job = await office.sync()
    assert job["result"]["told"] == 1
    assert (await office.members())[one["emails"][0]["address"]]["status"] == "subscribed"


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_mailchimp_that_is_busy_or_broken_is_asked_again(office: Office, status: int) -> None:
    await office.customer()
    await office.outside.put("/_control", json={"fail_next": 3, "status": status, "only_paths": ["/3.0"]})
    await office.sync()
    assert len(await office.members()) == 1


async def test_a_bare_403_under_load_is_no_lack_of_rights(office: Office) -> None:
    await office.customer()
    await office.outside.put(
        "/_control",
        json={"fail_next": 2, "status": 403, "body": "<h1>Access denied</h1>", "only_paths": [MEMBERS]},
    )
    await office.sync()
    assert len(await office.members()) == 1


async def test_a_key_that_was_revoked_stops_it_with_words_and_keeps_everything(office: Office) -> None:
    customer = await office.customer()
    await office.sync()
    await office.outside.put("/_keys", json={"keys": []})
    assert (await office.world.save(customer, name="Anders")).is_success
    job = await office.sync("failed")
    assert "does not accept the API key" in job["message"]
    assert "Enter a new one" in (await office.read())["trouble"]
    new_key = "b" * 32 + "-us7"
    await office.outside.put("/_keys", json={"keys": [new_key]})
    assert (await office.save(api_key=new_key)).status_code == 200
    assert (await office.read())["trouble"] == ""
    await office.sync()
    assert (await office.members())[customer["emails"][0]["address"]]["merge_fields"] == {"FNAME": "Anders"}


async def test_never_more_than_the_connections_that_mailchimp_takes(office: Office) -> None:
    for _ in range(12):
        await office.customer()
    await office.outside.put("/_limits", json={"connections": 5, "thinking_seconds": 0.005})
    await office.sync()
    assert len(await office.members()) == 12
    assert {request["status"] for request in await office.asked("/3.0")} <= {200, 204}


async def test_a_synchronisation_goes_on_with_its_batch_after_a_restart(office: Office, monkeypatch) -> None:
    """The process dies while it waits for a batch: the next one follows that batch instead of handing it in again."""
    for _ in range(25):
        await office.customer()
    died = False
    follow = syncing.Syncing._follow

    async def dies_once(self, run, client, batch_id):
        nonlocal died
        if not died:
            died = True
            raise ConnectionError("the process dies here")
        return await follow(self, run, client, batch_id)

    monkeypatch.setattr(syncing.Syncing, "_follow", dies_once)
    await office.sync()
    assert died
    assert len(await office.members()) == 25
    bodies = [request["body"] for request in await office.asked("/3.0/batches", "POST")]
    assert sum("put:" in body for body in bodies) == 1


async def test_it_is_only_there_when_the_app_is_activated_and_set_up(office: Office) -> None:
    assert (await office.world.settle(apps=["languages"])).status_code == 200
    refused = await office.start()
    assert (refused.status_code, refused.json()["title"]) == (409, "The newsletter is not activated")
    assert (await office.read())["active"] is False
    await office.world.settle(apps=["newsletter"])
    for bad in ("nonsense", "0" * 32, "0" * 32 + "-us21"):
        answer = await office.save(api_key=bad)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "api_key"), bad
    unknown = await office.save(list_id="zzz")
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "list_id")
    tried = await office.world.client.post(
        "/v1/newsletter/test", json={"api_key": API_KEY}, headers=office.world.headers("ops")
    )
    assert [audience["id"] for audience in tried.json()["audiences"]] == [LIST_ID]
    for role in ("sales", "read-only"):
        answer = await office.world.client.post("/v1/newsletter/sync", headers=office.world.headers(role))
        assert answer.status_code == 403


async def test_the_key_is_sealed_and_never_shown(office: Office) -> None:
    shown = await office.read()
    assert API_KEY not in str(shown)
    assert shown["key_hint"] == API_KEY[-8:]
    connection = await asyncpg.connect(office.world.database_url)
    stored = await connection.fetchval("select api_key from newsletter_settings")
    trail = await connection.fetch("select old, new from audit where entity = 'newsletter'")
    await connection.close()
    assert API_KEY.encode() not in bytes(stored)
    assert API_KEY not in str(trail)


async def test_only_one_synchronisation_runs_at_a_time_and_each_night_starts_one(office: Office) -> None:
    await office.save(nightly=True, at_time="23:59")  # late: the service itself looks at the clock too
    database = Database(office.world.database_url)
    clock = FixedClock(datetime(2025, 12, 24, 22, 58, 30, tzinfo=UTC))
    assert await nightly(database, clock) is None
    clock.advance(timedelta(seconds=45))
    assert await nightly(database, clock) == clock.today()
    assert await nightly(database, clock) is None
    connection = await asyncpg.connect(office.world.database_url)
    jobs = await connection.fetch("select id, created_by_name from job where kind = 'newsletter-sync'")
    await connection.close()
    assert [job["created_by_name"] for job in jobs] == ["debtor-service"]
    await office.over(str(jobs[0]["id"]))
    clock.advance(timedelta(days=1))
    await office.outside.put("/_limits", json={"thinking_seconds": 0.2})
    assert await nightly(database, clock) == clock.today()
    second = await office.start()
    assert (second.status_code, second.json()["title"]) == (409, "A synchronisation is under way")
    await database.close()
