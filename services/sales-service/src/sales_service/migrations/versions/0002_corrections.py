"""Corrections that are gathered before they are published; who changed a day; bounces and confirmations."""

from __future__ import annotations

from alembic import op
from klokwerk.database import script

revision = "0002"
down_revision = "0001"

CHANGES = """
alter table distributions
    add column publish_due timestamptz,
    add column publish_since timestamptz,
    add column publish_by text not null default '',
    add column publish_reason text not null default '',
    add column changed_by text not null default '';
create index distributions_due on distributions (publish_due) where publish_due is not null;

alter table ekt_deliveries
    add column bounced_at timestamptz,
    add column confirmed_at timestamptz,
    add column confirmed_by text not null default '';
create index ekt_deliveries_request on ekt_deliveries (request_id) where request_id is not null;
"""


def upgrade() -> None:
    """Add the columns and their indexes."""
    script(op, CHANGES)
