"""Registers the fixtures `platform_servers`, `platform` and `doors` and the option `--platform` for every test."""

pytest_plugins = ["klokwerk_platform.testing", "klokwerk_platform.testing_system"]
