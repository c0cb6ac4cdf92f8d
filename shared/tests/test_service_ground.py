"""Settings, migrations, provisioning and the life of a service."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import httpx
import pytest
import sqlalchemy as sa
from klokwerk.application import Parts, build
from klokwerk.clock import SystemClock
from klokwerk.database import Database, is_transient, provision, schema_revision
from klokwerk.migration import migrate
from klokwerk.settings import Role, ServiceSettings, load
from klokwerk.testing import TokenIssuer, eventually, fresh_database, own_prefix, running
from klokwerk_platform.testing import Servers

MIGRATION = """
from alembic import op
from klokwerk import schema
from klokwerk.database import script

revision, down_revision = "0001", None


def upgrade() -> None:
    script(op, schema.FIRST + "create table widget (id int primary key); insert into widget values (1);")
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package of the test's own with one migration."""
    versions = tmp_path / "widget_service" / "migrations" / "versions"
    versions.mkdir(parents=True)
    (tmp_path / "widget_service" / "__init__.py").write_text("")
    (versions / "0001_initial.py").write_text(MIGRATION)
    monkeypatch.syspath_prepend(tmp_path)
    return "widget_service"


def settings(url: str, servers: Servers, **values: object) -> ServiceSettings:
    return ServiceSettings(database_url=url, kafka=servers.kafka, topic_prefix=own_prefix(), **values)  # type: ignore[arg-type]


async def test_migrations_started_by_five_replicas_run_once(platform_servers: Servers, package: str) -> None:
    async with fresh_database(platform_servers.admin_database_url, None) as url:
        databases = [Database(url) for _ in range(5)]
        await asyncio.gather(*(migrate(database, package) for database in databases))
        async with databases[0].connect() as connection:
            assert await schema_revision(connection) == "0001"
            assert (await connection.execute(sa.text("select count(*) from widget"))).scalar_one() == 1
        for database in databases:
            await database.close()


async def test_a_service_has_a_role_that_sees_its_own_database_only(platform_servers: Servers) -> None:
    async with fresh_database(platform_servers.admin_database_url, None) as url:
        other = await provision(platform_servers.admin_database_url, "test_other_role", "pw'1")
        again = await provision(platform_servers.admin_database_url, "test_other_role", "pw'1")
        assert again == other
        connection = await asyncpg.connect(other)
        await connection.close()
        name = url.rsplit("/", 1)[1]
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(other.rsplit("/", 1)[0] + "/" + name)
        admin = await asyncpg.connect(platform_servers.admin_database_url)
        await admin.execute("drop database test_other_role")
        await admin.execute("drop role test_other_role")
        await admin.close()


async def test_a_service_starts_without_its_schema_says_so_and_goes_on_when_it_comes(
    platform_servers: Servers, package: str
) -> None:
    async with fresh_database(platform_servers.admin_database_url, None) as url:
        database = Database(url)
        parts = Parts(
            "widget-service", package, settings(url, platform_servers), database, SystemClock(),
            verifier=TokenIssuer().verifier,
        )  # fmt: skip
        app = build(parts)
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://test") as client,
        ):

            async def says_why() -> bool:
                answer = await client.get("/health/ready")
                return answer.status_code == 503 and "run python -m widget_service migrate" in answer.text

            await eventually(says_why)
            assert (await client.get("/health/live")).status_code == 200
            second = Database(url)
            await migrate(second, package)
            await second.close()

            async def is_ready() -> bool:
                return (await client.get("/health/ready")).status_code == 200

            await eventually(is_ready)
            metrics = (await client.get("/metrics")).text
            assert "klokwerk_outbox_depth 0.0" in metrics


