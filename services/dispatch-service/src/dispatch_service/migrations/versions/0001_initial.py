"""Settings and their activations, customers, invoices with their dispatch state, runs, history, deliveries."""

from __future__ import annotations

from alembic import op
from klokwerk import schema
from klokwerk.database import script

revision = "0001"
down_revision = None

TABLES = """
create table choice_draft (
    administration text primary key,
    revision integer not null,
    choices jsonb not null,
    changed_at timestamptz not null,
    changed_by text not null
);
create table activation (
    id bigint generated always as identity primary key,
    administration text not null,
    choices jsonb not null,
    draft_revision integer not null,
    active_since timestamptz not null,
    active_from timestamptz not null,
    active_until timestamptz,
    activated_by text not null,
    ended_by text not null default ''
);
create unique index activation_current on activation (administration) where active_until is null;
create index activation_of on activation (administration, active_from);

create table debtor (
    debtor_id text primary key,
    administration text not null,
    revision integer not null,
    merged_into text,
    name text not null,
    number text not null,
    card jsonb not null
);

create table run (
    id bigint generated always as identity primary key,
    administration text not null,
    day date not null,
    sequence integer not null,
    started_by text not null,
    choices jsonb not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    added integer not null,
    result jsonb,
    unique (administration, day, sequence)
);
create index run_open on run (id) where finished_at is null;

create table invoice (
    seq bigint generated always as identity unique,
    invoice_id text primary key,
    administration text not null,
    debtor_id text not null,
    number text not null,
    kind text not null,
    source text not null,
    issue_date date not null,
    counts_from timestamptz not null,
    gross numeric not null,
    currency text not null,
    buyer_name text not null,
    search text not null,
    body jsonb not null,
    unsent boolean not null,
    state text not null check (state in
        ('waiting', 'by_hand', 'queued', 'planned', 'sent', 'failed', 'ignored', 'unknown')),
    reason text not null,
    message text not null,
    channel text not null default 'none',
    recipient text not null default '',
    dispatch_id uuid,
    run_id bigint references run (id),
    revision integer not null default 0,
    changed_at timestamptz not null
);
create index invoice_waiting on invoice (administration, counts_from) where state = 'waiting';
create index invoice_queued on invoice (seq) where state = 'queued';
create index invoice_run on invoice (run_id, state) where run_id is not null;
create index invoice_state on invoice (state, seq desc);
create index invoice_debtor on invoice (debtor_id, seq desc);

create index delivery_of_run on delivery ((context ->> 'run')) where kind = 'invoice';

create table invoice_history (
    id bigint generated always as identity primary key,
    invoice_id text not null references invoice (invoice_id),
    at timestamptz not null,
    by text not null,
    action text not null,
    detail text not null
);
create index invoice_history_of on invoice_history (invoice_id, id);
"""


def upgrade() -> None:
    script(op, schema.FIRST + schema.DELIVERIES_1 + TABLES)
