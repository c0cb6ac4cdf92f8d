"""``python -m ekt_service validate FILE``: explains EKT files on the command line."""

import sys
from collections.abc import Sequence
from pathlib import Path

from ekt_service.edifact.validator import validate


def validate_command(arguments: Sequence[str]) -> int:
    """Explain EKT files: 0 when a receiver would take all of them, 1 when not, 2 when one can't be read."""
    if not arguments:
        sys.stderr.write("usage: python -m ekt_service validate FILE [FILE ...]\n")
        return 2
    worst = 0
    for name in arguments:
        try:
            report = validate(Path(name).read_bytes())
        except OSError as trouble:
            sys.stderr.write(f"{name}: {trouble.strerror}\n")
            worst = 2
            continue
        for finding in report.findings:
            sys.stdout.write(f"{name}: {finding}\n")
        verdict = "acceptable" if report.acceptable else f"{len(report.errors)} errors"
        sys.stdout.write(
            f"{name}: {report.messages} messages, {report.lines} lines, goods {report.goods:f} euro: {verdict}\n"
        )
        worst = max(worst, 0 if report.acceptable else 1)
    return worst
