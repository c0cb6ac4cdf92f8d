"""A debtor's connection to its own server: filled in, tested step by step, accepted, kept secret, handed over."""

import json

import asyncssh
import pytest
from customer_world import PASSWORD, USER, Customer, connect, probe
from ekt_service.domain.requirements import Code
from ekt_world import World, a_debtor, a_sale, new_id
from klokwerk.testing import eventually
from klokwerk_contracts import DebtorChanged
from klokwerk_contracts.debtor_changed import CardState
from klokwerk_platform.customer.ftps import FtpsSink
from klokwerk_platform.customer.identity import certificate, host_key
from klokwerk_platform.customer.sftp import SftpSink
from klokwerk_platform.ports import free_ports


async def known(world: World, **changes) -> DebtorChanged:
    """A debtor whose card the service has."""
    debtor = a_debtor(**changes)
    await world.publish(debtor)
    await world.consumed(DebtorChanged)
    return debtor


def path(debtor: DebtorChanged, more: str = "") -> str:
    return f"/v1/debtors/{debtor.debtor_id}/connection{more}"


async def put(world: World, debtor: DebtorChanged, address: dict, secrets: dict, revision: int = 0):
    headers = world.headers("sales") | {"If-Match": f'"{revision}"'}
    return await world.http.put(path(debtor), json={"address": address, "secrets": secrets}, headers=headers)


# --- keeping -------------------------------------------------------------------------------------------------


async def test_secrets_go_in_and_never_come_out_again(world: World, customer: Customer) -> None:
    debtor = await known(world)
    written = await put(world, debtor, customer.address("sftp"), {"password": "never to be seen"})
    assert written.json()["held"] == ["password"]
    read = await world.http.get(path(debtor), headers=world.headers("finance"))
    assert read.headers["ETag"] == '"1"'
    assert read.json()["place"] == f"sftp://{USER}@127.0.0.1:{customer.ports['sftp']}/"
    kept = await put(world, debtor, customer.address("sftp", "other"), {}, 1)
    assert kept.json()["held"] == ["password"]
    emptied = await put(world, debtor, customer.address("sftp"), {"password": ""}, 2)
    assert emptied.json()["held"] == []
    trail = await world.rows(
        "select action, old, new from audit where entity = 'connection' and entity_id = :id order by id",
        id=f"main/{debtor.debtor_id}",
    )
    assert [row[0] for row in trail] == ["filled in", "changed", "changed"]
    assert trail[0][2]["secrets"] == ["password"]
    everything = json.dumps([trail, written.json(), read.json(), kept.json()])
    assert "never to be seen" not in everything


async def test_an_edit_needs_the_right_role_and_the_revision_that_was_seen(
    world: World, customer: Customer
) -> None:
    debtor = await known(world)
    body = {"address": customer.address("sftp"), "secrets": {}}
    for role, status in (("read-only", 403), ("billing-admin", 403), ("sales", 428)):
        answer = await world.http.put(path(debtor), json=body, headers=world.headers(role))
        assert answer.status_code == status
    assert (await world.http.get(path(debtor), headers=world.headers("read-only"))).status_code == 403
    assert (await world.http.get(path(debtor), headers=world.headers("sales"))).status_code == 404
    assert (await put(world, debtor, customer.address("sftp"), {}, 3)).status_code == 412
    assert (await put(world, debtor, customer.address("sftp"), {}, 0)).status_code == 200
    assert (await put(world, debtor, customer.address("sftp"), {}, 0)).status_code == 412
    stranger = a_debtor(new_id())
    answer = await put(world, stranger, customer.address("sftp"), {})
    assert (answer.status_code, "not known to the EKT service" in answer.text) == (404, True)


