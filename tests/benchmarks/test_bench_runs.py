"""The benchmarks run and report; how fast things are is for `make bench` to say, on a machine at rest."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from klokwerk_platform.testing import Servers

RUN = Path(__file__).with_name("run.py")
ROOT = RUN.parents[2]


@pytest.mark.timeout(300)
async def test_the_benchmarks_print_a_table_and_write_a_report(
    platform_servers: Servers, tmp_path: Path
) -> None:
    report = tmp_path / "reports" / "bench.json"
    options = ["--quick", "--cold", "--rounds", "1", "--scale", "0.005", "--json", str(report)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(RUN),
        *options,
        cwd=ROOT,
        env=os.environ | platform_servers.as_env() | {"COLUMNS": "160"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    printed = out.decode()
    assert process.returncode == 0, printed
    found = json.loads(report.read_text())
    names = [each["name"] for each in found["benchmarks"]]
    assert {"outbox relay", "consume + store", "replay of seen events", "deliveries"} <= set(names)
    assert {"sold per debtor, first page", "sold per debtor, whole day"} <= set(names)
    by_name = {each["name"]: each for each in found["benchmarks"]}
    assert {"EKT from sale to checked file", "EKT sale to mail accepted", "EKT day, all at once"} <= set(
        names
    )
    assert by_name["EKT sale to mail accepted"]["notes"]["p99_ms"] > 0
    assert by_name["EKT day, all at once"]["notes"]["seconds_with_two"] > 0
    for each in found["benchmarks"]:
        assert each["name"] in printed
        assert 0 < each["ratio"]["min"] <= each["ratio"]["median"] <= each["ratio"]["max"]
        assert each["ours"]["units"] > 0 < each["other"]["units"]
        assert each["ours"]["cpu_microseconds"] > 0
    assert found["machine"]["cores"] == os.cpu_count()


async def test_an_unknown_benchmark_is_refused_by_name() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(RUN), "--only", "warp_drive", cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert b"outbox_relay" in errors
