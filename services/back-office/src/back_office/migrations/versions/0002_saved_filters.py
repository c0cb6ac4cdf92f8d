"""Filters of lists that a user saved under a name."""

from alembic import op
from klokwerk.database import script

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    script(
        op,
        """
        create table saved_filters (
            user_id uuid not null references users on delete cascade,
            path text not null check (length(path) between 1 and 200),
            name text not null check (length(name) between 1 and 60),
            query text not null check (length(query) between 1 and 2000),
            saved_at timestamptz not null,
            primary key (user_id, path, name)
        );
        """,
    )


def downgrade() -> None:
    """Not offered: restore the backup instead."""
    raise NotImplementedError("restore the backup that was made before the upgrade")
