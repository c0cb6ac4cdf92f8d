"""What each accounting system takes: one module a format or an interface."""
