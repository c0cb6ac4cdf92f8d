"""Imports as jobs; debtors found by their number."""

from __future__ import annotations

from alembic import op
from klokwerk import schema
from klokwerk.database import script

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the tables of jobs and the index."""
    script(op, schema.JOBS_1 + "create index debtors_number on debtors (number) where number <> '';")
