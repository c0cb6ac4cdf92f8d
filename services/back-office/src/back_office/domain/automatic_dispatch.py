"""What the page of automatic dispatch says about a choice before it is activated (D-08, NV-07)."""

from __future__ import annotations

from collections.abc import Collection

SOURCES = ("manual", "contract", "rebilled", "interface")
CHAIN = ("einvoice", "email", "print")


def remarks(sources: Collection[str], channels: Collection[str], *, has_contact: bool) -> tuple[str, ...]:
    """Keys of what deserves attention, in the order of the page; empty when nothing does.

    Args:
        sources: whose invoices are sent.
        channels: which channels take part; the first of the chain that is left out decides, because a
            channel that is not selected is never jumped over.
        has_contact: an e-mail address or phone number for the notice of a run is given.
    """
    found = [] if sources else ["no_source"]
    if not channels:
        found.append("no_channel")
    elif left_out := next((channel for channel in CHAIN if channel not in channels), ""):
        found.append(f"without_{left_out}")
    if not has_contact:
        found.append("no_contact")
    return tuple(found)
