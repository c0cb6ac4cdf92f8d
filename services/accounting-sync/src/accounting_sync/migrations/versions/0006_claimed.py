"""Which lines an export has claimed, without looking at those that are with the delivery workers already."""

from alembic import op
from klokwerk.database import script

revision = "0006"
down_revision = "0005"

CHANGES = """
create index line_claimed on line (export_id, id) where state = 'exporting';
"""


def upgrade() -> None:
    script(op, CHANGES)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only; restore a backup to go back")
