"""``python -m klokwerk_platform`` is the ``klokwerk`` command."""

from klokwerk_platform.cli import main

if __name__ == "__main__":
    main()
