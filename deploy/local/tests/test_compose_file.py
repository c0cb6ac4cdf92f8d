"""docker-compose.yml against the Compose specification, and against what the services really need."""

import importlib
import importlib.resources
import inspect
import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from klokwerk.settings import ServiceSettings
from klokwerk_platform.containers import KAFKA_IMAGE, POSTGRES_IMAGE
from klokwerk_platform.secrets_file import Secrets
from klokwerk_platform.servers import Servers
from klokwerk_platform.services import BACK_OFFICE, SERVICES, Surroundings, environment

ROOT = Path(__file__).parents[3]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
CONTAINERS = COMPOSE["services"]
BUILT = {name: each["build"] for name, each in CONTAINERS.items() if "build" in each}
ONE_SHOT = {"base", "topics", *(name for name in CONTAINERS if name.endswith("-migration"))}


def settings_of(package: str) -> type[ServiceSettings]:
    """The settings class of a service."""
    module = importlib.import_module(f"{package}.settings")
    (found,) = [
        each
        for _, each in inspect.getmembers(module, inspect.isclass)
        if issubclass(each, ServiceSettings) and each.__module__ == module.__name__
    ]
    return found


def variables(settings: type[ServiceSettings], *, required: bool) -> set[str]:
    fields = settings.model_fields.items()
    return {f"KLOKWERK_{name.upper()}" for name, field in fields if field.is_required() or not required}


def dockerfile(build: dict) -> Path:
    return ROOT / build["context"] / build["dockerfile"]


def test_the_file_is_valid_by_the_compose_specification():
    schema = importlib.resources.files("check_jsonschema.builtin_schemas.vendor") / "compose-spec.json"
    jsonschema.validate(COMPOSE, json.loads(schema.read_text()))


def test_every_service_runs_in_a_container_of_its_own_after_its_migration():
    for service in SERVICES:
        waits = CONTAINERS[service.name]["depends_on"]
        assert waits[f"{service.name}-migration"]["condition"] == "service_completed_successfully"
        assert CONTAINERS[f"{service.name}-migration"]["command"] == ["migrate"]
        if "kafka" in service.uses:
            assert waits["topics"]["condition"] == "service_completed_successfully"


def test_what_is_waited_for_exists_and_can_become_so():
    for name, each in CONTAINERS.items():
        for other, about in each.get("depends_on", {}).items():
            assert other in CONTAINERS, f"{name} waits for {other}"
            if about["condition"] == "service_healthy":
                assert "healthcheck" in CONTAINERS[other], f"{name} waits for the health of {other}"
            else:
                assert about["condition"] == "service_completed_successfully"
                assert other in ONE_SHOT, f"{name} waits for the end of {other}, which goes on"


def test_nobody_waits_for_himself_by_way_of_others():
    def reachable(name: str, seen: frozenset[str]) -> None:
        assert name not in seen, f"{name} waits for itself"
        for other in CONTAINERS[name].get("depends_on", {}):
            reachable(other, seen | {name})

    for name in CONTAINERS:
        reachable(name, frozenset())


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
@pytest.mark.parametrize("suffix", ["", "-migration"])
def test_every_required_setting_is_given_and_no_unknown_one(service, suffix):
    given = set(CONTAINERS[service.name + suffix]["environment"])
    settings = settings_of(service.package)
    assert variables(settings, required=True) <= given
    unknown = given - variables(settings, required=False)
    assert not unknown


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_the_embedded_platform_gives_every_required_setting_too(service, tmp_path):
    servers = Servers("postgresql://a:b@c/d", "k:1", "s:2", "http://m", "http://a", "http://p", "http://e")
    urls = {each.name: f"http://{each.name}" for each in SERVICES}
    around = Surroundings(tmp_path, servers, Secrets("seed", "admin", "client"), urls)
    env = environment(service, "postgresql://x:y@z/w", around)
    settings = settings_of(service.package)
    assert variables(settings, required=True) <= set(env)
    settings(**{name.removeprefix("KLOKWERK_").lower(): _parsed(value) for name, value in env.items()})


