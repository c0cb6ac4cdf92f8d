"""`klokwerk contracts check | freeze | docs`, on a copy of the contracts in a git repository of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from faststream.specification.asyncapi.v3_0_0.schema import ApplicationSchema
from jsonschema import Draft202012Validator
from klokwerk_contracts import EVENTS, EktResendRequested
from klokwerk_contracts.types import Event
from klokwerk_platform import contracts_check, contracts_docs
from klokwerk_platform.contract_files import PACKAGE, NoContracts, checkout_of
from klokwerk_platform.contracts_check import check_against, check_models, freeze
from pydantic import Field
from typer.testing import CliRunner

CHECKOUT = Path(__file__).parents[2]
FOLDER = PACKAGE / "ekt_resend_requested"
AS_SOMEBODY = ("-c", "user.name=t", "-c", "user.email=t@t.test", "-c", "commit.gpgsign=false")
TOPIC = "ekt.resend.requested"


class Grown(EktResendRequested):
    channel: str = ""


class Broken(EktResendRequested):
    sale_revision: str  # type: ignore[assignment]


class OtherKey(EktResendRequested):
    @property
    def key(self) -> str:
        return self.request_id


class Second(Broken):
    VERSION = 2


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout with the contracts committed on main and a branch for the change."""
    shutil.copytree(CHECKOUT / PACKAGE, tmp_path / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    for arguments in (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        [
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@t.test",
            "-c",
            "commit.gpgsign=false",
            "commit",
            "-q",
            "-m",
            "contracts",
            "--no-verify",
        ],
        ["switch", "-q", "-c", "change"],
    ):
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True)
    return tmp_path


def with_model(model: type[Event]) -> dict[str, type[Event]]:
    return EVENTS | {TOPIC: model}


def broken(findings: list[contracts_check.Finding]) -> list[str]:
    return [f"{finding.where}: {finding.text}" for finding in findings if finding.broken]


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")


def test_the_contracts_of_this_checkout_pass() -> None:
    assert broken(check_models(CHECKOUT)) == []
    result = CliRunner().invoke(contracts_check.app, ["check", "--root", str(CHECKOUT)])
    assert result.exit_code == 0, result.output


def test_an_unchanged_branch_passes_against_main(copy: Path) -> None:
    result = CliRunner().invoke(contracts_check.app, ["check", "--root", str(copy), "--against", "main"])
    assert result.exit_code == 0, result.output


def test_a_model_that_breaks_is_found_and_never_frozen(copy: Path) -> None:
    before = (copy / FOLDER / "v1.schema.json").read_text("utf-8")
    assert any("sale_revision: type" in text for text in broken(check_models(copy, with_model(Broken))))
    written, refused = freeze(copy, with_model(Broken))
    assert written == []
    assert any("type" in text for text in broken(refused))
    assert (copy / FOLDER / "v1.schema.json").read_text("utf-8") == before


def test_an_addition_has_to_be_frozen_and_then_passes_everywhere(copy: Path) -> None:
    grown = with_model(Grown)
    assert any("run klokwerk contracts freeze" in text for text in broken(check_models(copy, grown)))
    written, refused = freeze(copy, grown)
    assert ([path.name for path in written], refused) == (["v1.schema.json"], [])
    assert broken(check_models(copy, grown)) == []
    assert broken(check_against(copy, "main", grown)) == []


def test_an_addition_that_is_taken_away_again_after_it_reached_main_is_broken(copy: Path) -> None:
    freeze(copy, with_model(Grown))
    commit = [
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@t.test",
        "-c",
        "commit.gpgsign=false",
        "commit",
        "-qam",
        "grown",
        "--no-verify",
    ]
    subprocess.run(["git", "-C", str(copy), *commit], check=True, capture_output=True)
    subprocess.run(["git", "-C", str(copy), "branch", "-f", "main", "HEAD"], check=True, capture_output=True)
    assert any("channel: removed" in text for text in broken(check_models(copy)))
    shutil.copy(CHECKOUT / FOLDER / "v1.schema.json", copy / FOLDER)
    assert any("channel: removed" in text for text in broken(check_against(copy, "main")))


def test_an_example_that_can_no_longer_be_read_is_found(copy: Path) -> None:
    edit(copy / FOLDER / "examples/v1/smallest.json", sale_revision=0)
    assert any("can't read it: sale_revision" in text for text in broken(check_models(copy)))


def test_editing_an_example_does_not_hide_what_main_holds(copy: Path) -> None:
    """A stricter model with the offending examples mended still fails on the examples as they were."""
    for file in (copy / FOLDER / "examples/v1").glob("*.json"):
        edit(file, note="x")
    assert any(
        "smallest.json" in text for text in broken(check_against(copy, "main", with_model(AlwaysNoted)))
    )


class AlwaysNoted(EktResendRequested):
    note: Annotated[str, Field(min_length=1)]


@pytest.mark.parametrize("gone", ["v1.schema.json", "examples/v1/odd.json", "topic.yaml"])
def test_a_file_that_is_gone_since_main_is_broken(copy: Path, gone: str) -> None:
    (copy / FOLDER / gone).unlink()
    assert any(gone in text and "removed" in text for text in broken(check_against(copy, "main")))


