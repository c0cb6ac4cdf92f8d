"""``python -m sales_service serve`` and ``python -m sales_service migrate``."""

from klokwerk.command import run

from sales_service.app import NAME, PACKAGE, create
from sales_service.settings import SalesSettings

if __name__ == "__main__":
    run(NAME, PACKAGE, SalesSettings, create)
