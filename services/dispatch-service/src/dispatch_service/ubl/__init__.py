"""UBL 2.1 in the Peppol BIS Billing 3.0 profile: writing documents and checking them."""
