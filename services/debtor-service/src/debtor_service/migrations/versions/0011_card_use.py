"""Which cards were sold to or billed: such a card is not removed when an import is taken back."""

from alembic import op
from klokwerk.database import script

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = """
create table card_use (
    debtor_id text not null,
    what text not null,
    first_at timestamptz not null,
    primary key (debtor_id, what)
);
"""


def upgrade() -> None:
    """Make the table."""
    script(op, TABLES)
