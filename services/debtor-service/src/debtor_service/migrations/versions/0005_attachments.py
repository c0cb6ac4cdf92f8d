"""Attachments of cards and of the company; their bytes once, by hash, in pieces."""

from alembic import op
from klokwerk.database import script

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = """
create table blob (
    sha256 text primary key check (sha256 ~ '^[0-9a-f]{64}$'),
    size bigint not null check (size > 0),
    media_type text not null,
    scan text not null check (scan in ('clean', 'not_scanned')),
    scanned_at timestamptz,
    stored_at timestamptz not null
);
create table blob_piece (
    sha256 text not null references blob (sha256) on delete cascade,
    number integer not null check (number >= 0),
    bytes bytea not null,
    primary key (sha256, number)
);
alter table blob_piece alter column bytes set storage external;

create table attachment (
    attachment_id text primary key,
    debtor_id text references card (debtor_id),
    name text not null,
    sha256 text not null,
    size bigint not null,
    media_type text not null,
    documents text[] not null,
    revision bigint not null check (revision >= 1),
    uploaded_at timestamptz not null,
    uploaded_by text not null,
    removed_at timestamptz,
    removed_by text not null default ''
);
create index attachment_of_card on attachment (debtor_id, uploaded_at) where removed_at is null;
create index attachment_with_bytes on attachment (sha256) where removed_at is null;
"""


def upgrade() -> None:
    """Make the tables."""
    script(op, TABLES)
