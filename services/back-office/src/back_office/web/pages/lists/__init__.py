"""Customer and supplier lists: their import in three steps, and exports that are kept."""
