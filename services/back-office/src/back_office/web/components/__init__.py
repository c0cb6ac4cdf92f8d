"""The parts that all pages are made of: table, form, message."""
