"""Tables of the debtor service and every query on them."""
