"""The demo: plays the order day in ``demo/`` through the front doors and proves each step from the outside."""
