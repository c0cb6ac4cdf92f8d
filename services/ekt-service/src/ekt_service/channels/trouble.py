"""Trouble with another machine in words: they are kept and told, so they never hold its address."""

import os
import re
import ssl

_MOST = 400
_IPV4 = r"\d{1,3}(?:\.\d{1,3}){3}"
# Three colons at least: two are a time of day.
_IPV6 = r"[0-9a-fA-F]*(?::[0-9a-fA-F]*){3,}|[0-9a-fA-F]*::[0-9a-fA-F]*"
_ADDRESS = re.compile(rf"\(?'?\[?(?:{_IPV4}|{_IPV6})\]?'?(?:[,:] ?\d+)?\)?")


def words_of(trouble: BaseException) -> str:
    """What went wrong, without point at the end."""
    if isinstance(trouble, TimeoutError):
        return "no answer in time"
    if isinstance(trouble, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {trouble.verify_message}".rstrip(".")
    if isinstance(trouble, OSError) and trouble.errno and not isinstance(trouble, ssl.SSLError):
        return os.strerror(trouble.errno).lower()
    return plain(str(trouble)) or type(trouble).__name__


def plain(text: str, *names: str) -> str:
    """A server's words on one line, bounded, without control characters, addresses and `names`."""
    flat = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    for name in names:
        if name:
            flat = flat.replace(name, "the server")
    return _ADDRESS.sub("the server", flat)[:_MOST].rstrip(".")