@pytest.mark.parametrize(
    ("address", "secrets", "field"),
    [
        ({"way": "sftp", "host": "bad host", "user": "u"}, {}, "address.sftp.host"),
        ({"way": "sftp", "host": "h.example", "user": "u", "folder": "a/../../b"}, {}, "address.sftp.folder"),
        ({"way": "sftp", "host": "h.example", "user": "u\r\nDELE x"}, {}, "address.sftp.user"),
        ({"way": "sftp", "host": "h.example", "user": "u"}, {"private_key": "x"}, "secrets.private_key"),
        ({"way": "ftps", "host": "h.example", "user": "u"}, {"password": "a\r\nQUIT"}, "secrets.password"),
        ({"way": "ftps", "host": "h.example", "user": "u", "ca": "x"}, {}, "address.ftps.ca"),
        ({"way": "http", "url": "ftp://h.example"}, {}, "address.http.url"),
        ({"way": "http", "url": "https://u:p@h.example/"}, {}, "address.http.url"),
        ({"way": "http", "url": "https://h.example/a b"}, {}, "address.http.url"),
        ({"way": "http", "url": "https://h.example"}, {"signing_secret": "short"}, "secrets.signing_secret"),
        ({"way": "gopher"}, {}, "address"),
    ],
)
async def test_what_can_not_work_is_refused_when_it_is_saved(
    world: World, address: dict, secrets: dict, field: str
) -> None:
    debtor = await known(world)
    answer = await put(world, debtor, address, secrets)
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_password_is_not_told_to_another_server_than_the_one_it_was_typed_for(
    world: World, customer: Customer
) -> None:
    debtor = await known(world)
    await put(world, debtor, customer.address("sftp"), {"password": PASSWORD})
    elsewhere = customer.address("sftp", host="localhost")
    answer = await put(world, debtor, elsewhere, {}, 1)
    assert answer.json()["errors"][0]["field"] == "secrets.password"
    assert "again" in answer.json()["errors"][0]["cure"]
    assert (await put(world, debtor, elsewhere, {"password": PASSWORD}, 1)).status_code == 200


async def test_secrets_of_another_key_are_told_and_can_be_typed_anew(
    world: World, customer: Customer
) -> None:
    debtor = await customer.debtor(world, "sftp")
    async with world.database.transaction() as connection:
        await connection.exec_driver_sql(
            "update connection set sealed = decode(repeat('00', 60), 'hex') "
            f"where debtor_id = '{debtor.debtor_id}'"
        )
    refused = await world.http.post(path(debtor, "/test"), headers=world.headers("sales"))
    assert refused.status_code == 409
    assert "KLOKWERK_SECRET_KEY" in refused.json()["detail"]
    await world.publish(a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1, "failed")
    assert "KLOKWERK_SECRET_KEY" in ekt["message"]
    address = customer.address("sftp", debtor.debtor_id)
    assert (await put(world, debtor, address, {"password": PASSWORD}, 2)).status_code == 200
    assert (await probe(world, debtor))["ok"]


# --- testing -------------------------------------------------------------------------------------------------


async def test_a_first_test_shows_the_host_key_and_goes_on_once_a_person_accepts_it(
    world: World, customer: Customer
) -> None:
    debtor = await known(world, ekt={"transfer": "sftp"})
    customer.inbox(debtor, "sftp").mkdir(parents=True)
    await connect(world, debtor, customer.address("sftp", debtor.debtor_id), {"password": PASSWORD})
    shown = await probe(world, debtor)
    assert [(step["name"], step["outcome"]) for step in shown["steps"]] == [
        ("connect", "done"),
        ("host_key", "asks"),
    ]
    assert shown["fingerprint"] == customer.sftp.fingerprint
    made_up = await world.http.post(
        path(debtor, "/test"), json={"accept": "ssh-ed25519 SHA256:else"}, headers=world.headers("sales")
    )
    assert made_up.status_code == 409
    accepted = await probe(world, debtor, accept=shown["fingerprint"])
    assert [(step["name"], step["outcome"]) for step in accepted["steps"]] == [
        (name, "done") for name in ("connect", "host_key", "sign_in", "write", "rename", "read", "remove")
    ]
    assert list(customer.inbox(debtor, "sftp").iterdir()) == []
    kept = (await world.http.get(path(debtor), headers=world.headers("sales"))).json()
    assert (kept["fingerprint"], kept["test"]["ok"], kept["test"]["by"]) == (
        shown["fingerprint"],
        True,
        "Anna",
    )
    assert kept["revision"] == 2


