"""The issuer of access tokens: signing keys, tokens, users who sign in, machine clients."""
