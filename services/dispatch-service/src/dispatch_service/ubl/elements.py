"""A thin writer over lxml that knows UBL's two namespaces and never writes an empty element."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"

# XML 1.0 has no way to write these, not even escaped.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Node:
    """One element; `value` adds a text child, `group` a child with children."""

    def __init__(self, element: etree._Element) -> None:
        self.element = element

    @classmethod
    def root(cls, name: str) -> Node:
        """A document's root: ``Invoice`` or ``CreditNote``."""
        own = f"urn:oasis:names:specification:ubl:schema:xsd:{name}-2"
        names: Any = {None: own, "cac": CAC, "cbc": CBC}
        return cls(etree.Element(f"{{{own}}}{name}", nsmap=names))

    def value(self, name: str, text: str, **attributes: str) -> None:
        """Add `cbc:name` with `text`; blank text adds nothing (Peppol forbids empty elements)."""
        clean = _UNWRITABLE.sub("", text).strip()
        if clean:
            child = etree.SubElement(self.element, f"{{{CBC}}}{name}", attrib=attributes)
            child.text = clean

    def group(self, name: str) -> Node:
        """Add `cac:name` and return it."""
        return Node(etree.SubElement(self.element, f"{{{CAC}}}{name}"))

    def to_bytes(self) -> bytes:
        """The document as UTF-8 with declaration; the same input gives the same bytes."""
        return etree.tostring(self.element, xml_declaration=True, encoding="UTF-8", pretty_print=True)
