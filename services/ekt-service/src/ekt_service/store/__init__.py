"""Tables and every query of the EKT service, one module for each kind of thing."""
