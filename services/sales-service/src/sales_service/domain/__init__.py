"""Pure rules of sales and invoices: no I/O, no framework."""
