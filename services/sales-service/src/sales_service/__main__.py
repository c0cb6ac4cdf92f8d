"""``python -m sales_service serve`` and ``python -m sales_service migrate``."""

from klokwerk.command import run

from sales_service.settings import SalesSettings

if __name__ == "__main__":
    run("sales-service", "sales_service", SalesSettings, "sales_service.app:create")
