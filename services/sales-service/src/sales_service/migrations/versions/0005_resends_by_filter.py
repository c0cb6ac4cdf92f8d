"""Resends of all debtors that a filter means, as jobs."""

from __future__ import annotations

from alembic import op
from klokwerk import schema
from klokwerk.database import script

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add what jobs have to do, and the job of a batch."""
    script(op, schema.JOBS_2 + "alter table resend_batches add column job_id uuid references job (id);")
