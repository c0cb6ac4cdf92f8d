"""The web pages of Klokwerk and the issuer of its access tokens."""
