"""Debtors and sales as known here, numbers of order lines, EKTs with their files, the module's settings."""

from alembic import op
from klokwerk import schema
from klokwerk.database import script

revision = "0001"
down_revision = None

TABLES = """
create table debtor (
    administration text not null,
    debtor_id text not null,
    revision integer not null,
    merged_into text,
    card jsonb not null,
    primary key (administration, debtor_id)
);

create table sale (
    administration text not null,
    debtor_id text not null,
    order_day date not null,
    owner_id text not null,
    revision integer not null,
    body jsonb not null,
    completed_at timestamptz not null,
    received_at timestamptz not null,
    primary key (administration, debtor_id, order_day)
);
create index sale_owner on sale (administration, owner_id, order_day);

-- AGJ, barcode and VN belong to an order line for life; an AGJ is never given twice on one day.
create table line_number (
    administration text not null,
    owner_id text not null,
    order_day date not null,
    line_id text not null,
    agj integer not null check (agj between 1 and 99999),
    barcode text not null,
    order_line text not null,
    primary key (administration, owner_id, order_day, line_id),
    unique (administration, order_day, agj),
    unique (administration, order_day, barcode)
);
create table agj_counter (
    administration text not null,
    order_day date not null,
    last integer not null,
    primary key (administration, order_day)
);
create sequence order_line_number as bigint start 1000001;
create sequence interchange_reference as bigint start 1001 maxvalue 999999999 cycle;

create table ekt (
    id uuid primary key,
    natural_key text not null unique,
    administration text not null,
    sale_debtor_id text not null,
    order_day date not null,
    debtor_id text not null,
    trigger text not null check (trigger in ('first', 'resend')),
    request_id text,
    needs_revision integer not null,
    revision integer not null,
    state text not null
        check (state in ('waiting', 'planned', 'sending', 'sent', 'failed', 'ignored', 'unknown')),
    sale_revision integer,
    method text not null,
    recipient text not null,
    file_name text not null,
    sha256 text not null,
    lines integer not null,
    message text not null,
    reason text not null,
    note text not null,
    requested_by text not null,
    requested_at timestamptz not null,
    made_at timestamptz not null,
    changed_at timestamptz not null,
    confirmed_at timestamptz,
    confirmed_by text not null default '',
    confirm_note text not null default ''
);
create index ekt_of_day on ekt (administration, debtor_id, order_day, made_at);
create index ekt_newest on ekt (made_at desc, id desc);
create index ekt_changed on ekt (changed_at);
create index ekt_by_state on ekt (state, made_at desc, id desc);

create table ekt_file (
    ekt_id uuid not null references ekt (id) on delete cascade,
    number integer not null,
    name text not null,
    reference text not null,
    lines integer not null,
    content bytea not null,
    sha256 text not null,
    primary key (ekt_id, number)
);

create table module (
    only_one boolean primary key default true check (only_one),
    revision integer not null,
    settings jsonb not null,
    changed_at timestamptz,
    changed_by text not null default ''
);
insert into module (revision, settings) values (1, '{}');
"""


def upgrade() -> None:
    """Make the tables."""
    script(op, schema.FIRST + schema.DELIVERIES_1 + TABLES)
