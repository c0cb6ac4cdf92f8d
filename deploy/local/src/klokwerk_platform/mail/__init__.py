"""The mail sink: takes every mail, delivers none, shows them all, and fails on request."""

RETURN_DOMAIN = "returns.klokwerk.example"
"""Bounces of the embedded platform go to addresses in this domain."""
