"""Typed clients of the five services; the back office knows them by their HTTP APIs only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

import httpx

from back_office.clients.accounting import AccountingClient
from back_office.clients.articles import ArticleClient
from back_office.clients.attachments import AttachmentClient
from back_office.clients.company import CompanyClient
from back_office.clients.confirmations import ConfirmationClient
from back_office.clients.connections import ConnectionClient
from back_office.clients.customers import CustomerClient
from back_office.clients.debtors import DebtorClient
from back_office.clients.dispatch import DispatchClient
from back_office.clients.ekts import EktClient
from back_office.clients.imports import ImportClient
from back_office.clients.jobs import JobClient
from back_office.clients.newsletter import NewsletterClient
from back_office.clients.privacy import PrivacyClient
from back_office.clients.resends import ResendsClient
from back_office.clients.sale_changes import SaleChangesClient
from back_office.clients.sales import SalesClient
from back_office.clients.shapes import Say
from back_office.clients.summary import SummaryClient
from back_office.clients.transport import Caller, ServiceName


@dataclass(frozen=True, slots=True)
class Clients:
    """The services as one signed-in user may use them."""

    debtors: DebtorClient
    customers: CustomerClient
    attachments: AttachmentClient
    sales: SalesClient
    sale_changes: SaleChangesClient
    articles: ArticleClient
    resends: ResendsClient
    company: CompanyClient
    ekts: EktClient
    connections: ConnectionClient
    dispatch: DispatchClient
    accounting: AccountingClient
    imports: ImportClient
    newsletter: NewsletterClient
    privacy: PrivacyClient
    jobs: Mapping[ServiceName, JobClient]
    summaries: Mapping[ServiceName, SummaryClient]


class Services:
    """Keeps the connections to the services; one for each process.

    Args:
        addresses: base address of each service.
        timeout: seconds to wait for an answer.
        transport: stands in for the network in tests of single components.
    """

    def __init__(
        self,
        addresses: Mapping[ServiceName, str],
        timeout: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        limits = httpx.Limits(max_connections=50, max_keepalive_connections=20)
        self._http = {
            name: httpx.AsyncClient(
                base_url=address.rstrip("/"),
                timeout=httpx.Timeout(timeout, connect=min(timeout, 2.0)),
                limits=limits,
                transport=transport,
                follow_redirects=False,
                trust_env=False,
            )
            for name, address in addresses.items()
        }

    def as_user(self, token: str, correlation: str, say: Say | None = None) -> Clients:
        """Clients that speak with the user's own `token`; `correlation` ties their calls together.

        Args:
            say: puts the services' sentences into the user's language; without it they stay as they are.
        """
        callers = {
            name: Caller(client, name, token=token, correlation=correlation, say=say)
            for name, client in self._http.items()
        }
        return Clients(
            debtors=DebtorClient(callers[ServiceName.DEBTORS]),
            customers=CustomerClient(callers[ServiceName.DEBTORS]),
            attachments=AttachmentClient(callers[ServiceName.DEBTORS]),
            sales=SalesClient(callers[ServiceName.SALES]),
            sale_changes=SaleChangesClient(callers[ServiceName.SALES]),
            articles=ArticleClient(callers[ServiceName.SALES]),
            resends=ResendsClient(callers[ServiceName.SALES], callers[ServiceName.EKTS]),
            company=CompanyClient(callers[ServiceName.SALES]),
            ekts=EktClient(callers[ServiceName.EKTS]),
            connections=ConnectionClient(callers[ServiceName.EKTS]),
            dispatch=DispatchClient(callers[ServiceName.DISPATCH]),
            accounting=AccountingClient(callers[ServiceName.ACCOUNTING]),
            imports=ImportClient(callers[ServiceName.DEBTORS]),
            newsletter=NewsletterClient(callers[ServiceName.DEBTORS]),
            privacy=PrivacyClient(callers),
            jobs={name: JobClient(caller) for name, caller in callers.items()},
            summaries={name: SummaryClient(caller) for name, caller in callers.items()},
        )

    def confirmations(self, correlation: str, say: Say | None = None) -> ConfirmationClient:
        """The client for whoever holds a confirmation link, signed in or not."""
        name = ServiceName.EKTS
        return ConfirmationClient(Caller(self._http[name], name, token="", correlation=correlation, say=say))

    async def close(self) -> None:
        """Close the connections."""
        for client in self._http.values():
            await client.aclose()

    async def __aenter__(self) -> Services:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
