"""Who gets the newsletter, and what has to be told to Mailchimp so that its audience says the same (FA-84, FA-85).

Nobody is ever subscribed against their will: a contact is added with ``status_if_new``, which does nothing to one that
is there, and who unsubscribed themselves stays so until they subscribe again themselves.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Policy(StrEnum):
    """Who gets it without having said anything: every customer, as the law allows for own customers, or nobody."""

    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"


class Choice(StrEnum):
    """What a customer said."""

    YES = "yes"
    NO = "no"
    UNSET = "unset"


class Source(StrEnum):
    """Where a choice came from; of `MAILCHIMP` when they unsubscribed by the link in a newsletter."""

    OFFICE = "office"
    MAILCHIMP = "mailchimp"


class Refusal(StrEnum):
    """Why Mailchimp does not take an address; it is not offered again until it is another one."""

    COMPLIANCE = "compliance"
    FORGOTTEN = "forgotten"
    INVALID = "invalid"
    OTHER = "other"


ARCHIVED_BY_US = "archived"
"""In place of the digest of a contact that we took out; one that was archived over there is left alone."""

GONE = "gone"
"""Status of an address that is not in the audience (any more)."""


@dataclass(frozen=True, slots=True)
class Contact:
    """An address with what the cards say that have it.

    Attributes:
        name: of the customer, for the greeting.
        choice: ``no`` when any of the cards says no.
        customer: a card in use has the address; else only the choice is known.
    """

    email: str
    name: str
    language: str
    choice: Choice
    customer: bool = True

    @property
    def hash(self) -> str:
        """How Mailchimp calls the contact: MD5 of the address in lower case."""
        return hash_of(self.email)

    def wanted(self, policy: Policy) -> bool:
        """Whether the newsletter goes to it."""
        if not self.customer or self.choice is Choice.NO:
            return False
        return policy is Policy.OPT_OUT or self.choice is Choice.YES


@dataclass(frozen=True, slots=True)
class Known:
    """An address as Mailchimp has it, as far as was heard.

    Attributes:
        status: Mailchimp's word, or `GONE`.
        told: digest of what it was told last; empty for nothing.
        tagged: digest of the tags it has from us.
        refused: why it was not taken; empty when it was.
        forget: the person was anonymised, so the contact has to be deleted for good.
    """

    email_hash: str
    email: str
    status: str = GONE
    told: str = ""
    tagged: str = ""
    refused: str = ""
    forget: bool = False


class Kind(StrEnum):
    """What is told."""

    PUT = "put"
    AGAIN = "again"
    TAG = "tag"
    UNSUBSCRIBE = "unsubscribe"
    ARCHIVE = "archive"
    FORGET = "forget"


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of the API; `digest` says what the contact knows once it is done."""

    kind: Kind
    email: str
    digest: str = ""
    body: Mapping[str, Any] | None = None

    @property
    def hash(self) -> str:
        """The contact."""
        return hash_of(self.email)

    @property
    def method(self) -> str:
        """HTTP method."""
        return {
            Kind.PUT: "PUT",
            Kind.AGAIN: "PUT",
            Kind.TAG: "POST",
            Kind.UNSUBSCRIBE: "PATCH",
            Kind.ARCHIVE: "DELETE",
            Kind.FORGET: "POST",
        }[self.kind]

    def path(self, list_id: str) -> str:
        """Path below the API's base."""
        member = f"/lists/{list_id}/members/{self.hash}"
        return member + {Kind.TAG: "/tags", Kind.FORGET: "/actions/delete-permanent"}.get(self.kind, "")

    @property
    def id(self) -> str:
        """Comes back with the result of a batch, and holds what is needed to understand it."""
        return f"{self.kind.value}:{self.digest}:{self.email}"

    @classmethod
    def of_id(cls, text: str) -> Operation:
        """The operation that a result is about.

        Raises:
            ValueError: it is none of ours.
        """
        kind, digest, email = text.split(":", 2)
        return cls(Kind(kind), email, digest)


def hash_of(email: str) -> str:
    """MD5 of the address in lower case; Mailchimp's id of a contact, nothing secret."""
    return hashlib.md5(email.strip().lower().encode(), usedforsecurity=False).hexdigest()


def digest_of(*parts: object) -> str:
    """A short sign of what was told, to see whether it has changed."""
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]


def changes(contacts: Iterable[Contact], known: Mapping[str, Known], policy: Policy) -> list[Operation]:
    """What has to be told about addresses; tags follow when they are in.

    Args:
        known: what Mailchimp has, by hash.
    """
    wanted: dict[str, Contact] = {contact.hash: contact for contact in contacts}
    operations = [
        operation
        for contact in wanted.values()
        if (operation := _of_contact(contact, known.get(contact.hash), policy)) is not None
    ]
    for email_hash, member in known.items():
        if member.forget and member.status != GONE:
            operations.append(Operation(Kind.FORGET, member.email, body={}))
        elif email_hash not in wanted and member.status == "subscribed":
            operations.append(Operation(Kind.ARCHIVE, member.email))
    return operations


def _of_contact(contact: Contact, member: Known | None, policy: Policy) -> Operation | None:
    status = member.status if member else GONE
    if member is not None and member.forget:
        return None
    if not contact.wanted(policy):
        if status != "subscribed":
            return None
        if contact.customer and contact.choice is Choice.NO:
            return Operation(Kind.UNSUBSCRIBE, contact.email, body={"status": "unsubscribed"})
        return Operation(Kind.ARCHIVE, contact.email)
    digest = digest_of(contact.name, contact.language)
    if member is not None and (member.refused or status == "cleaned"):
        return None
    body = {
        "email_address": contact.email,
        "status_if_new": "subscribed",
        "merge_fields": {"FNAME": contact.name[:255]},
        "language": contact.language,
    }
    if status == "unsubscribed" and contact.choice is not Choice.YES:
        return None
    if status == "archived" and (member is None or member.told != ARCHIVED_BY_US):
        return None
    if status in ("archived", "unsubscribed"):
        # The office took it out and the customer wants it again; Mailchimp refuses it for who left on their own.
        return Operation(Kind.AGAIN, contact.email, digest, body | {"status": "subscribed"})
    if member is None or member.told != digest or status == GONE:
        return Operation(Kind.PUT, contact.email, digest, body)
    return None


def tagging(known: Iterable[Known], tags: Sequence[str], former: Sequence[str] = ()) -> list[Operation]:
    """Contacts that lack our tags, or have some from us that are not wanted any more."""
    digest = digest_of(*tags, *([list(former)] if former else ()))
    body = {
        "tags": [
            *({"name": name, "status": "active"} for name in tags),
            *({"name": name, "status": "inactive"} for name in former),
        ]
    }
    return [
        Operation(Kind.TAG, member.email, digest, body)
        for member in known
        if (tags or (former and member.tagged))
        and member.status == "subscribed"
        and member.tagged != digest
        and not member.refused
    ]


def refusal_of(status: int, answer: Mapping[str, Any]) -> tuple[Refusal, str]:
    """What an answer from 400 on means for the contact, and Mailchimp's own words."""
    title, detail = str(answer.get("title", "")), str(answer.get("detail", ""))
    errors = answer.get("errors") or ()
    words = detail + "".join(f" {each.get('field')}: {each.get('message')}" for each in errors)
    match title:
        case "Member In Compliance State":
            return Refusal.COMPLIANCE, words
        case "Forgotten Email Not Subscribed":
            return Refusal.FORGOTTEN, words
        case "Invalid Resource":
            return Refusal.INVALID, words
    return Refusal.OTHER, words or f"{title or 'no reason given'} ({status})"
