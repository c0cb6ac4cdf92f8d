"""Text as it is searched: without accents, capitals, dots and spaces, so that people find what they half remember."""

import unicodedata

_SPELLED_OUT = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d"})


def fold(text: str) -> str:
    """The letters and digits of a text, small and without accents."""
    spread = unicodedata.normalize("NFKD", text.casefold().translate(_SPELLED_OUT))
    return "".join(c for c in spread if c.isalnum())


def words_of(*texts: str) -> str:
    """Several texts folded, so that a search finds part of any one of them."""
    return " ".join(fold(text) for text in texts if text)
