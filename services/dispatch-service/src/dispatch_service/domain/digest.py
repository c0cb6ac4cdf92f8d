"""The one notice that follows a run: what failed first, what was ignored under its own heading (D-11, NV-62)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class DigestLine:
    """One invoice in the notice."""

    invoice_number: str
    debtor_name: str
    explanation: str


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run came to.

    Attributes:
        sent: how many invoices left, by channel name in the order of the chain.
    """

    administration: str
    day: date
    sent: tuple[tuple[str, int], ...]
    failed: tuple[DigestLine, ...]
    ignored: tuple[DigestLine, ...]


@dataclass(frozen=True, slots=True)
class Digest:
    """Subject and text of the e-mail, and the one line for a text message."""

    subject: str
    text: str
    short: str


def write_digest(result: RunResult, *, include_ignored: bool) -> Digest | None:
    """Write the notice of one run, or None when there is nothing to tell.

    Args:
        result: outcome of the run.
        include_ignored: the setting "also report ignored invoices" (on by default).
    """
    ignored = result.ignored if include_ignored else ()
    if not result.failed and not ignored:
        return None
    subject = f"Automatic dispatch {result.day.isoformat()}: {_counts(len(result.failed), len(ignored))}"
    sent_total = sum(count for _, count in result.sent)
    parts = [
        f"Automatic dispatch of invoices, night of {result.day.isoformat()}, administration "
        f"{result.administration}.",
        "",
    ]
    parts += _section(f"FAILED ({len(result.failed)})", result.failed)
    parts += _section(f"IGNORED ({len(ignored)})", ignored)
    by_channel = ", ".join(f"{name} {count}" for name, count in result.sent)
    parts.append(f"Sent: {sent_total}{f' ({by_channel})' if by_channel else ''}.")
    parts += [
        "",
        "These invoices are not tried again by themselves. Correct what is said above and send them by hand.",
    ]
    return Digest(subject=subject, text="\n".join(parts) + "\n", short=f"Klokwerk {subject}.")


def _counts(failed: int, ignored: int) -> str:
    parts = []
    if failed:
        parts.append(f"{failed} failed")
    if ignored:
        parts.append(f"{ignored} ignored")
    return ", ".join(parts)


def _section(heading: str, lines: Sequence[DigestLine]) -> list[str]:
    if not lines:
        return []
    rows = [
        f"- {_flat(line.invoice_number)} {_flat(line.debtor_name)}: {_flat(line.explanation)}"
        for line in lines
    ]
    return [heading, *rows, ""]


def _flat(text: str) -> str:
    return " ".join(text.split())