async def test_a_service_whose_broker_is_away_starts_and_says_so(
    platform_servers: Servers, package: str
) -> None:
    from klokwerk.consume import Subscription
    from klokwerk_contracts import SaleCompleted

    async def handle(*_: object) -> None: ...

    async with fresh_database(platform_servers.admin_database_url, package) as url:
        values = ServiceSettings(database_url=url, kafka="127.0.0.1:9")  # type: ignore[arg-type]
        parts = Parts(
            "widget-service", package, values, Database(url), SystemClock(),
            subscriptions=[Subscription(SaleCompleted, handle)], verifier=TokenIssuer().verifier,
        )  # fmt: skip
        app = build(parts)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client,
        ):

            async def says_why() -> bool:
                answer = await client.get("/health/ready")
                return answer.status_code == 503 and "Kafka at 127.0.0.1:9" in answer.text

            await eventually(says_why)


async def test_ready_service_answers_with_its_correlation_id(platform_servers: Servers, package: str) -> None:
    async with fresh_database(platform_servers.admin_database_url, package) as url:
        parts = Parts(
            "widget-service", package, settings(url, platform_servers), Database(url), SystemClock(),
            verifier=TokenIssuer().verifier,
        )  # fmt: skip
        async with running(build(parts)) as client:
            answer = await client.get("/v1/nothing", headers={"X-Correlation-Id": "abc-1"})
            assert answer.headers["x-correlation-id"] == "abc-1"
            assert answer.json()["correlation_id"] == "abc-1"


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("KLOKWERK_DATABASE_URL", "mysql://x", "scheme"),
        ("KLOKWERK_KAFKA", "localhost", "pattern"),
        ("KLOKWERK_ZONE", "Europe/Aalsmeer", "is no time zone"),
        ("KLOKWERK_ROLES", "api,consumer", "'consumers'"),
        ("KLOKWERK_PORT", "99999", "65535"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, hint: str
) -> None:
    monkeypatch.setenv("KLOKWERK_DATABASE_URL", "postgresql://a:b@c/d")
    monkeypatch.setenv("KLOKWERK_KAFKA", "localhost:9092")
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as stop:
        load(ServiceSettings)
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert name in error
    assert hint in error


def test_a_missing_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KLOKWERK_DATABASE_URL", raising=False)
    monkeypatch.setenv("KLOKWERK_KAFKA", "localhost:9092")
    with pytest.raises(SystemExit):
        load(ServiceSettings)
    assert "KLOKWERK_DATABASE_URL: is not set" in capsys.readouterr().err


def test_roles_are_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KLOKWERK_DATABASE_URL", "postgresql://a:b@c/d")
    monkeypatch.setenv("KLOKWERK_KAFKA", "localhost:9092")
    monkeypatch.setenv("KLOKWERK_ROLES", "api, workers")
    assert load(ServiceSettings).roles == {Role.API, Role.WORKERS}


async def test_a_value_that_fits_no_column_is_not_taken_for_trouble_that_passes(database: Database) -> None:
    """Otherwise one such event would stop its partition for good."""
    for statement, value in (("select cast(:v as int)", 2**40), ("select cast(:v as text)", "a\0b")):
        with pytest.raises(sa.exc.DBAPIError) as refused:
            async with database.transaction() as connection:
                await connection.execute(sa.text(statement), {"v": value})
        assert not is_transient(refused.value)


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (asyncpg.DeadlockDetectedError(), True),
        (asyncpg.CannotConnectNowError(), True),
        (asyncpg.AdminShutdownError(), True),
        (asyncpg.ConnectionDoesNotExistError(), True),
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (sa.exc.TimeoutError("QueuePool limit reached"), True),
        (asyncpg.QueryCanceledError(), True),
        (asyncpg.UniqueViolationError(), False),
        (asyncpg.CheckViolationError(), False),
        (ValueError(), False),
        (asyncpg.InterfaceError("connection is closed"), True),
        (asyncpg.InterfaceError("cannot perform operation: another operation is in progress"), False),
    ],
)
def test_what_passes_by_itself_is_told_from_what_does_not(error: Exception, transient: bool) -> None:
    assert is_transient(error) is transient
