"""Alembic migrations of the debtor service."""
