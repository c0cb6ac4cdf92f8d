"""How people's search words are compared: without case, accents, dots and spaces in numbers."""

from __future__ import annotations

import unicodedata


def fold(*texts: str) -> str:
    """`texts` in the one form that is stored and searched: lower case, no accents, single spaces."""
    joined = " ".join(text for text in texts if text)
    bare = "".join(
        c for c in unicodedata.normalize("NFKD", joined.casefold()) if not unicodedata.combining(c)
    )
    return " ".join(bare.split())


def pattern(words: str) -> str:
    """`words` as a LIKE pattern over folded text; what LIKE itself would read is escaped."""
    escaped = fold(words).replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"
