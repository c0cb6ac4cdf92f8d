"""Exact Online's import of relations from an XML file, as a person starts it, and the result file it gives.

The import matches by code and makes or changes a relation; it knows no Insert or Update. What it refuses is a
``<Message type="0">`` of the result, and the other relations of the file are taken all the same. A file that it
can't read at all is one ``<Message type="3">`` that names no relation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fastapi import FastAPI, Request, Response
from klokwerk.clock import Clock
from lxml import etree

ERROR, DONE, FATAL = "0", "2", "3"
_TEXTS = {
    "Name": "Name",
    "Phone": "Phone",
    "Email": "Email",
    "HomePage": "Website",
    "VATNumber": "VATNumber",
    "ChamberOfCommerce": "ChamberOfCommerce",
}
_CODES = {
    "SalesPaymentCondition": "PaymentConditionSales",
    "PurchasePaymentCondition": "PaymentConditionPurchase",
    "SalesCurrency": "SalesCurrency",
    "PurchaseCurrency": "PurchaseCurrency",
    "Language": "Language",
}


@dataclass(frozen=True, slots=True)
class ImportedAccount:
    """One ``<Account>`` of a file; `fields` are named as the REST API names them."""

    code: str
    fields: dict[str, object]


@dataclass(frozen=True, slots=True)
class Told:
    """One message of the result; `code` is empty where it is about no relation."""

    kind: str
    code: str
    text: str


class UnreadableFile(Exception):
    """The file is none of Exact Online's relations; the text says why."""


def accounts_of(document: bytes) -> Iterator[ImportedAccount]:
    """The relations of a file in its order.

    Raises:
        UnreadableFile: it is no XML, or another document.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnreadableFile(f"Invalid XML: {error}") from error
    if root.tag != "eExact":
        raise UnreadableFile(f"<eExact> expected, <{root.tag}> found")
    for account in root.iterfind("Accounts/Account"):
        fields: dict[str, object] = {"Status": account.get("status", "A")}
        for name, field in _TEXTS.items():
            if (text := account.findtext(name)) is not None:
                fields[field] = text
        for name, field in _CODES.items():
            if (element := account.find(name)) is not None:
                fields[field] = element.get("code", "")
        if (supplier := account.findtext("IsSupplier")) is not None:
            fields["IsSupplier"] = supplier == "1"
        yield ImportedAccount(account.get("code", "").strip(), fields)


def result_file(messages: list[Told], clock: Clock) -> bytes:
    """The result as Exact Online writes it."""
    root = etree.Element("eExact")
    all_of = etree.SubElement(root, "Messages")
    for told in messages:
        message = etree.SubElement(all_of, "Message", {"type": told.kind})
        topic = etree.SubElement(message, "Topic", {"code": "Accounts", "node": "Account"})
        if told.code:
            etree.SubElement(topic, "Data", {"key": told.code})
        etree.SubElement(message, "Date").text = clock.now().isoformat(timespec="seconds")
        etree.SubElement(message, "Description").text = told.text
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def imports(document: bytes, take: Callable[[ImportedAccount], Told]) -> list[Told]:
    """What the import says of every relation of a file; `take` stores one or refuses it."""
    try:
        return [take(account) for account in accounts_of(document)]
    except UnreadableFile as error:
        return [Told(FATAL, "", str(error))]


def import_routes(app: FastAPI, clock: Clock, take: Callable[[ImportedAccount], Told]) -> None:
    """``POST /docs/XMLUpload.aspx?Topic=Accounts`` with the file as its body; the answer is the result file."""

    @app.post("/docs/XMLUpload.aspx")
    async def upload(request: Request) -> Response:
        messages = imports(await request.body(), take)
        return Response(result_file(messages, clock), media_type="application/xml")