def test_a_changed_topic_is_found_against_main(copy: Path) -> None:
    path = copy / FOLDER / "topic.yaml"
    path.write_text(path.read_text("utf-8").replace("partitions: 3", "partitions: 6"), "utf-8")
    assert broken(check_against(copy, "main")) == ["partitions: topic: was 3, now 6"]


def test_what_main_gained_meanwhile_is_not_held_against_the_branch(copy: Path) -> None:
    git = ["git", "-C", str(copy), *AS_SOMEBODY]
    subprocess.run([*git, "switch", "-q", "main"], check=True, capture_output=True)
    freeze(copy, with_model(Grown))
    subprocess.run([*git, "commit", "-qam", "grown", "--no-verify"], check=True, capture_output=True)
    subprocess.run([*git, "switch", "-q", "change"], check=True, capture_output=True)
    assert broken(check_against(copy, "main")) == []


def test_a_changed_key_is_found(copy: Path) -> None:
    assert any(
        "topic.yaml says debtor_id" in text for text in broken(check_models(copy, with_model(OtherKey)))
    )


def test_a_model_without_folder_and_a_folder_without_model_are_found(copy: Path) -> None:
    shutil.copytree(copy / FOLDER, copy / PACKAGE / "stray_thing")
    path = copy / PACKAGE / "stray_thing/topic.yaml"
    path.write_text(path.read_text("utf-8").replace(TOPIC, "stray.thing"), "utf-8")
    shutil.rmtree(copy / PACKAGE / "sale_completed")
    texts = {finding.what: finding.text for finding in check_models(copy) if finding.broken}
    assert "no folder" in texts["sale.completed"]
    assert "no model" in texts["stray.thing"]


def test_a_new_version_is_frozen_beside_the_old_one_once_it_is_listed(copy: Path) -> None:
    second = with_model(Second)
    assert any("not listed" in text for text in broken(freeze(copy, second)[1]))
    path = copy / FOLDER / "topic.yaml"
    entry = "  - {version: 2, schema: v2.schema.json, examples: examples/v2}\n"
    path.write_text(path.read_text("utf-8") + entry, "utf-8")
    written, refused = freeze(copy, second)
    assert ([file.name for file in written], refused) == (["v2.schema.json"], [])
    # The second version turned a number into text, so it can't read what is stored of the first one.
    assert any("can't read it: sale_revision" in text for text in broken(check_models(copy, second)))


def test_an_unknown_revision_says_what_to_do(copy: Path) -> None:
    result = CliRunner().invoke(contracts_check.app, ["check", "--root", str(copy), "--against", "nowhere"])
    assert result.exit_code == 2
    assert "nowhere is no git revision" in result.output


def test_outside_a_checkout_the_cure_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoContracts, match="--root"):
        checkout_of(tmp_path)


def test_a_broken_check_exits_with_1_and_lists_what_is_broken_first(copy: Path) -> None:
    edit(copy / FOLDER / "examples/v1/smallest.json", sale_revision="x")
    result = CliRunner().invoke(contracts_check.app, ["check", "--root", str(copy)])
    assert result.exit_code == 1
    assert result.output.startswith("BROKEN ekt.resend.requested v1 smallest.json")


def test_both_documents_are_up_to_date() -> None:
    stale = contracts_docs.stale(CHECKOUT)
    assert list(stale) == [], "run klokwerk contracts docs"


def test_a_stale_document_is_told_and_written(copy: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(contracts_check.app, ["docs", "--check", "--root", str(copy)]).exit_code == 1
    assert not (copy / contracts_docs.ASYNCAPI).exists()
    assert runner.invoke(contracts_check.app, ["docs", "--root", str(copy)]).exit_code == 0
    assert runner.invoke(contracts_check.app, ["docs", "--check", "--root", str(copy)]).exit_code == 0


DOCUMENT: dict[str, Any] = yaml.safe_load((CHECKOUT / contracts_docs.ASYNCAPI).read_text("utf-8"))


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in references(value)]
    return [found for value in node for found in references(value)] if isinstance(node, list) else []


def resolve(reference: str) -> Any:
    node: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        node = node[step]
    return node


def test_the_asyncapi_document_is_one() -> None:
    ApplicationSchema.model_validate(DOCUMENT)
    assert DOCUMENT["asyncapi"].startswith("3.")
    assert all(resolve(reference) for reference in references(DOCUMENT))
    assert {channel["address"] for channel in DOCUMENT["channels"].values()} == EVENTS.keys()


def test_the_asyncapi_payloads_take_the_examples_and_refuse_others() -> None:
    for topic in EVENTS:
        word = topic.replace(".", "_")
        schema = {**DOCUMENT, "$ref": f"#/components/schemas/{word}_v1"}
        validator = Draft202012Validator(schema)
        for file in (CHECKOUT / PACKAGE / word / "examples/v1").glob("*.json"):
            example = json.loads(file.read_text("utf-8"))
            assert validator.is_valid(example)
            assert not validator.is_valid({**example, "debtor_id": ""})


def test_every_reader_and_writer_has_an_operation() -> None:
    operations = DOCUMENT["operations"]
    assert operations["sales-service_sends_sale_completed"]["action"] == "send"
    reads = operations["ekt-service_receives_sale_completed"]
    assert reads["action"] == "receive"
    assert reads["bindings"]["kafka"]["groupId"]["enum"] == ["ekt-service"]