async def test_a_changed_host_key_is_refused_in_clear_words_until_it_is_accepted(
    world: World, customer: Customer, tmp_path
) -> None:
    (port,) = free_ports(1)
    folder = tmp_path / "sftp"
    old, new = host_key(tmp_path / "old"), host_key(tmp_path / "new")
    debtor = await known(world, ekt={"transfer": "sftp"})
    server = SftpSink(folder, port, old, user=USER, password=PASSWORD)
    await server.start()
    await connect(world, debtor, customer.address("sftp", port=port), {"password": PASSWORD})
    assert (await probe(world, debtor, accept=(await probe(world, debtor))["fingerprint"]))["ok"]
    await server.stop()
    server = SftpSink(folder, port, new, user=USER, password=PASSWORD)
    await server.start()
    await world.publish(a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1, "failed")
    assert "another host key than the one that was accepted. Nothing was sent." in ekt["message"]
    assert list(folder.iterdir()) == []
    changed = await probe(world, debtor)
    assert (changed["asks"], changed["fingerprint"]) == (True, server.fingerprint)
    assert (await probe(world, debtor, accept=server.fingerprint))["ok"]
    await server.stop()


async def test_a_certificate_that_signed_itself_is_shown_accepted_and_missed_when_it_changes(
    world: World, customer: Customer, tmp_path
) -> None:
    (port,) = free_ports(1)
    debtor = await known(world, ekt={"transfer": "ftps"})
    server = FtpsSink(tmp_path / "ftps", port, certificate(tmp_path / "old"), user=USER, password=PASSWORD)
    server.start()
    await connect(world, debtor, customer.address("ftps", port=port, ca=""), {"password": PASSWORD})
    shown = await probe(world, debtor)
    assert (shown["steps"][-1]["name"], shown["steps"][-1]["outcome"]) == ("certificate", "asks")
    assert shown["fingerprint"].startswith("SHA256:")
    assert (await probe(world, debtor, accept=shown["fingerprint"]))["ok"]
    server.stop()
    server = FtpsSink(tmp_path / "ftps", port, certificate(tmp_path / "new"), user=USER, password=PASSWORD)
    server.start()
    await world.publish(a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1, "failed")
    assert "another certificate than the one that was accepted" in ekt["message"]
    assert list((tmp_path / "ftps").iterdir()) == []
    server.stop()


