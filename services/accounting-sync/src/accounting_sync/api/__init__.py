"""HTTP routes, one module for each thing that is commanded or shown."""
