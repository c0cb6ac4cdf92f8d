"""``python -m debtor_service serve`` and ``python -m debtor_service migrate``."""

from klokwerk.command import run

from debtor_service.settings import DebtorSettings

if __name__ == "__main__":
    run("debtor-service", "debtor_service", DebtorSettings, "debtor_service.app:create")
