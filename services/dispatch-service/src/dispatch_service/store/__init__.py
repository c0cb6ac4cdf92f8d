"""Tables and every query of the dispatch service, one module for each thing that is stored."""
