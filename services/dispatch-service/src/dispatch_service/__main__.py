"""``python -m dispatch_service serve`` and ``python -m dispatch_service migrate``."""

from __future__ import annotations

from klokwerk import command

from dispatch_service.app import NAME, PACKAGE, create_app
from dispatch_service.settings import DispatchSettings

if __name__ == "__main__":
    command.run(NAME, PACKAGE, DispatchSettings, create_app)