def _parsed(value: str) -> object:
    return json.loads(value) if value.startswith("{") else value


def test_only_the_back_office_and_the_mail_inbox_are_published_and_only_to_this_machine():
    published = {name: each["ports"] for name, each in CONTAINERS.items() if each.get("ports")}
    assert set(published) == {BACK_OFFICE, "mail"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert COMPOSE["networks"]["inside"]["internal"] is True


def test_every_foreign_image_is_pinned_and_the_same_as_in_the_tests():
    images = {each["image"] for each in CONTAINERS.values()} - {each["image"] for each in _built()}
    assert {KAFKA_IMAGE, POSTGRES_IMAGE} < images
    froms = {
        line.split()[1]
        for build in BUILT.values()
        for line in dockerfile(build).read_text().splitlines()
        if line.startswith("FROM ")
    }
    for image in images | froms - {"base"}:
        assert re.search(r":v?\d+\.\d+\.?\d*", image), f"{image} is not pinned to a version"


def _built() -> list[dict]:
    return [each for each in CONTAINERS.values() if "build" in each]


def test_every_dockerfile_exists_and_copies_what_exists_and_is_not_ignored():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    admitted = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    for build in BUILT.values():
        for line in dockerfile(build).read_text().splitlines():
            if line.startswith("COPY ") and "--from" not in line:
                for source in line.split()[1:-1]:
                    assert (ROOT / source).exists(), f"{dockerfile(build)}: {source}"
                    assert any(
                        Path(source).is_relative_to(each) or Path(source).match(f"{each}/*")
                        for each in admitted
                    ), f"{source} is kept out by .dockerignore"


def test_built_images_name_the_base_that_they_stand_on():
    for name, build in BUILT.items():
        if name != "base":
            assert build["additional_contexts"] == ["base=service:base"]
            assert "FROM base\n" in dockerfile(build).read_text()


def test_nothing_of_ours_runs_as_root_or_with_more_than_it_needs():
    assert dockerfile(BUILT["base"]).read_text().rstrip().endswith("USER 10001:10001")
    for build in BUILT.values():
        users = re.findall(r"^USER (\S+)", dockerfile(build).read_text(), re.MULTILINE)
        assert users[-1:] in ([], ["10001:10001"])
    for name in [*BUILT, "mail"]:
        if name != "base":
            each = CONTAINERS[name]
            assert each["cap_drop"] == ["ALL"]
            assert each["read_only"] is True


def test_health_is_asked_with_what_the_images_hold():
    for name, each in CONTAINERS.items():
        if name in ONE_SHOT:
            assert each["restart"] == "no"
            continue
        test = each["healthcheck"]["test"]
        assert test[0] == "CMD"
        assert test[1] not in ("curl", "wget"), f"{name}: the image need not hold {test[1]}"


def test_every_password_must_be_given_and_the_script_makes_each():
    text = (ROOT / "docker-compose.yml").read_text()
    needed = set(re.findall(r"\$\{([A-Z_]+)", text))
    demanded = set(re.findall(r"\$\{([A-Z_]+):\?", text))
    assert needed == demanded
    made = (ROOT / "deploy/compose/new-env.sh").read_text()
    assert all(re.search(rf"\b{name}\b", made) for name in needed)
    databases = (ROOT / "deploy/compose/databases.sh").read_text()
    for service in SERVICES:
        assert f"make_database {service.database} " in databases


def test_every_volume_and_network_that_is_used_is_declared():
    for each in CONTAINERS.values():
        assert set(each.get("networks", [])) <= set(COMPOSE["networks"])
        for volume in each.get("volumes", []):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (ROOT / source).exists()


def test_the_images_hold_the_versions_that_were_tested():
    pinned = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)
    tested = set(pinned.findall((ROOT / "requirements.lock").read_text()))
    in_images = pinned.findall((ROOT / "deploy/compose/runtime.lock").read_text())
    assert len(in_images) > 50
    assert [each for each in in_images if each not in tested and each[0] != "django"] == []
