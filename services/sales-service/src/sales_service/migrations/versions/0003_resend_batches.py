"""Resends of many debtors by one click; recipients of a single sending."""

from __future__ import annotations

from alembic import op
from klokwerk.database import script

revision = "0003"
down_revision = "0002"

CHANGES = """
create table resend_batches (
    batch_id text primary key,
    order_day date not null,
    asked_by text not null,
    asked_at timestamptz not null,
    reason text not null,
    note text not null,
    skipped jsonb not null
);
create index resend_batches_day on resend_batches (order_day, asked_at desc);

alter table resend_requests
    add column batch_id text references resend_batches (batch_id),
    add column recipients jsonb not null default '[]';
create index resend_requests_batch on resend_requests (batch_id, debtor_id) where batch_id is not null;
"""


def upgrade() -> None:
    """Add batches, and what a request may name beside them."""
    script(op, CHANGES)
