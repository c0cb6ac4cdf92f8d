"""Brings Mailchimp's audience and the customers in step: first what happened there is read back, then changes are told.

A few changes are told one by one, many in batches. Everything told may be told twice without harm (a contact is known
by the hash of its address), so a process that dies, or an answer that gets lost, costs a repetition and nothing else.
The number of a batch is kept before it is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from klokwerk import telemetry
from klokwerk.access import Person, audit_all
from klokwerk.jobs import JobFailed, Run
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.changes import SERVICE
from debtor_service.domain.newsletter import (
    ARCHIVED_BY_US,
    GONE,
    Choice,
    Kind,
    Operation,
    Source,
    changes,
    hash_of,
    refusal_of,
    tagging,
)
from debtor_service.newsletter.account import Accounts
from debtor_service.newsletter.activation import newsletter_active
from debtor_service.newsletter.archive import BadArchive, results
from debtor_service.newsletter.mailchimp import (
    PAGE,
    Answered,
    Away,
    Batch,
    Heard,
    KeyRefused,
    Mailchimp,
    NoAudience,
)
from debtor_service.store import newsletter
from debtor_service.store.newsletter import NewsletterSettings

log = telemetry.get_logger(__name__)

KIND = "newsletter-sync"
ONE_BY_ONE = 20
"""Changes that are told without a batch."""
A_BATCH = 500
OVERLAP = timedelta(minutes=5)
"""Read back once more than was read, since Mailchimp shows changes a little late."""
LONGEST_BATCH = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Syncing:
    """Runs synchronisations.

    Args:
        poll_seconds: first pause between two questions after a batch; it grows.
    """

    accounts: Accounts
    poll_seconds: float = 2.0

    async def __call__(self, run: Run) -> str:
        """Read back, then tell.

        Raises:
            JobFailed: the key or the audience is not there any more; somebody has to set it anew.
        """
        async with run.step() as step:
            settings = await newsletter.read(step.connection)
            if not await newsletter_active(step.connection):
                raise JobFailed("The newsletter is not activated in the customer settings.")
        try:
            mailchimp = self.accounts.of(settings)
            await mailchimp.audience(settings.list_id)
            await _read_back(run, mailchimp, settings)
            await self._tell(run, mailchimp, settings)
        except KeyRefused as refused:
            raise await _failed(
                run, f"Mailchimp does not accept the API key: {refused} Enter a new one."
            ) from refused
        except NoAudience as missing:
            raise await _failed(
                run, f"Mailchimp has no audience {settings.list_id} any more. Choose another one."
            ) from missing
        except Away as away:
            await _note(run, f"{away}")
            raise
        async with run.step() as step:
            await newsletter.synced(step.connection, run.clock.now())
        return ""

    async def _tell(self, run: Run, mailchimp: Mailchimp, settings: NewsletterSettings) -> None:
        if batch_id := run.job.position.get("batch"):
            await self._follow(run, mailchimp, str(batch_id))
        async with run.step() as step:
            known = await newsletter.known(step.connection)
            operations = changes(await newsletter.contacts(step.connection), known, settings.policy)
            step.total = step.done + len(operations)
        await self._do(run, mailchimp, settings, operations)
        async with run.step() as step:
            known = await newsletter.known(step.connection)
            operations = tagging(known.values(), settings.tags, settings.former_tags)
            step.total = step.done + len(operations)
        await self._do(run, mailchimp, settings, operations)

    async def _do(
        self, run: Run, mailchimp: Mailchimp, settings: NewsletterSettings, operations: Sequence[Operation]
    ) -> None:
        if len(operations) <= ONE_BY_ONE:
            for operation in operations:
                answered = await mailchimp.do(operation, settings.list_id)
                async with run.step() as step:
                    await _keep(step.connection, [(operation, answered)], run.clock.now(), step.result)
                    step.done += 1
            return
        for batch in _batched(operations, A_BATCH):
            started = await mailchimp.start(batch, settings.list_id)
            async with run.step() as step:
                step.position = {"batch": started.id}
            await self._follow(run, mailchimp, started.id)

    async def _follow(self, run: Run, mailchimp: Mailchimp, batch_id: str) -> None:
        """Wait for a batch and keep what came of it."""
        batch = await self._until_over(run, mailchimp, batch_id)
        try:
            found = await asyncio.to_thread(
                lambda content: list(results(content)), await mailchimp.results(batch)
            )
        except BadArchive as bad:
            raise Away(f"the results of batch {batch_id}: {bad}") from bad
        async with run.step() as step:
            await _keep(step.connection, found, run.clock.now(), step.result)
            step.done += len(found)
            step.position = {}

    async def _until_over(self, run: Run, mailchimp: Mailchimp, batch_id: str) -> Batch:
        pause = self.poll_seconds
        waited = 0.0
        while True:
            batch = await mailchimp.batch(batch_id)
            if batch.over:
                return batch
            if waited > LONGEST_BATCH.total_seconds():
                raise Away(f"batch {batch_id} is not finished after {LONGEST_BATCH}: {batch.status}")
            async with run.step() as step:
                step.result["batch_finished"] = batch.finished
            await asyncio.sleep(pause)
            waited += pause
            pause = min(pause * 1.5, 30.0)


async def _read_back(run: Run, mailchimp: Mailchimp, settings: NewsletterSettings) -> None:
    """Take over what happened in the audience since the last time: who left, bounced or came back."""
    since = settings.read_up_to - OVERLAP if settings.read_up_to else None
    offset = 0
    while True:
        page, total = await mailchimp.changed(settings.list_id, since, offset)
        offset += len(page)
        if page:
            async with run.step() as step:
                left = await take_over(step.connection, page, run.clock.now())
                step.result["read_back"] = step.result.get("read_back", 0) + len(page)
                step.result["unsubscribed"] = step.result.get("unsubscribed", 0) + left
                if offset >= total or len(page) < PAGE:
                    await newsletter.read_up_to(step.connection, max(each.last_changed for each in page))
        if len(page) < PAGE or offset >= total:
            return


async def take_over(connection: AsyncConnection, heard: Sequence[Heard], now: datetime) -> int:
    """Note on the cards who left by a link in a newsletter, or subscribed again; gives how many left.

    What the office noted is never overwritten by what Mailchimp says: only who was not known to be out leaves, so that
    what we told ourselves, and read again, is no new wish of the customer.
    """
    before = await newsletter.statuses(connection, [each.email for each in heard])
    await newsletter.keep_heard(
        connection,
        [
            {"email_hash": hash_of(h.email), "email": h.email.lower(), "status": h.status, "detail": h.reason}
            for h in heard
        ],
        now,
    )
    by_email = {each.email.lower(): each for each in heard}
    left: dict[str, str] = {}
    back: list[str] = []
    for card in await newsletter.cards_of(connection, list(by_email)):
        contact = by_email[card.email]
        was_out = before.get(card.email) == "unsubscribed"
        if contact.status == "unsubscribed" and not was_out and card.choice != Choice.NO:
            left[card.debtor_id] = contact.reason
        elif contact.status == "subscribed" and (card.choice, card.source) == (Choice.NO, Source.MAILCHIMP):
            back.append(card.debtor_id)
    for debtor_id, reason in left.items():
        await newsletter.choose(
            connection, [debtor_id], Choice.NO, Source.MAILCHIMP, reason, now, "Mailchimp"
        )
    await newsletter.choose(connection, back, Choice.YES, Source.MAILCHIMP, "", now, "Mailchimp")
    await _audit(connection, left, Choice.NO, now)
    await _audit(connection, back, Choice.YES, now)
    return len(left)


async def _audit(
    connection: AsyncConnection, debtor_ids: Iterable[str], choice: Choice, now: datetime
) -> None:
    person = Person(SERVICE.subject, "Mailchimp", frozenset())
    new = {"newsletter": choice.value}
    await audit_all(
        connection, person, now, "newsletter choice", "debtor", ((i, None, new) for i in debtor_ids)
    )


async def _keep(
    connection: AsyncConnection,
    found: Sequence[tuple[Operation, Answered]],
    now: datetime,
    result: dict[str, int],
) -> None:
    """Keep what Mailchimp answered, and count it."""
    rows: list[dict[str, str]] = []
    gone: list[str] = []
    heard: list[Heard] = []
    for operation, answered in found:
        row, name = _row(operation, answered)
        result[name] = result.get(name, 0) + 1
        if operation.kind is Kind.FORGET and row is not None and not row["refused"]:
            gone.append(operation.hash)
        elif row is not None:
            rows.append(row)
            if row["status"] == "unsubscribed" and operation.kind in (Kind.PUT, Kind.TAG):
                # It was there already, and unsubscribed before anybody here knew of it.
                heard.append(Heard(operation.email, "unsubscribed", "", now))
    await take_over(connection, heard, now)
    await newsletter.keep(connection, rows, now)
    await newsletter.drop(connection, gone)


def _row(operation: Operation, answered: Answered) -> tuple[dict[str, str] | None, str]:
    """What is kept of an answer, and what it counts as."""
    row = {
        "email_hash": operation.hash, "email": operation.email, "status": "subscribed", "told": "", "tagged": "",
        "refused": "", "detail": "",
    }  # fmt: skip
    missing = answered.status in {404, 405}
    if missing and operation.kind in (Kind.TAG, Kind.UNSUBSCRIBE):
        return row | {"status": GONE}, "gone"  # somebody deleted the contact over there
    if answered.status < 400 or (missing and operation.kind in (Kind.ARCHIVE, Kind.FORGET)):
        match operation.kind:
            case Kind.PUT | Kind.AGAIN:
                status = str(answered.body.get("status") or "subscribed")
                return row | {"status": status, "told": operation.digest}, "told"
            case Kind.TAG:
                return row | {"tagged": operation.digest}, "tagged"
            case Kind.UNSUBSCRIBE:
                return row | {"status": "unsubscribed"}, "taken_out"
            case Kind.ARCHIVE:
                return row | {"status": GONE if missing else "archived", "told": ARCHIVED_BY_US}, "taken_out"
            case Kind.FORGET:
                return row, "forgotten"
    if answered.status == 429 or answered.status >= 500:
        return None, "later"
    refusal, words = refusal_of(answered.status, answered.body)
    log.info("newsletter_refused", why=refusal.value, status=answered.status)
    return row | {"status": GONE, "refused": refusal.value, "detail": words[:500]}, "refused"


async def _failed(run: Run, why: str) -> JobFailed:
    await _note(run, why)
    return JobFailed(why)


async def _note(run: Run, why: str) -> None:
    async with run.database.transaction() as connection:
        await newsletter.note_trouble(connection, why)


def _batched(operations: Sequence[Operation], size: int) -> Iterable[Sequence[Operation]]:
    return (operations[start : start + size] for start in range(0, len(operations), size))
