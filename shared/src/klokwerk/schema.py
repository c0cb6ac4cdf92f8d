"""The library's own tables, for the first migration of a service.

A migration names the version it wants (``schema.FIRST``); versions are frozen, later ones are added beside.
"""

from klokwerk import access, deliveries, jobs, outbox, parked
from klokwerk.http import idempotency

FIRST = outbox.SCHEMA_1 + parked.SCHEMA_1 + access.SCHEMA_1 + idempotency.SCHEMA_1
"""Outbox, parked things, audit trail, idempotency keys: what every service has."""

DELIVERIES_1 = deliveries.SCHEMA_1
"""For services that send something out of the house."""

JOBS_1 = jobs.SCHEMA_1
"""For services with long work that a person starts and watches."""

JOBS_2 = jobs.SCHEMA_2
"""Beside `JOBS_1`, for jobs that do what a person confirmed (`klokwerk.jobs.items`)."""
