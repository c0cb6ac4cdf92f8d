"""Sending many invoices by hand: those named, or all that the list shows with a filter; as a job."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from fastapi import APIRouter, Response
from klokwerk import jobs, pinned
from klokwerk.access import Person, allow, audit
from klokwerk.http.idempotency import Once
from klokwerk.jobs import JobView, NewJob, items
from klokwerk.pinned import Pin
from pydantic import BaseModel, ConfigDict, Field, model_validator

from dispatch_service import by_hand
from dispatch_service.api.context import INVOICE_ROLES, In
from dispatch_service.api.invoice_list import InvoiceBody
from dispatch_service.domain.cascade import Channel
from dispatch_service.store import invoices

router = APIRouter(tags=["invoices"])
MOST = 100_000
InvoiceId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]


class SendManyBody(BaseModel):
    """Which invoices to send: those named, or all that `matching` means.

    Attributes:
        pin: what the person was told of all of those: others are refused with 409.
        channel: none for the first possible one of each.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    invoice_ids: Annotated[list[InvoiceId], Field(min_length=1, max_length=MOST)] | None = None
    matching: InvoiceBody | None = None
    pin: Pin | None = None
    channel: Channel | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.invoice_ids is None) == (self.matching is None):
            raise ValueError("send either invoice_ids or matching")
        if self.matching is not None and self.pin is None:
            raise ValueError(
                "pin: what is sent to everybody of a filter has to be confirmed; take it from the count"
            )
        return self


@router.post("/invoices/send", status_code=202, response_model=JobView)
async def send_many(
    body: SendManyBody, service: In, once: Once, person: Person = allow(*INVOICE_ROLES)
) -> Response:
    """Send them by hand, each as `POST /invoices/{invoice_id}/send` does; the job says of each left out why (NV-60)."""
    async with service.database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        new = NewJob(by_hand.KIND, input=by_hand.job_input(body.channel))
        job = await jobs.start(connection, service.clock, new, person)
        if body.matching is not None:
            kept = await invoices.keep(connection, body.matching.as_domain(), job.id)
            pinned.check(body.pin, kept)
            count = kept.count
        else:
            count = await items.add(connection, job.id, body.invoice_ids or [])
        await audit(
            connection, person, service.clock.now(), "send many asked for", by_hand.ENTITY, str(job.id),
            new={"invoices": count, "channel": body.channel},
        )  # fmt: skip
        headers = {"Location": f"/v1/jobs/{job.id}"}
        return await once.keep(connection, JobView.of(job), 202, headers)
