"""Own fields: their definitions. The values stand in the cards."""

from alembic import op
from klokwerk.database import script

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = """
create table own_field (
    key text primary key,
    label text not null,
    type text not null check (type in ('text', 'number', 'date', 'yes_no', 'choice')),
    kinds text[] not null check (kinds <> '{}' and kinds <@ array['debtor', 'creditor']),
    choices text[] not null,
    on_documents boolean not null,
    position integer not null,
    revision bigint not null check (revision >= 1),
    told_revision bigint not null,
    changed_at timestamptz not null,
    changed_by text not null,
    check ((type = 'choice') = (choices <> '{}'))
);
create index card_with_own_fields on card (debtor_id) where content -> 'own_fields' <> '{}'::jsonb;
"""


def upgrade() -> None:
    """Make the table."""
    script(op, TABLES)
