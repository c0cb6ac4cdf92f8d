"""Tables and every query of the service, one module a subject. Nothing here commits."""
