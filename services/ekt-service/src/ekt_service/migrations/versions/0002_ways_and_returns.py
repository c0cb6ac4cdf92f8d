"""Connections to customers' servers, how far a sending came, other addresses, what came back, what was noted."""

from alembic import op
from klokwerk.database import script

revision = "0002"
down_revision = "0001"

TABLES = """
create table connection (
    id uuid primary key,
    administration text not null,
    debtor_id text not null,
    revision integer not null,
    address jsonb not null,
    sealed bytea not null,
    held text[] not null,
    fingerprint text not null,
    changed_at timestamptz not null,
    changed_by text not null,
    address_changed_at timestamptz not null,
    tested_at timestamptz,
    tested_by text not null default '',
    test jsonb,
    tested_well boolean not null default false,
    unique (administration, debtor_id)
);

-- From here on the other side may have seen something of a delivery.
create table handover (
    delivery_id uuid primary key references delivery (id) on delete cascade,
    noted_at timestamptz not null
);

alter table ekt add column other_recipients text[] not null default '{}';
alter table ekt add column bounced_at timestamptz;
create index ekt_of_debtor on ekt (administration, debtor_id, made_at desc, id desc);

-- What became known about an EKT beside its state: bounces, delays, automatic answers, confirmations.
create table ekt_note (
    id bigint generated always as identity primary key,
    ekt_id uuid not null references ekt (id) on delete cascade,
    at timestamptz not null,
    kind text not null,
    recipient text not null,
    words text not null
);
create index ekt_note_of on ekt_note (ekt_id, id);

-- Every mail of the return mailbox that was read, by its contents, so that reading it again changes nothing.
-- The mail itself is kept only where a person has to look at it.
create table return_mail (
    sha256 text primary key,
    read_at timestamptz not null,
    meaning text not null,
    ekt_id uuid,
    words text not null,
    content bytea
);
create index return_mail_age on return_mail (read_at);
create table return_mailbox (
    only_one boolean primary key default true check (only_one),
    read_at timestamptz,
    trouble text not null default '',
    trouble_since timestamptz
);
insert into return_mailbox default values;
"""


def upgrade() -> None:
    """Make the tables."""
    script(op, TABLES)
