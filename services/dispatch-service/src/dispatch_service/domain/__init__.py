"""The rules of automatic dispatch: pure functions and value types, no I/O."""
