"""Trial export for support: everything that bears on an export, in one ZIP, without changing anything."""

import importlib.metadata
import io
import uuid
import zipfile
from collections.abc import Sequence
from dataclasses import asdict

import orjson
from klokwerk.clock import Clock
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.checking import messages
from accounting_sync.domain.administration import Administration, Mode
from accounting_sync.domain.relation import Kind, to_json
from accounting_sync.store import connections, exports, queue
from accounting_sync.store.queue import Line, LineFilter
from accounting_sync.targets.exact_direct import account_body
from accounting_sync.targets.exact_xml import ExactXmlFile

CHUNK = 500


async def make(
    connection: AsyncConnection,
    clock: Clock,
    administration: Administration,
    kind: Kind,
    selected: Sequence[uuid.UUID] | None,
) -> bytes:
    """A ZIP with what would be sent, the checks per line, and the surroundings (EP-69).

    Lines that the pre-flight checks refuse are left out of the file and listed with their messages. Nothing is
    written anywhere (EP-70).
    """
    chosen = set(selected) if selected is not None else None
    report: list[dict[str, object]] = []
    xml = io.BytesIO()
    calls: list[dict[str, object]] = []
    with ExactXmlFile(xml, kind) as file:
        after: tuple[str, str] | None = None
        while lines := await queue.page(connection, administration.code, kind, LineFilter(), after, CHUNK):
            after = (lines[-1].name, str(lines[-1].id))
            shown = [line for line in lines if chosen is None or line.id in chosen]
            wrong = await messages(connection, administration, shown)
            for line in shown:
                objection = wrong[line.id].text if line.id in wrong else ""
                report.append(_line(line, objection))
                if not objection and administration.mode is Mode.FILE:
                    file.add(line.data)
                elif not objection:
                    calls.append(
                        {"action": line.action, "code": line.number, **account_body(kind, line.data)}
                    )
    contents: dict[str, bytes] = {
        "lines.json": orjson.dumps(report, option=orjson.OPT_INDENT_2),
        "surroundings.json": await _surroundings(connection, clock, administration, kind),
    }
    if administration.mode is Mode.FILE:
        contents["would-be-sent.xml"] = xml.getvalue()
    else:
        contents["would-be-sent.json"] = orjson.dumps(calls, option=orjson.OPT_INDENT_2)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in contents.items():
            archive.writestr(name, body)
    return out.getvalue()


def _line(line: Line, objection: str) -> dict[str, object]:
    return {
        "line": str(line.id),
        "debtor": line.debtor_id,
        "action": line.action,
        "state": line.state,
        "message": line.message,
        "message_origin": line.message_origin,
        "objections": objection,
        "data": to_json(line.data),
    }


async def _surroundings(
    connection: AsyncConnection, clock: Clock, administration: Administration, kind: Kind
) -> bytes:
    health = await connections.health(connection, administration.code)
    history = await exports.page(connection, administration.code, kind, None, 10)
    return orjson.dumps(
        {
            "made_at": clock.now(),
            "version": importlib.metadata.version("accounting-sync"),
            "administration": {
                "code": administration.code,
                "target": administration.target,
                "folder": administration.folder,
                "ranges": {each.value: str(numbers) for each, numbers in administration.ranges.items()},
                "mappings": {
                    name: dict(getattr(administration.mappings, name))
                    for name in ("payment_terms", "currencies", "languages", "countries")
                },
            },
            "connection": asdict(health),
            "last_exports": [
                {"at": each.created_at, "state": each.state, "lines": each.lines, "message": each.message}
                for each in history
            ],
        },
        option=orjson.OPT_INDENT_2,
    )
