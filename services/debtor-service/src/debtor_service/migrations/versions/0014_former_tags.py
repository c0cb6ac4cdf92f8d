"""Tags that the office took out of the settings, to be taken off the contacts as well."""

from alembic import op
from klokwerk.database import script

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

CHANGES = """
alter table newsletter_settings add column former_tags text[] not null default '{}';
"""


def upgrade() -> None:
    """Add them."""
    script(op, CHANGES)


def downgrade() -> None:
    """There is no way back."""
    raise NotImplementedError("migrations go forward only; restore a backup to go back")
