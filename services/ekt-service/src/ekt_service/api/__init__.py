"""The HTTP API of the EKT service: below ``/v1`` for whoever is signed in, confirmation links for their holders."""

from ekt_service.api import (
    confirmations,
    connections,
    day_checks,
    debtor_days,
    ekts,
    log,
    module,
    overview,
    personal_data,
    returns,
    templates,
    validation,
)

ROUTERS = (
    log.router,
    ekts.router,
    debtor_days.router,
    day_checks.router,
    connections.router,
    personal_data.router,
    module.router,
    templates.router,
    returns.router,
    overview.router,
    validation.router,
)
OPEN_ROUTERS = (confirmations.router,)
