"""Exact Online's own result of an import: which relations it refused, and why.

The file comes from outside, so it is read without entities, document types or network, and refused where it
has any of them.
"""

from dataclasses import dataclass

from lxml import etree

REFUSED_TYPES = frozenset({"0", "3"})
"""Message types: 0 error, 1 warning, 2 done, 3 fatal."""


class UnreadableResult(ValueError):
    """The file is not a result of an import; the text says why."""


@dataclass(frozen=True, slots=True)
class RefusedRelation:
    """One relation that the import refused; `number` is none where the message names no relation."""

    number: str | None
    message: str


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
        RefusedRelation(_number(message), (message.findtext("Description") or "").strip())
        for message in root.iterfind("Messages/Message")
        if message.get("type") in REFUSED_TYPES
    ]


def _number(message: etree._Element) -> str | None:
    data = message.find("Topic/Data")
    if data is None:
        return None
    return (data.get("key") or data.get("keyAlt") or "").strip() or None
