"""Fetching company data by VAT number, against a simulator that answers as VIES does over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from debtor_service.domain.vat_lookup import VatStatus, split_address
from debtor_service.vies import Vies
from debtor_world import World, card, fresh, start_world
from klokwerk.kafka import KafkaAddress
from klokwerk.testing import fresh_database, own_prefix, topics, topics_of
from klokwerk_contracts import DebtorChanged, InvoiceCreated, SaleCompleted
from klokwerk_platform.http_server import serving
from klokwerk_platform.ports import free_ports
from klokwerk_platform.simulators import vies

VIS, GERMAN, UNREGISTERED = "NL999000010B17", "DE136695976", "NL999000022B06"


@asynccontextmanager
async def simulator() -> AsyncIterator[httpx.AsyncClient]:
    (port,) = free_ports(1)
    async with (
        serving([(vies.create_app(), port)]),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        yield client


@pytest.fixture(scope="module")
async def office(platform_servers) -> AsyncIterator[tuple[World, httpx.AsyncClient]]:
    """The service with a VIES of its own, and patience of one second."""
    address = KafkaAddress(platform_servers.kafka, own_prefix())
    names = topics_of("debtor-service", SaleCompleted, InvoiceCreated, written=[DebtorChanged])
    async with (
        simulator() as outside,
        topics(address, names),
        fresh_database(platform_servers.admin_database_url, "debtor_service") as url,
        start_world(
            url,
            address,
            vies_url=str(outside.base_url),
            vies_timeout_seconds=1.0,
            vies_retry_seconds=(0.01, 0.02),
        ) as world,
    ):
        yield world, outside


@pytest.fixture
async def world(office: tuple[World, httpx.AsyncClient]) -> World:
    return office[0]


@pytest.fixture
async def outside(office: tuple[World, httpx.AsyncClient]) -> AsyncIterator[httpx.AsyncClient]:
    yield office[1]
    await office[1].put("/_errors", json={})
    await office[1].delete("/_control")
    await office[1].delete("/_requests")


async def look_up(world: World, number: str, **more: Any) -> dict[str, Any]:
    answer = await world.client.post(
        "/v1/vat-lookup", json={"vat_number": number, **more}, headers=world.headers("sales")
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def asked(outside: httpx.AsyncClient) -> int:
    return len((await outside.get("/_requests")).json())


async def test_FA_08_name_and_address_come_by_the_vat_number_and_fit_on_a_card(
    world: World, outside: httpx.AsyncClient
) -> None:
    found = await look_up(world, "nl 9990.000.10.b17")
    assert (found["status"], found["vat_number"], found["country"]) == ("valid", VIS, "NL")
    assert found["name"] == "VIS BLOEMEN KATWIJK B.V."
    assert found["address"] == {
        "lines": ["Haringkade 12"], "postal_code": "2225 AA", "city": "Katwijk", "region": "", "country": "NL",
    }  # fmt: skip
    (request,) = (await outside.get("/_requests")).json()
    assert (request["path"], request["body"]) == (
        "/check-vat-number",
        '{"countryCode":"NL","vatNumber":"999000010B17"}',
    )
    made = await world.make(
        debtor_id=fresh(),
        name=found["name"],
        vat_number=found["vat_number"],
        country=found["country"],
        addresses=[found["address"]],
    )
    assert made["addresses"][0]["city"] == "Katwijk"


async def test_a_number_without_prefix_is_of_the_country_given(
    world: World, outside: httpx.AsyncClient
) -> None:
    found = await look_up(world, "0777.777.177", country="BE")
    assert (found["status"], found["address"]["postal_code"]) == ("valid", "2000")


async def test_a_number_that_is_not_registered_is_invalid(world: World, outside: httpx.AsyncClient) -> None:
    found = await look_up(world, UNREGISTERED)
    assert (found["status"], found["name"], found["address"], found["again"]) == ("invalid", "", None, False)


async def test_a_member_state_that_tells_no_names_still_says_that_the_number_is_valid(
    world: World, outside: httpx.AsyncClient
) -> None:
    await outside.put(f"/_registered/{GERMAN}", json={"name": "Rosenhof", "address": "Weg 1\n47638 Straelen"})
    found = await look_up(world, GERMAN)
    assert (found["status"], found["name"], found["address"]) == ("valid", "", None)
    assert "not told" in found["message"]


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize(
    ("code", "tries"),
    [
        ("MS_UNAVAILABLE", 1),
        ("MS_MAX_CONCURRENT_REQ", 3),
        ("GLOBAL_MAX_CONCURRENT_REQ", 3),
        ("TIMEOUT", 3),
        ("SERVICE_UNAVAILABLE", 3),
        ("IP_BLOCKED", 1),
    ],
)
async def test_an_error_of_vies_makes_a_number_unknown_and_never_invalid(
    world: World, outside: httpx.AsyncClient, code: str, tries: int, status: int
) -> None:
    await outside.put("/_errors", json={"by_country": {"NL": code}, "status": status})
    for number in (VIS, UNREGISTERED):
        found = await look_up(world, number)
        assert (found["status"], found["code"], found["name"]) == ("unknown", code, "")
        assert "by hand" in found["message"]
        assert found["again"] is (code != "IP_BLOCKED")
    assert await asked(outside) == 2 * tries


async def test_a_busy_member_state_is_asked_again_at_once(world: World, outside: httpx.AsyncClient) -> None:
    await outside.put("/_errors", json={"by_country": {"*": "MS_MAX_CONCURRENT_REQ"}, "times": 2})
    assert (await look_up(world, VIS))["status"] == "valid"
    assert await asked(outside) == 3


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        ({"slow_seconds": 30}, "NO_TIME"),
        ({"status": 503, "body": "<html>Gateway</html>"}, "HTTP 503"),
        ({"status": 404}, "HTTP 404"),
        ({"lose_answer_after_accepting": True}, "UNREACHABLE"),
    ],
)
async def test_a_vies_that_is_slow_broken_or_gone_makes_a_number_unknown(
    world: World, outside: httpx.AsyncClient, behaviour: dict[str, Any], code: str
) -> None:
    await outside.put("/_control", json=behaviour)
    found = await look_up(world, VIS)
    assert (found["status"], found["code"]) == ("unknown", code)


async def test_FA_09_when_vies_is_away_the_card_is_filled_in_by_hand(
    world: World, outside: httpx.AsyncClient
) -> None:
    await outside.put("/_errors", json={"by_country": {"*": "MS_UNAVAILABLE"}})
    assert (await look_up(world, VIS))["status"] == "unknown"
    made = await world.make(debtor_id=fresh(), name="Met de hand", vat_number=VIS)
    assert made["vat_number"] == VIS
    await outside.put("/_errors", json={})
    assert (await look_up(world, UNREGISTERED))["status"] == "invalid"
    unregistered = await world.make(debtor_id=fresh(), vat_number=UNREGISTERED)
    assert unregistered["vat_number"] == UNREGISTERED


async def test_a_number_that_can_not_be_right_is_refused_without_asking(
    world: World, outside: httpx.AsyncClient
) -> None:
    for number in ("NL123456789B01", "BE0777777178", "NL"):
        answer = await world.client.post(
            "/v1/vat-lookup", json={"vat_number": number}, headers=world.headers("sales")
        )
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "vat_number"
    assert await asked(outside) == 0


async def test_a_country_outside_the_union_is_unknown_without_asking(
    world: World, outside: httpx.AsyncClient
) -> None:
    found = await look_up(world, "CHE-107.787.577 IVA", country="CH")
    assert (found["status"], found["code"], found["again"]) == ("unknown", "NOT_IN_VIES", False)
    assert await asked(outside) == 0


async def test_what_vies_refuses_as_input_is_invalid(outside: httpx.AsyncClient) -> None:
    answer = await outside.post("/check-vat-number", json={"countryCode": "ZZ", "vatNumber": "1"})
    assert (answer.status_code, answer.json()["errorWrappers"]) == (400, [{"error": "INVALID_INPUT"}])


async def test_vies_is_not_flooded_when_many_look_up_at_once(outside: httpx.AsyncClient) -> None:
    await outside.put("/_errors", json={"at_once": 4})
    asking = Vies(outside, str(outside.base_url), seconds=30, pauses=(0.01, 0.02))
    answers = await asyncio.gather(*(asking.look_up(VIS) for _ in range(12)))
    assert {found.status for found in answers} == {VatStatus.VALID}
    assert await asked(outside) == 12, "nobody had to ask twice"


async def test_requests_share_how_many_questions_are_under_way_at_once(
    world: World, outside: httpx.AsyncClient
) -> None:
    await outside.put("/_control", json={"slow_seconds": 0.3})
    await asyncio.gather(*(look_up(world, VIS) for _ in range(5)))
    came = sorted(datetime.fromisoformat(one["at"]) for one in (await outside.get("/_requests")).json())
    assert came[4] - came[0] >= timedelta(seconds=0.25), (
        "the fifth waits until one of the four has its answer"
    )


async def test_only_who_edits_cards_looks_up_numbers(world: World) -> None:
    body = {"vat_number": VIS}
    assert (
        await world.client.post("/v1/vat-lookup", json=body, headers=world.headers("read-only"))
    ).status_code == 403


async def test_without_an_address_of_vies_it_says_that_it_is_not_configured(own_world: World) -> None:
    found = await look_up(own_world, VIS)
    assert (found["status"], found["code"]) == ("unknown", "NOT_CONFIGURED")
    assert "KLOKWERK_VIES_URL" in found["message"]
    saved = await own_world.client.post("/v1/debtors", json=card(vat_number=VIS), headers=own_world.headers())
    assert saved.status_code == 201


@pytest.mark.parametrize(
    ("country", "text", "lines", "code", "city"),
    [
        (
            "NL",
            "\nOUDE GRACHT 00088 A\n1811CB 'S-GRAVENHAGE\n",
            ("Oude Gracht 88 A",),
            "1811 CB",
            "'s-Gravenhage",
        ),
        ("NL", "DORPSSTRAAT 00001\n1431 GB AALSMEER", ("Dorpsstraat 1",), "1431 GB", "Aalsmeer"),
        ("BE", "Kapellestraat 31 bus 2\n8000 Brugge", ("Kapellestraat 31 bus 2",), "8000", "Brugge"),
        ("FR", "12 RUE DE L'ETE\n75001 PARIS", ("12 Rue De L'ete",), "75001", "Paris"),
        ("AT", "Weg 1\nAT-1010 Wien", ("Weg 1",), "1010", "Wien"),
        ("LU", "1, RUE NEUVE\nL-1234 LUXEMBOURG", ("1, Rue Neuve",), "1234", "Luxembourg"),
        ("SE", "BOX 1 \n12345 STOCKHOLM", ("Box 1",), "123 45", "Stockholm"),
        ("FI", "Katu 1, 00100 HELSINKI", ("Katu 1",), "00100", "Helsinki"),
        ("PL", "UL. KWIATOWA 1\n00-001 WARSZAWA", ("Ul. Kwiatowa 1",), "00-001", "Warszawa"),
        ("SK", "Cesta 1\n81101 Bratislava\nSlovensko", ("Cesta 1",), "811 01", "Bratislava"),
        ("IE", "1 Main Street\nDublin 2\nD02 X285", ("1 Main Street", "Dublin 2", "D02 X285"), "", ""),
        ("DK", "Vej 1\n1000 København K", ("Vej 1",), "1000", "København K"),
    ],
)
def test_an_address_is_taken_apart_as_its_country_writes_it(
    country: str, text: str, lines: tuple[str, ...], code: str, city: str
) -> None:
    address = split_address(text, country)
    assert address is not None
    assert (address.lines, address.postal_code, address.city) == (lines, code, city)


def test_an_italian_address_ends_with_its_province() -> None:
    address = split_address("VIA ROMA 1 \n00184 ROMA RM\n", "IT")
    assert address is not None
    assert (address.postal_code, address.city, address.region) == ("00184", "Roma", "RM")


@pytest.mark.parametrize("text", ["", "---", " \n ", "\n---\n"])
def test_no_address_is_none(text: str) -> None:
    assert split_address(text, "NL") is None


@pytest.mark.parametrize("text", ["x" * 5000, "\n" * 200, ",,,,", "1234", "\r\n, ,\n7"])
def test_odd_addresses_do_not_break_anything(text: str) -> None:
    for country in ("NL", "BE", "LV", "IT", "XX"):
        split_address(text, country)
