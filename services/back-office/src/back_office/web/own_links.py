"""Which of the addresses that services give are pages here."""

from __future__ import annotations

import re

_PAGES = re.compile(
    r"^/debtors/[^/?#]+(/(configuration|edit|contacts|attachments|timeline|privacy))?$"
    r"|^/invoices/[^/?#]+$"
    r"|^/sales/\d{4}-\d\d-\d\d/[^/?#]+$"
    r"|^/settings(/(automatic-dispatch|ekt|company|apps|newsletter|number-ranges|administrations))?$"
    r"|^/ekts/[^/?#]+$"
    r"|^/(sales|deliveries|accounting)([/?][^#]*)?$"
)
_IN_APIS = (
    (re.compile(r"^/v1/invoices/([^/?#]+)$"), r"/invoices/\1"),
    (re.compile(r"^/v1/ekts/([^/?#]+)$"), r"/ekts/\1"),
)


def own_page(link: str) -> str:
    """The page here that `link` of a service stands for; empty when there is none."""
    for api, page in _IN_APIS:
        link = api.sub(page, link)
    return link if _PAGES.match(link) else ""
