"""Imports in three steps with their rows, saved mappings, and jobs."""

from alembic import op
from klokwerk import schema
from klokwerk.database import script

revision = "0010"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = """
create table card_import (
    id uuid primary key,
    kind text not null check (kind in ('debtor', 'creditor')),
    administration text not null,
    file_name text not null,
    content bytea,
    size integer not null,
    encoding text not null,
    delimiter text not null,
    headings text[] not null,
    header_key text not null,
    guesses jsonb not null,
    fields text[] not null,
    constants jsonb not null,
    empty_cells text not null check (empty_cells in ('keep', 'clear')),
    duplicates text not null check (duplicates in ('skip', 'update', 'new')),
    state text not null check (
        state in ('mapping', 'checking', 'checked', 'running', 'done', 'taking_back', 'taken_back')),
    row_count integer not null,
    job_id uuid,
    revision bigint not null check (revision >= 1),
    created_at timestamptz not null,
    created_by text not null,
    created_by_name text not null,
    changed_at timestamptz not null,
    ran_at timestamptz
);
create index card_import_newest on card_import (created_at desc, id desc);

create table card_import_row (
    import_id uuid not null references card_import (id) on delete cascade,
    number integer not null,
    cells text[] not null,
    verdict text check (verdict in ('new', 'update', 'unchanged', 'duplicate', 'wrong')),
    problems jsonb not null default '[]',
    matches jsonb not null default '[]',
    changes text[] not null default '{}',
    keys text[] not null default '{}',
    decision text check (decision in ('skip', 'update', 'new')),
    target text,
    outcome text check (outcome in ('created', 'updated', 'unchanged', 'skipped', 'failed')),
    message text not null default '',
    card_id text,
    revision_after bigint,
    before jsonb,
    taken_back text check (taken_back in ('removed', 'restored', 'left')),
    primary key (import_id, number)
);
create index card_import_row_of_card on card_import_row (card_id) where card_id is not null;

create table import_mapping (
    header_key text not null,
    kind text not null check (kind in ('debtor', 'creditor')),
    fields jsonb not null,
    constants jsonb not null,
    empty_cells text not null,
    used_at timestamptz not null,
    used_by text not null,
    primary key (header_key, kind)
);
"""


def upgrade() -> None:
    """Make the tables of the lists and of the library's jobs."""
    script(op, schema.JOBS_1)
    script(op, TABLES)
