"""Trial export for support: everything that bears on an export, in one ZIP, without changing anything.

What is written is what a real export would write, by the same writers and the same checks; it goes to a file of
its own that is thrown away after it was sent, so that a trial of a hundred thousand relations fits in memory too.
"""

import importlib.metadata
import tempfile
import zipfile
from dataclasses import asdict
from typing import IO, Any

import orjson
from klokwerk.clock import Clock
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.checking import messages
from accounting_sync.domain.administration import Administration
from accounting_sync.domain.relation import Kind, to_json
from accounting_sync.domain.targets import Codes, Mode, Target
from accounting_sync.store import connections, exports, lines
from accounting_sync.store.lines import Line, LineFilter
from accounting_sync.targets import exact_direct, moneybird
from accounting_sync.targets.direct import Sending
from accounting_sync.targets.files import FORMATS

CHUNK = 500
IN_MEMORY = 4 * 1024 * 1024


async def make(
    connection: AsyncConnection,
    clock: Clock,
    administration: Administration,
    kind: Kind,
    selected: frozenset[Any] | None,
    filters: LineFilter,
) -> IO[bytes]:
    """A ZIP with what would be sent, the checks per line, and the surroundings (EP-69), ready to be read.

    Lines that the pre-flight checks refuse are left out of the file and listed with their messages. Nothing is
    written anywhere (EP-70).
    """
    out = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - whoever reads it closes it
    report = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed below
    with report, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open(would_be_sent(administration), "w", force_zip64=True) as target:
            writer = _Writer(administration, kind, target)
            with writer:
                after: tuple[str, str] | None = None
                while found := await lines.page(connection, administration.code, kind, filters, after, CHUNK):
                    after = (found[-1].name, str(found[-1].id))
                    shown = [line for line in found if selected is None or line.id in selected]
                    wrong = await messages(connection, administration, shown)
                    for line in shown:
                        objection = wrong[line.id].text if line.id in wrong else ""
                        report.write(orjson.dumps(_line(line, objection)) + b"\n")
                        if not objection:
                            writer.add(line)
        report.seek(0)
        with archive.open("lines.jsonl", "w", force_zip64=True) as target:
            while piece := report.read(1024 * 1024):
                target.write(piece)
        archive.writestr("surroundings.json", await _surroundings(connection, clock, administration, kind))
    out.seek(0)
    return out


def would_be_sent(administration: Administration) -> str:
    """Name of the part that holds what would be sent."""
    if administration.mode is Mode.DIRECT:
        return "would-be-sent.jsonl"
    return f"would-be-sent.{FORMATS[administration.target].suffix}"


class _Writer:
    """Writes what would be sent: the file of the accounting system, or the calls of each line."""

    def __init__(self, administration: Administration, kind: Kind, out: IO[bytes]) -> None:
        self._administration = administration
        self._out = out
        direct = administration.mode is Mode.DIRECT
        self._file = None if direct else FORMATS[administration.target].open(out, kind)

    def __enter__(self) -> None:
        if self._file is not None:
            self._file.__enter__()

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            self._file.__exit__(*error)

    def add(self, line: Line) -> None:
        """One line that would go."""
        if self._file is not None:
            self._file.add(line.data, line.cleared)
            return
        sending = Sending(line.kind, line.action, line.data, line.cleared)
        calls_of = (
            moneybird.calls_of if self._administration.target is Target.MONEYBIRD else exact_direct.calls_of
        )
        call = {"action": line.action, "number": line.number, "calls": calls_of(sending)}
        self._out.write(orjson.dumps(call) + b"\n")


def _line(line: Line, objection: str) -> dict[str, object]:
    return {
        "line": str(line.id),
        "debtor": line.debtor_id,
        "action": line.action,
        "state": line.state,
        "message": line.message,
        "message_origin": line.message_origin,
        "objections": objection,
        "emptied": line.cleared,
        "data": to_json(line.data),
    }


async def _surroundings(
    connection: AsyncConnection, clock: Clock, administration: Administration, kind: Kind
) -> bytes:
    health = await connections.health(connection, administration.code, administration.target)
    history = await exports.page(connection, administration.code, kind, None, 10)
    return orjson.dumps(
        {
            "made_at": clock.now(),
            "version": importlib.metadata.version("accounting-sync"),
            "administration": {
                "code": administration.code,
                "target": administration.target,
                "mode": administration.mode,
                "source": administration.source,
                "folder": administration.folder,
                "ranges": {each.value: str(numbers) for each, numbers in administration.ranges.items()},
                "mappings": {codes.value: dict(administration.mappings.of(codes)) for codes in Codes},
                "longest_values": dict(administration.rules.limits),
            },
            "connection": asdict(health),
            "last_exports": [
                {
                    "at": each.created_at,
                    "by": each.created_by_name,
                    "state": each.state,
                    "lines": each.lines,
                    "message": each.message,
                }
                for each in history
            ],
        },
        option=orjson.OPT_INDENT_2,
    )
