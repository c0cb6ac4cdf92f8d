"""The audience behind the simulator of Mailchimp: its contacts, and what Mailchimp does and refuses with them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, Field

from klokwerk_platform.simulators.behaviour import Store

ERRORS = "https://mailchimp.com/developer/marketing/docs/errors/"
SETTABLE = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional")
_FAKE = ("@test.", "@fake.", "@invalid.")


class Refused(Exception):
    """An answer of Mailchimp's error glossary."""

    def __init__(
        self, status: int, title: str, detail: str, errors: list[dict[str, str]] | None = None
    ) -> None:
        super().__init__(title)
        self.status, self.title, self.detail, self.errors = status, title, detail, errors or []

    def document(self) -> dict[str, Any]:
        """The problem document, as Mailchimp writes it."""
        body = {"type": ERRORS, "title": self.title, "status": self.status, "detail": self.detail}
        return body | {"instance": str(uuid4())} | ({"errors": self.errors} if self.errors else {})


def not_found() -> Refused:
    """404 as Mailchimp says it."""
    return Refused(404, "Resource Not Found", "The requested resource could not be found.")


class Member(BaseModel):
    """A contact of an audience.

    Attributes:
        compliance: unsubscribed themselves, or bounced: nobody but they can subscribe them again.
    """

    email_address: str
    status: str
    merge_fields: dict[str, Any] = Field(default_factory=dict)
    language: str = ""
    tags: list[str] = Field(default_factory=list)
    last_changed: datetime
    unsubscribe_reason: str = ""
    compliance: bool = False

    def view(self, list_id: str) -> dict[str, Any]:
        """As the API shows it."""
        shown: dict[str, Any] = {
            "id": hash_of(self.email_address),
            "email_address": self.email_address,
            "unique_email_id": hash_of(self.email_address)[:10],
            "email_type": "html",
            "status": self.status,
            "merge_fields": {"FNAME": "", "LNAME": "", **self.merge_fields},
            "language": self.language,
            "vip": False,
            "last_changed": self.last_changed.isoformat(timespec="seconds"),
            "tags_count": len(self.tags),
            "tags": [{"id": number, "name": name} for number, name in enumerate(self.tags, 1)],
            "list_id": list_id,
        }
        return shown | (
            {"unsubscribe_reason": self.unsubscribe_reason} if self.status == "unsubscribed" else {}
        )


class Forgotten(BaseModel):
    """An address that was deleted for good."""

    at: datetime


def hash_of(email: str) -> str:
    """The id of a contact: MD5 of the address in lower case."""
    return hashlib.md5(email.strip().lower().encode(), usedforsecurity=False).hexdigest()


class Audience:
    """One audience (list)."""

    def __init__(self, list_id: str, members: Store[Member], forgotten: Store[Forgotten]) -> None:
        self.id, self._members, self._forgotten = list_id, members, forgotten
        self._last = datetime.now(UTC)

    def _now(self) -> datetime:
        """Later than every moment before, so that an order of changes can be told."""
        self._last = max(datetime.now(UTC), self._last + timedelta(milliseconds=1))
        return self._last

    def _key(self, member_hash: str) -> str:
        return f"{self.id}:{member_hash.lower()}"

    def get(self, member_hash: str) -> Member:
        """One contact.

        Raises:
            Refused: there is none.
        """
        found = self._members.get(self._key(member_hash))
        if found is None:
            raise not_found()
        return found

    def all(self) -> list[Member]:
        """Every contact, the latest change last."""
        mine = [member for key, member in self._members.items() if key.startswith(f"{self.id}:")]
        return sorted(mine, key=lambda member: member.last_changed)

    def put(self, member_hash: str, body: dict[str, Any]) -> Member:
        """Add or update a contact."""
        email = str(body.get("email_address", "")).strip()
        old = self._members.get(self._key(member_hash))
        wanted = body.get("status") if old else body.get("status") or body.get("status_if_new")
        if old is None and not wanted:
            raise _invalid("status_if_new", "Data did not match any of the schemas described in anyOf.")
        if wanted is not None and wanted not in SETTABLE:
            raise _invalid("status", f"Value is not one of {', '.join(SETTABLE)}")
        if "@" not in email or any(fake in email.lower() for fake in _FAKE):
            raise Refused(
                400, "Invalid Resource", f"{email} looks fake or invalid, please enter a real email address."
            )
        if hash_of(email) in self._forgotten:
            raise Refused(
                400,
                "Forgotten Email Not Subscribed",
                f"{email} was permanently deleted and cannot be re-imported. The contact must re-subscribe to get "
                "back on the list.",
            )
        if old is not None and old.compliance and wanted == "subscribed":
            raise Refused(
                400,
                "Member In Compliance State",
                f"{email} is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be "
                "subscribed.",
            )
        base = old or Member(email_address=email, status=str(wanted), last_changed=self._now())
        return self._store(
            base.model_copy(
                update={
                    "email_address": email,
                    "status": wanted or base.status,
                    "merge_fields": {**base.merge_fields, **body.get("merge_fields", {})},
                    "language": body.get("language", base.language),
                }
            )
        )

    def patch(self, member_hash: str, body: dict[str, Any]) -> Member:
        """Change a contact."""
        old = self.get(member_hash)
        return self.put(member_hash, {"email_address": old.email_address, **body})

    def archive(self, member_hash: str) -> None:
        """Take a contact out of the audience; what is known of it stays."""
        member = self.get(member_hash)
        if member.status in ("cleaned", "pending", "archived"):
            raise Refused(
                405,
                "Method Not Allowed",
                "This list member cannot be removed. Can not archive a contact that is bounced, pending or archived",
            )
        self._store(member.model_copy(update={"status": "archived"}))

    def delete_permanently(self, member_hash: str) -> None:
        """Forget a contact; the address can't be imported again."""
        self.get(member_hash)
        self._members.drop(self._key(member_hash))
        self._forgotten.put(member_hash.lower(), Forgotten(at=self._now()))

    def tag(self, member_hash: str, tags: list[dict[str, str]]) -> None:
        """Put tags on a contact or take them off."""
        member = self.get(member_hash)
        names = dict.fromkeys(member.tags)
        for tag in tags:
            if tag.get("status") == "inactive":
                names.pop(tag["name"], None)
            else:
                names[tag["name"]] = None
        self._store(member.model_copy(update={"tags": list(names)}))

    def happens(self, email: str, status: str, reason: str = "") -> None:
        """What a person does with a mail of ours, or their mailbox: unsubscribe, bounce, subscribe again."""
        old = self._members.get(self._key(hash_of(email)))
        base = old or Member(email_address=email, status=status, last_changed=self._now())
        self._store(
            base.model_copy(
                update={
                    "status": status,
                    "unsubscribe_reason": reason,
                    "compliance": status in ("unsubscribed", "cleaned"),
                }
            )
        )

    def _store(self, member: Member) -> Member:
        changed = member.model_copy(update={"last_changed": self._now()})
        self._members.put(self._key(hash_of(changed.email_address)), changed)
        return changed


def _invalid(field: str, message: str) -> Refused:
    return Refused(
        400,
        "Invalid Resource",
        "The resource submitted could not be validated. For field-specific details, see the 'errors' array.",
        [{"field": field, "message": message}],
    )
