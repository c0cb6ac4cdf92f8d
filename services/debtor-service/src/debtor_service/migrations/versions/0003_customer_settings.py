"""Settings of the organisation for its customers, and the lists that cards choose from."""

from alembic import op
from klokwerk.database import script

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = """
create table customer_settings (
    id integer primary key check (id = 1),
    content jsonb not null,
    revision bigint not null check (revision >= 1),
    changed_at timestamptz,
    changed_by text not null
);
insert into customer_settings (id, content, revision, changed_at, changed_by) values (1, '{}', 1, null, '');

create table customer_number_series (
    series text primary key,
    next_value bigint not null check (next_value >= 1)
);

create table customer_choice (
    list text not null check (list in ('categories', 'price-tiers')),
    code text not null,
    label text not null,
    position integer not null,
    revision bigint not null check (revision >= 1),
    changed_at timestamptz not null,
    changed_by text not null,
    primary key (list, code)
);
insert into customer_choice (list, code, label, position, revision, changed_at, changed_by) values
    ('categories', 'company', 'Bedrijf', 10, 1, now(), 'debtor-service'),
    ('categories', 'private', 'Particulier', 20, 1, now(), 'debtor-service');

create table number_space (
    administration text primary key,
    shared boolean not null,
    changed_at timestamptz not null,
    changed_by text not null
);
"""


def upgrade() -> None:
    """Make the tables, with the settings that an installation starts with."""
    script(op, TABLES)
