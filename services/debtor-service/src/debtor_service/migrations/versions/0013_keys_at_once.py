"""Keys of cards go into their index at once.

An index of this kind gathers new entries in a list that every look-up reads to its end. While a list of customers is
imported it grows with each chunk, and each chunk looks for doubles; a card has few keys, so entering them at once is
the cheaper way.
"""

from alembic import op
from klokwerk.database import script

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

INDEX = """
alter index card_by_key set (fastupdate = off);
select gin_clean_pending_list('card_by_key');
"""


def upgrade() -> None:
    """Enter keys at once, and those that wait."""
    script(op, INDEX)
