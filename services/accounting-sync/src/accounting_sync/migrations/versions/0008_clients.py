"""Which connections call with the same key, since an accounting system counts refused calls by key."""

from alembic import op
from klokwerk.database import script

revision = "0008"
down_revision = "0006"

CHANGES = """
alter table connection add column client text;
create index connection_client on connection (client);
"""


def upgrade() -> None:
    script(op, CHANGES)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only; restore a backup to go back")
