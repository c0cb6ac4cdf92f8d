"""The mail sink: takes every mail, delivers none, shows them all, and fails on request."""
