"""Customer numbers, keys by which doubles are found, attachments on the card.

What is derived from a card's content (search text, keys) is filled in by a worker, for the cards that were there
before: `derived` says by which version of the rules it was made.
"""

from alembic import op
from klokwerk.database import script

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS = """
alter table card
    add column customer_number text not null default '',
    add column attachments jsonb not null default '[]',
    add column keys text[] not null default '{}',
    add column plain_name text not null default '',
    add column derived integer not null default 0;
-- Names are kept in plain letters, so bytes order them; an index in that order also finds beginnings of names.
alter table card alter column sort_name type text collate "C";
create unique index card_customer_number on card (customer_number) where customer_number <> '';
create index card_without_customer_number on card (created_at, debtor_id)
    where customer_number = '' and state in ('active', 'blocked');
create index card_by_key on card using gin (keys);
create index card_by_derivation on card (derived);

do $$
begin
    create index card_by_similar_name on card using gin (plain_name gin_trgm_ops);
exception
    when insufficient_privilege or undefined_file or feature_not_supported or undefined_object then
        raise notice 'pg_trgm is not available: names that are spelled differently are not found anywhere else';
end
$$;
"""


def upgrade() -> None:
    """Add the columns and their indexes."""
    script(op, COLUMNS)
