"""The results of a batch: a ``tar.gz`` of JSON files, lists of ``status_code``, ``operation_id`` and ``response``."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from typing import Any

import orjson

from debtor_service.domain.newsletter import Operation
from debtor_service.newsletter.mailchimp import Answered

MOST_FILE_BYTES = 50_000_000
MOST_UNPACKED_BYTES = 500_000_000


class BadArchive(Exception):
    """The results can't be read."""


def results(content: bytes) -> Iterator[tuple[Operation, Answered]]:
    """What came of each operation of a batch; results of operations that are none of ours are left out.

    Raises:
        BadArchive: it is no archive, or unpacks to more than a batch can have.
    """
    unpacked = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r|gz") as packed:
            for entry in packed:
                if not entry.isreg():
                    continue
                unpacked += entry.size
                if entry.size > MOST_FILE_BYTES or unpacked > MOST_UNPACKED_BYTES:
                    raise BadArchive("it unpacks to more than the results of a batch can be")
                file = packed.extractfile(entry)
                if file is not None:
                    yield from _of_file(orjson.loads(file.read()))
    except (tarfile.TarError, OSError, EOFError, orjson.JSONDecodeError) as error:
        raise BadArchive(f"it can't be read: {error!r}") from error


def _of_file(found: Any) -> Iterator[tuple[Operation, Answered]]:
    for each in found if isinstance(found, list) else ():
        try:
            operation = Operation.of_id(str(each.get("operation_id")))
            body = orjson.loads(each["response"]) if each.get("response") else {}
            answered = Answered(int(each["status_code"]), body if isinstance(body, dict) else {})
        except (ValueError, KeyError, TypeError):
            continue
        yield operation, answered
