"""Exact Online's own result of an import: which relations it refused, and why.

The file comes from outside, so it is read without entities, document types or network, and refused where it
has any of them.
"""

from collections.abc import Container
from dataclasses import dataclass

from lxml import etree

REFUSED_TYPES = frozenset({"0", "3"})
"""Message types: 0 error, 1 warning, 2 done, 3 fatal."""


class UnreadableResult(ValueError):
    """The file is not a result of an import; the text says why."""


@dataclass(frozen=True, slots=True)
class RefusedRelation:
    """One relation that the import refused.

    Attributes:
        names: what the message calls it, its number or Exact's own id, in either place; none where it names no
            relation.
    """

    names: tuple[str, ...]
    message: str

    def number_among(self, numbers: Container[str]) -> str | None:
        """Its number, where it is one of `numbers`."""
        return next((name for name in self.names if name in numbers), None)


def read_refusals(document: bytes) -> list[RefusedRelation]:
    """The refusals in a result file, in its order.

    Raises:
        UnreadableResult: it is no XML, is not such a result, or holds a document type.
    """
    if b"<!DOCTYPE" in document or b"<!ENTITY" in document:
        raise UnreadableResult("the file holds a document type; upload it as Exact Online gave it")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
    )
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnreadableResult(f"the file is not XML: {error}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise UnreadableResult("the file holds a document type; upload it as Exact Online gave it")
    if root.tag != "eExact" or root.find("Messages") is None:
        raise UnreadableResult("the file has no <eExact><Messages>; upload the result of the import")
    return [
        RefusedRelation(names, (message.findtext("Description") or "").strip())
        for message in root.iterfind("Messages/Message")
        if message.get("type") in REFUSED_TYPES
        for names in _named(message)
    ]


def _named(message: etree._Element) -> list[tuple[str, ...]]:
    """What the message calls each relation it is about; the schema lets it be about several, or none."""
    found = [
        tuple(name for place in ("key", "keyAlt") if (name := (data.get(place) or "").strip()))
        for data in message.iterfind("Topic/Data")
    ]
    return found or [()]
