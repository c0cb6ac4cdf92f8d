"""The settings pages: one module an area."""
