"""``python -m dispatch_service serve`` and ``python -m dispatch_service migrate``."""

from klokwerk.command import run

from dispatch_service.settings import DispatchSettings

if __name__ == "__main__":
    run("dispatch-service", "dispatch_service", DispatchSettings, "dispatch_service.app:create_app")
