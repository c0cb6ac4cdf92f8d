"""More accounting systems, emptied fields, anonymised cards, and how far an export is."""

from alembic import op
from klokwerk import schema
from klokwerk.database import script

revision = "0002"
down_revision = "0001"

CHANGES = """
alter table administration drop constraint administration_target_check;
alter table administration add constraint administration_target_check
    check (target in ('exact-xml', 'exact-direct', 'king-xml', 'moneybird', 'csv'));
alter table administration add changed_by text not null default '';

alter table card add anonymised boolean not null default false;
alter table relation add anonymised boolean not null default false;
alter table relation add to_blank boolean not null default false;
alter table relation add next_message text;
create index relation_to_blank on relation (administration) where to_blank;
alter table line add cleared text[] not null default '{}';
alter table export_line add cleared text[] not null default '{}';
create index export_line_of_debtor on export_line (debtor_id);

drop index export_line_in_order;
create index export_line_in_order on export_line (export_id, coalesce(number, ''), line_id);
alter table export add kept_without_persons boolean not null default false;
alter table export add refused integer not null default 0;
alter table export add prepared boolean not null default true;
alter table export alter column prepared set default false;
create table export_progress (
    export_id uuid primary key references export (id) on delete cascade,
    written integer not null
);

-- The regime for VAT and the mark of anonymised cards are new on what is known of a card, so the newest
-- event of each card has to be taken in once more: replay debtor.changed after this migration.
update card set revision = 0;
update relation set revision = 0;
"""


def upgrade() -> None:
    script(op, schema.JOBS_1 + CHANGES)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only; restore a backup to go back")
