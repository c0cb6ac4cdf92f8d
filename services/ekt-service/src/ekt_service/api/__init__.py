"""The HTTP API of the EKT service, below ``/v1``."""

from ekt_service.api import day_checks, debtor_days, ekts, log, module, overview, templates, validation

ROUTERS = (
    log.router,
    ekts.router,
    debtor_days.router,
    module.router,
    templates.router,
    overview.router,
    validation.router,
    day_checks.router,
)
