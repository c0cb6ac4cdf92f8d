"""Users, signing keys, browser sessions and wrong passwords."""

from alembic import op
from klokwerk.database import script

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    script(
        op,
        """
        create table users (
            id uuid primary key,
            name text not null check (name = lower(name) and length(name) between 1 and 100),
            display_name text not null,
            password_hash text not null,
            roles text[] not null check (cardinality(roles) > 0),
            language text not null default '',
            active boolean not null default true,
            created_at timestamptz not null,
            unique (name)
        );

        create table signing_keys (
            kid text primary key,
            sealed bytea not null,
            created_at timestamptz not null,
            retired_at timestamptz
        );

        create table sessions (
            id_hash bytea primary key,
            user_id uuid not null references users on delete cascade,
            created_at timestamptz not null,
            expires_at timestamptz not null,
            order_day date,
            flash jsonb
        );
        create index sessions_expires_at on sessions (expires_at);

        create table sign_in_failures (
            subject text primary key,
            count integer not null,
            last_at timestamptz not null
        );
        """,
    )


def downgrade() -> None:
    """Not offered: restore the backup instead."""
    raise NotImplementedError("restore the backup that was made before the upgrade")
