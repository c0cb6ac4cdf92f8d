"""Tables and every query, one module for each thing that is kept."""
