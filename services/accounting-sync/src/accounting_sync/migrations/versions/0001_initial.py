"""Administrations, the cards as known, the queue, the exports and their files."""

from alembic import op
from klokwerk import schema
from klokwerk.database import script

revision = "0001"
down_revision = None

TABLES = """
create table administration (
    code text primary key,
    name text not null,
    target text not null check (target in ('exact-xml', 'exact-direct')),
    source text not null,
    folder text,
    ranges jsonb not null,
    mappings jsonb not null,
    revision integer not null,
    changed_at timestamptz not null
);
create table connection (
    administration text primary key references administration (code),
    sealed bytea not null,
    paused_until timestamptz,
    needs_consent boolean not null,
    changed_at timestamptz not null
);
create table connection_error (
    id bigint generated always as identity primary key,
    administration text not null,
    endpoint text not null,
    status integer not null,
    at timestamptz not null
);
create index connection_error_recent on connection_error (administration, endpoint, at);

create table card (
    administration text not null,
    debtor_id text not null,
    revision integer not null,
    sources jsonb not null,
    merged_into text,
    received_at timestamptz not null,
    primary key (administration, debtor_id)
);
create table relation (
    administration text not null references administration (code),
    kind text not null check (kind in ('debtors', 'creditors')),
    debtor_id text not null,
    revision integer not null,
    source jsonb,
    source_fingerprint text not null,
    merged_into text,
    pending boolean not null,
    next_action text,
    synced_fingerprint text,
    synced_data jsonb,
    synced_revision integer,
    synced_at timestamptz,
    synced_export uuid,
    remote_id text,
    primary key (administration, kind, debtor_id)
);
create index relation_pending on relation (administration, kind, debtor_id) where pending;
create index relation_number on relation (administration, (source ->> 'number'));

create table line (
    id uuid primary key,
    administration text not null,
    kind text not null,
    debtor_id text not null,
    revision integer not null,
    version integer not null,
    number text,
    name text not null,
    data jsonb not null,
    fingerprint text not null,
    missing jsonb not null,
    merged_into text,
    action text not null check (action in ('Insert', 'Update', 'Ignore')),
    by_hand boolean not null,
    state text not null check (state in ('listed', 'exporting', 'sending', 'failed')),
    message text not null,
    message_origin text check (message_origin in ('own', 'accounting')),
    export_id uuid,
    delivery_id uuid,
    remote_id text,
    attempted boolean not null,
    failures integer not null,
    retry_at timestamptz,
    fetched_at timestamptz not null,
    changed_at timestamptz not null,
    unique (administration, kind, debtor_id),
    foreign key (administration, kind, debtor_id) references relation (administration, kind, debtor_id)
);
create index line_in_order on line (administration, kind, name, id);
create index line_of_export on line (export_id, id) where export_id is not null;
create index line_retry on line (retry_at) where retry_at is not null;

create table export (
    id uuid primary key,
    administration text not null references administration (code),
    kind text not null,
    mode text not null check (mode in ('file', 'direct')),
    target text not null,
    state text not null check (state in ('planned', 'running', 'done', 'failed', 'import_failed')),
    lines integer not null,
    message text not null,
    folder text,
    file_name text,
    sha256 text,
    size bigint,
    created_by text not null,
    created_by_name text not null,
    created_at timestamptz not null,
    finished_at timestamptz,
    returned_by text,
    returned_at timestamptz,
    returned_note text
);
create index export_history on export (administration, created_at desc, id desc);
create index export_planned on export (created_at) where state = 'planned';
create table export_line (
    export_id uuid not null references export (id) on delete cascade,
    line_id uuid not null,
    debtor_id text not null,
    revision integer not null,
    number text,
    name text not null,
    action text not null,
    data jsonb not null,
    fingerprint text not null,
    previous jsonb,
    outcome text not null check (outcome in ('open', 'synced', 'failed', 'left_out', 'returned')),
    message text not null,
    message_origin text,
    primary key (export_id, line_id)
);
create index export_line_in_order on export_line (export_id, number, line_id);
create table export_file (
    export_id uuid not null references export (id) on delete cascade,
    part integer not null,
    body bytea not null,
    primary key (export_id, part)
);
"""


def upgrade() -> None:
    script(op, schema.FIRST + schema.DELIVERIES_1 + TABLES)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only; restore a backup to go back")
