"""``python -m ekt_service serve | migrate | validate FILE``."""

import sys

from ekt_service.validate_command import validate_command


def main() -> None:
    """Do what the command line asks."""
    if sys.argv[1:2] == ["validate"]:
        raise SystemExit(validate_command(sys.argv[2:]))
    # Only now, because a check of a file needs no database, no Kafka and none of their start-up time.
    from klokwerk.command import run  # noqa: PLC0415

    from ekt_service.settings import EktSettings  # noqa: PLC0415

    run("ekt-service", "ekt_service", EktSettings, "ekt_service.app:create_app")


if __name__ == "__main__":
    main()
