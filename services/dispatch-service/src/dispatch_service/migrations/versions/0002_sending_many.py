"""Sending many invoices by hand, as jobs."""

from __future__ import annotations

from alembic import op
from klokwerk import schema
from klokwerk.database import script

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables of jobs, and what they have to do."""
    script(op, schema.JOBS_1 + schema.JOBS_2)
