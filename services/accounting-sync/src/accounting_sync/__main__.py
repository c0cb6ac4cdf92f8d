"""``python -m accounting_sync serve`` and ``python -m accounting_sync migrate``."""

from klokwerk.command import run

from accounting_sync.settings import AccountingSettings

if __name__ == "__main__":
    run("accounting-sync", "accounting_sync", AccountingSettings, "accounting_sync.app:create")
