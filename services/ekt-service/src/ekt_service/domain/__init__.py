"""The rules of EKTs: pure functions and values, no I/O, no framework."""
