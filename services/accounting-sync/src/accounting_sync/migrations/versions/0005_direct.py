"""Which lines of an export are open, without looking at those that are done."""

from alembic import op
from klokwerk.database import script

revision = "0005"
down_revision = "0004"

CHANGES = """
create index export_line_open on export_line (export_id) where outcome = 'open';
create index line_of_delivery on line (delivery_id) where delivery_id is not null;
"""


def upgrade() -> None:
    script(op, CHANGES)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only; restore a backup to go back")
