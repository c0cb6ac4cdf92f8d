"""The log across debtors: EKTs by order day, and debtors found by name or number however they are written."""

import sqlalchemy as sa
from alembic import op
from ekt_service.domain.search import words_of
from klokwerk.database import script

revision = "0010"
down_revision = "0002"

TABLES = """
create index ekt_by_day on ekt (order_day, made_at desc, id desc);
alter table debtor add column words text not null default '';
"""
_CARDS = sa.text(
    "select administration, debtor_id, card->>'name' as name, card->>'debtor_number' as number from debtor"
)
_WORDS = sa.text(
    "update debtor set words = :words where administration = :administration and debtor_id = :debtor_id"
)


def upgrade() -> None:
    """Add the index and the column, and fill it for the cards that are here."""
    script(op, TABLES)
    connection = op.get_bind()
    for row in connection.execute(_CARDS).all():
        values = {"administration": row.administration, "debtor_id": row.debtor_id}
        words = words_of(row.name or "", row.number or "", row.debtor_id)
        connection.execute(_WORDS, values | {"words": words})
