"""The newsletter: where its audience is, what customers chose, and who is known there."""

from alembic import op
from klokwerk.database import script

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = """
create table newsletter_settings (
    id integer primary key check (id = 1),
    api_key bytea,
    key_hint text not null,
    list_id text not null,
    list_name text not null,
    policy text not null check (policy in ('opt_out', 'opt_in')),
    tags text[] not null,
    nightly boolean not null,
    at_time time not null,
    read_up_to timestamptz,
    synced_at timestamptz,
    trouble text not null,
    revision bigint not null check (revision >= 1),
    changed_at timestamptz,
    changed_by text not null
);
insert into newsletter_settings
    (id, key_hint, list_id, list_name, policy, tags, nightly, at_time, trouble, revision, changed_by)
    values (1, '', '', '', 'opt_out', '{Klokwerk}', true, '03:30', '', 1, '');

create table newsletter_choice (
    debtor_id text primary key,
    choice text not null check (choice in ('yes', 'no')),
    source text not null check (source in ('office', 'mailchimp')),
    reason text not null,
    changed_at timestamptz not null,
    changed_by text not null
);

create table newsletter_member (
    email_hash text primary key,
    email text not null,
    status text not null,
    told text not null,
    tagged text not null,
    refused text not null,
    detail text not null,
    forget boolean not null,
    changed_at timestamptz not null
);
create index newsletter_refused on newsletter_member (email_hash) where refused <> '';
"""


def upgrade() -> None:
    """Make the tables."""
    script(op, TABLES)
