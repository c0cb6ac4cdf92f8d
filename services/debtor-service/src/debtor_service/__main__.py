"""``python -m debtor_service serve`` and ``python -m debtor_service migrate``."""

from klokwerk.command import run

from debtor_service.app import NAME, PACKAGE, create
from debtor_service.settings import DebtorSettings

if __name__ == "__main__":
    run(NAME, PACKAGE, DebtorSettings, create)