async def test_a_private_key_with_a_passphrase_signs_in(world: World, customer: Customer, tmp_path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    (port,) = free_ports(1)
    public = key.export_public_key().decode()
    server = SftpSink(tmp_path, port, customer.sftp.key, user=USER, authorized_key=public)
    await server.start()
    debtor = await known(world, ekt={"transfer": "sftp"})
    pem = key.export_private_key(passphrase="tulip", rounds=8, ignore_few_rounds=True).decode()
    wrong = await put(
        world,
        debtor,
        customer.address("sftp", port=port),
        {"private_key": pem, "passphrase": "rose"},
    )
    assert "passphrase" in wrong.json()["errors"][0]["message"]
    await connect(
        world, debtor, customer.address("sftp", port=port), {"private_key": pem, "passphrase": "tulip"}
    )
    assert (await probe(world, debtor, accept=(await probe(world, debtor))["fingerprint"]))["ok"]
    await server.stop()


@pytest.mark.parametrize(
    ("way", "changes", "secrets", "step", "words"),
    [
        ("sftp", {"port": 1}, {}, "connect", "can't be reached: connection refused"),
        ("sftp", {"host": "no-such-host.invalid"}, {}, "connect", "can't be looked up"),
        ("ftps", {}, {"password": "wrong"}, "sign_in", "Authentication failed"),
        ("ftps", {"folder": "nowhere"}, {}, "folder", "can't be entered"),
        ("ftps", {"port": 1}, {}, "connect", "connection refused"),
        ("http", {}, {"signing_secret": "another secret of that length"}, "answer", "signature is not right"),
        ("http", {"url": "http://127.0.0.1:1/ekt"}, {}, "connect", "connection refused"),
        ("http", {"status_url": "http://127.0.0.1:1/"}, {}, "status", "connection refused"),
    ],
)
async def test_a_test_says_at_which_step_it_failed_and_why(
    world: World, customer: Customer, way: str, changes: dict, secrets: dict, step: str, words: str
) -> None:
    debtor = await known(world, ekt={"transfer": way})
    await connect(world, debtor, customer.address(way, **changes), customer.secrets(way) | secrets)
    found = await probe(world, debtor)
    assert (found["ok"], found["steps"][-1]["name"], found["steps"][-1]["outcome"]) == (False, step, "failed")
    assert words in found["steps"][-1]["message"]
    check = await world.day(debtor.debtor_id)
    assert "EF-67" in [item["code"] for item in check["warnings"]]


# --- requirements --------------------------------------------------------------------------------------------


async def test_EF_64_EF_67_a_transfer_without_a_connection_is_a_requirement_with_its_link(
    world: World, customer: Customer
) -> None:
    debtor = await known(world, ekt={"transfer": "sftp"}, emails=())
    await world.publish(a_sale(debtor.debtor_id))
    (ekt,) = await world.ekts(debtor.debtor_id, 1, "failed")
    assert "there is no connection to its server" in ekt["message"]
    configuration = f"/debtors/{debtor.debtor_id}/configuration"

    async def missing() -> list[tuple[str, str, str]]:
        found = (await world.day(debtor.debtor_id))["missing"]
        return [(item["code"], item["field"], item["link"]) for item in found]

    assert await missing() == [(Code.REACHABLE, "connection", configuration)]
    await connect(world, debtor, customer.address("http"), customer.secrets("http"))
    assert await missing() == [(Code.REACHABLE, "connection", configuration)]
    await connect(world, debtor, customer.address("sftp"), {}, 1)
    assert await missing() == [
        (Code.REACHABLE, "connection", configuration),
        (Code.METHOD_CONFIGURED, "connection", configuration),
    ]
    await connect(world, debtor, customer.address("sftp"), {"password": PASSWORD}, 2)
    await probe(world, debtor, accept=(await probe(world, debtor))["fingerprint"])
    check = await world.day(debtor.debtor_id)
    assert (check["missing"], check["warnings"], check["can_resend"]) == ([], [], True)
    await connect(world, debtor, customer.address("sftp", "elsewhere"), {}, 4)
    check = await world.day(debtor.debtor_id)
    assert ([item["code"] for item in check["warnings"]], check["can_resend"]) == (["EF-67"], True)


# --- merges --------------------------------------------------------------------------------------------------


async def test_a_merge_hands_the_connection_over_where_the_target_has_none(
    world: World, customer: Customer
) -> None:
    source = await customer.debtor(world, "sftp")
    target, other = await known(world, ekt={"transfer": "sftp"}), await customer.debtor(world, "http")
    tombstone = a_debtor(source.debtor_id, 2, state=CardState.MERGED, merged_into=target.debtor_id)
    await world.publish(tombstone)
    await world.consumed(DebtorChanged)
    taken_over = (await world.http.get(path(target), headers=world.headers("sales"))).json()
    assert taken_over["debtor_id"] == target.debtor_id
    await world.publish(a_sale(target.debtor_id))
    (ekt,) = await world.ekts(target.debtor_id, 1)
    assert list(customer.arrived(source, "sftp")) == [ekt["file_name"]]
    closed = await put(world, source, customer.address("sftp"), {}, 0)
    assert closed.status_code == 409
    assert target.debtor_id in closed.json()["detail"]
    # A target that has one keeps it.
    await world.publish(a_debtor(target.debtor_id, 2, state=CardState.MERGED, merged_into=other.debtor_id))
    await world.consumed(DebtorChanged)
    kept = (await world.http.get(path(other), headers=world.headers("sales"))).json()
    assert kept["address"]["way"] == "http"

    async def only_one() -> bool:
        ids = [source.debtor_id, target.debtor_id, other.debtor_id]
        rows = await world.rows("select debtor_id from connection where debtor_id = any(:ids)", ids=ids)
        return rows == [[other.debtor_id]]

    await eventually(only_one)
