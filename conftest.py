"""Registers the fixture `platform_servers` and the option `--platform` for every test of the project."""

pytest_plugins = ["klokwerk_platform.testing"]
