"""Long runs of letters in a narrow column: where they may go on in the next line."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

_LONG = re.compile(r"\S{13,}")
_PIECES = re.compile(r"[^@./\\_:;,&=?)-]{1,24}[@./\\_:;,&=?)-]*|[@./\\_:;,&=?)-]+")
_WBR = Markup("<wbr>")


def breakable(text: str) -> Markup:
    """The text, in which an address, a file name or a run without end may be broken after its signs.

    Nothing is added that is copied or read aloud, and words of the usual lengths stay whole.
    """
    shown, end = Markup(), 0
    for run in _LONG.finditer(text):
        shown += escape(text[end : run.start()]) + _WBR.join(_PIECES.findall(run[0]))
        end = run.end()
    return shown + escape(text[end:])
