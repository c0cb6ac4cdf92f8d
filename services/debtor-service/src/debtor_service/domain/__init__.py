"""Rules of customer and supplier cards: pure functions and value types, no I/O."""
