"""What accounting could be told of a card stands on the card alone; a relation keeps only a mark of it."""

from alembic import op
from klokwerk.database import script

revision = "0004"
down_revision = "0003"

CHANGES = """
alter table card add as_debtor text;
alter table card add as_creditor text;
update card set as_debtor = sources -> 'debtors' ->> 'source', as_creditor = sources -> 'creditors' ->> 'source';
alter table card drop column sources;

drop index relation_number;
alter table relation add number text;
update relation set number = source ->> 'number' where merged_into is null;
create index relation_number on relation (administration, number) where number is not null;
alter table relation drop column source;
alter table relation drop column revision;
alter table relation drop column merged_into;
alter table relation drop column anonymised;
-- A relation is only ever made by a join with its administration, and those are never deleted.
alter table relation drop constraint relation_administration_fkey;
"""


def upgrade() -> None:
    script(op, CHANGES)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only; restore a backup to go back")
