"""Connections to more systems: renewals that are noted first, consents under way, shared call limits."""

from alembic import op
from klokwerk.database import script

revision = "0003"
down_revision = "0002"

CHANGES = """
alter table connection add target text not null default 'exact-direct';
alter table connection alter column target drop default;
alter table connection add why text not null default '';
alter table connection add renewing_by uuid;
alter table connection add renewing_since timestamptz;
alter table connection add renewal_lost_at timestamptz;
alter table connection add checked_at timestamptz;
alter table connection add check_ok boolean;
alter table connection add check_message text not null default '';

create table call_place (
    administration text not null,
    endpoint text not null,
    holder uuid not null,
    places integer not null,
    until timestamptz not null,
    primary key (administration, endpoint, holder)
);
create table consent_request (
    state_hash bytea primary key,
    administration text not null references administration (code),
    redirect_uri text not null,
    verifier bytea not null,
    person text not null,
    expires_at timestamptz not null
);
"""


def upgrade() -> None:
    script(op, CHANGES)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only; restore a backup to go back")
