"""HTTP routes of the debtor service, below ``/v1``."""
