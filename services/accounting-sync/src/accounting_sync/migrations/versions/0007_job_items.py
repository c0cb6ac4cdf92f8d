"""Which lines a change of status does that is a job."""

from alembic import op
from klokwerk import schema
from klokwerk.database import script

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    script(op, schema.JOBS_2)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only; restore a backup to go back")
