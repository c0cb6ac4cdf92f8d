"""What lies in the contracts folder: topics, frozen schemas, examples, and the wheel that carries them."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from klokwerk_contracts import EVENTS, Event, InvoiceCreated, from_headers, record_of, schema_of
from klokwerk_contracts.sale_completed import SaleCompleted, goods_total
from klokwerk_platform.contract_files import PACKAGE, schema_today
from klokwerk_platform.topic_files import BadTopicFile, TopicFolder, parse, topic_folders

CHECKOUT = Path(__file__).parents[2]
FOLDERS = {entry.topic.name: entry for entry in topic_folders(CHECKOUT / PACKAGE)}
SERVICES = {path.name for path in (CHECKOUT / "services").iterdir() if path.is_dir()}


def examples() -> Iterator[Any]:
    for name, folder in FOLDERS.items():
        for version in folder.topic.versions:
            for file in sorted(Path(str(folder.path / version.examples)).glob("*.json")):
                yield pytest.param(folder, version, file, id=f"{name}-v{version.version}-{file.stem}")


def test_every_model_has_a_topic_folder_and_the_other_way_round() -> None:
    assert EVENTS.keys() == FOLDERS.keys()


@pytest.mark.parametrize("folder", FOLDERS.values(), ids=FOLDERS)
def test_topic_yaml_agrees_with_the_model(folder: TopicFolder) -> None:
    topic, model = folder.topic, EVENTS[folder.topic.name]
    assert topic.name == model.TOPIC
    assert topic.name.replace(".", "_") == folder.path.name
    assert max(version.version for version in topic.versions) == model.VERSION
    assert topic.key in model.model_fields
    assert model.model_fields[topic.key].is_required()
    assert {topic.owner, *topic.writers, *(reader.service for reader in topic.readers)} <= SERVICES
    assert all(reader.group == reader.service for reader in topic.readers)


@pytest.mark.parametrize("folder", FOLDERS.values(), ids=FOLDERS)
def test_frozen_schema_is_valid_and_says_what_the_model_says(folder: TopicFolder) -> None:
    newest = max(folder.topic.versions, key=lambda version: version.version)
    frozen = json.loads((folder.path / newest.schema_file).read_text("utf-8"))
    Draft202012Validator.check_schema(frozen)
    assert frozen == schema_today(EVENTS[folder.topic.name])


@pytest.mark.parametrize(("folder", "version", "file"), examples())
def test_example_is_read_by_todays_model_and_fits_its_frozen_schema(
    folder: Any, version: Any, file: Path
) -> None:
    text = file.read_text("utf-8")
    schema = json.loads((folder.path / version.schema_file).read_text("utf-8"))
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    validator.validate(json.loads(text))
    event = EVENTS[folder.topic.name].model_validate_json(text)
    assert event.key == json.loads(text)[folder.topic.key]


@pytest.mark.parametrize(("folder", "version", "file"), examples())
def test_example_survives_the_way_through_a_record(folder: Any, version: Any, file: Path) -> None:
    model = EVENTS[folder.topic.name]
    event = model.model_validate_json(file.read_text("utf-8"))
    record = record_of(event, source="//elsewhere.test")
    assert model.model_validate_json(record.value) == event
    assert from_headers(record.headers).schema == schema_of(event)
    Draft202012Validator(schema_today(model)).validate(json.loads(record.value))


@pytest.mark.parametrize(("folder", "version", "file"), examples())
def test_example_loses_nothing_but_unknown_fields(folder: Any, version: Any, file: Path) -> None:
    """What the file says, the model says: numbers by value, instants by moment, the rest letter by letter."""
    given = json.loads(file.read_text("utf-8"))
    model = EVENTS[folder.topic.name]
    written = json.loads(model.model_validate(given).model_dump_json())
    for name in given.keys() & model.model_fields.keys():
        if not name.endswith("_at"):
            assert_same(given[name], written[name])


def assert_same(given: Any, written: Any) -> None:
    if isinstance(given, dict):
        for name, value in given.items():
            if not name.endswith("_at"):
                assert_same(value, written[name])
    elif isinstance(given, list):
        assert len(given) == len(written)
        for left, right in zip(given, written, strict=True):
            assert_same(left, right)
    else:
        assert given == written


def test_there_are_at_least_three_examples_of_every_version() -> None:
    for folder in FOLDERS.values():
        for version in folder.topic.versions:
            names = {file.stem for file in Path(str(folder.path / version.examples)).glob("*.json")}
            assert {"smallest", "fullest"} < names
            assert len(names) >= 3


@pytest.mark.parametrize("folder", FOLDERS.values(), ids=FOLDERS)
def test_smallest_example_holds_only_required_fields_and_fullest_holds_all(folder: TopicFolder) -> None:
    version = folder.topic.versions[-1]
    model = EVENTS[folder.topic.name]
    smallest, fullest = (
        json.loads((folder.path / version.examples / name).read_text("utf-8"))
        for name in ("smallest.json", "fullest.json")
    )
    assert smallest.keys() == {name for name, field in model.model_fields.items() if field.is_required()}
    assert fullest.keys() == set(model.model_fields)


def invoices() -> list[InvoiceCreated]:
    files = Path(str(FOLDERS["invoice.created"].path / "examples/v1")).glob("*.json")
    return [InvoiceCreated.model_validate_json(file.read_text("utf-8")) for file in files]


@pytest.mark.parametrize("invoice", invoices(), ids=lambda invoice: invoice.invoice_number)
def test_invoice_examples_add_up(invoice: InvoiceCreated) -> None:
    for line in invoice.lines:
        assert abs(line.quantity * line.price / line.base_quantity - line.net_amount) <= Decimal("0.02")
    for group in invoice.vat:
        lines = [
            x for x in invoice.lines if (x.vat_category, x.vat_percent) == (group.category, group.percent)
        ]
        assert sum(line.net_amount for line in lines) == group.taxable
        assert abs(group.taxable * group.percent / 100 - group.tax) <= Decimal("0.005")
    totals = invoice.totals
    assert sum(line.net_amount for line in invoice.lines) == totals.net
    assert sum(group.tax for group in invoice.vat) == totals.vat
    assert totals.net + totals.vat == totals.gross == totals.payable + totals.prepaid


def test_sale_examples_add_up() -> None:
    for file in Path(str(FOLDERS["sale.completed"].path / "examples/v1")).glob("*.json"):
        sale = SaleCompleted.model_validate_json(file.read_text("utf-8"))
        if sale.goods_total is not None:
            assert goods_total(sale.lines) == sale.goods_total.amount


TOPIC = (CHECKOUT / PACKAGE / "sale_completed/topic.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("partitions: 6", "partitions: 0", "partitions"),
        ("partitions: 6", "partition: 6", "partition"),
        ("retention_days: 400", "compacted: false", "retention_days or compacted"),
        ("retention_days: 400", "retention_days: 400\ncompacted: true", "retention_days or compacted"),
        ("name: sale.completed", "name: Sale_Completed", "name"),
        ("key: debtor_id", "key: [", "not YAML"),
    ],
)
def test_a_wrong_topic_yaml_is_refused_and_the_field_named(old: str, new: str, named: str) -> None:
    with pytest.raises(BadTopicFile, match=named) as refused:
        parse(TOPIC.replace(old, new), "sale_completed/topic.yaml")
    assert "sale_completed/topic.yaml" in str(refused.value)


def test_the_package_imports_only_the_standard_library_and_pydantic() -> None:
    allowed = sys.stdlib_module_names | {"pydantic", "klokwerk_contracts"}
    for file in (CHECKOUT / PACKAGE).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            assert {name.split(".")[0] for name in names} <= allowed, f"{file}: {names}"


def test_the_wheel_carries_schemas_examples_and_topics(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=CHECKOUT / "contracts", check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
        metadata = next(name for name in inside if name.endswith("/METADATA"))
        needs = [
            line for line in archive.read(metadata).decode().splitlines() if line.startswith("Requires-Dist")
        ]
    here = {
        file.relative_to(CHECKOUT / "contracts/src").as_posix()
        for file in (CHECKOUT / PACKAGE).rglob("*")
        if file.suffix in {".py", ".json", ".yaml", ".typed"}
    }
    assert here <= inside
    assert len(needs) == 1
    assert "pydantic" in needs[0]


def test_instants_are_written_in_utc_whatever_zone_they_came_in() -> None:
    odd = (CHECKOUT / PACKAGE / "ekt_resend_requested/examples/v1/odd.json").read_text("utf-8")
    event: Event = EVENTS["ekt.resend.requested"].model_validate_json(odd)
    assert json.loads(event.model_dump_json())["requested_at"] == "2026-10-25T00:30:00Z"
