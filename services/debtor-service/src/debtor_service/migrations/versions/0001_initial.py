"""Cards, the numbers they have, and the ranges the numbers come from."""

from alembic import op
from klokwerk import schema
from klokwerk.database import script

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
create table card (
    debtor_id text primary key,
    administration text not null,
    revision bigint not null check (revision >= 1),
    state text not null check (state in ('active', 'blocked', 'merged', 'anonymised')),
    merged_into text references card (debtor_id),
    previous_ids text[] not null,
    kinds text[] not null,
    name text not null,
    sort_name text not null,
    debtor_number text not null,
    creditor_number text not null,
    use_ekts boolean not null,
    content jsonb not null,
    search text not null,
    created_at timestamptz not null,
    changed_at timestamptz not null,
    changed_by text not null,
    check ((state = 'merged') = (merged_into is not null)),
    check (merged_into <> debtor_id)
);
create index card_by_name on card (sort_name, debtor_id);
create index card_by_change on card (changed_at desc);

create table card_number (
    administration text not null,
    kind text not null check (kind in ('debtor', 'creditor')),
    number text not null check (number <> ''),
    value bigint,
    debtor_id text not null references card (debtor_id),
    issued boolean not null,
    trigger text not null,
    given_at timestamptz not null,
    primary key (administration, kind, number),
    unique (debtor_id, kind)
);
create index card_number_by_value on card_number (administration, kind, value);

create table number_range (
    administration text not null,
    kind text not null check (kind in ('debtor', 'creditor')),
    first_number bigint not null check (first_number >= 1),
    last_number bigint not null check (last_number < 1000000000000000000),
    fill_gaps boolean not null,
    changed_at timestamptz not null,
    changed_by text not null,
    primary key (administration, kind),
    check (first_number <= last_number)
);

do $$
begin
    create extension if not exists pg_trgm;
    create index card_by_text on card using gin (search gin_trgm_ops);
exception
    when insufficient_privilege or undefined_file or feature_not_supported or undefined_object then
        raise notice 'pg_trgm is not available: searching cards reads them all';
end
$$;
"""


def upgrade() -> None:
    """Make the tables of the service and of the library."""
    script(op, schema.FIRST)
    script(op, TABLES)
