"""The side navigation: which areas there are and which page belongs to which (EF-07, EF-30)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One link: key of its label, address, and the paths that belong to it."""

    key: str
    href: str
    icon: str
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Links under a heading; the heading may be empty."""

    key: str
    entries: tuple[Entry, ...]


NAVIGATION = (
    Group("", (Entry("nav.home", "/", "home"),)),
    Group(
        "nav.sales",
        (
            Entry("nav.per_debtor", "/sales", "flower", ("/sales",)),
            Entry("nav.invoices", "/invoices", "invoice", ("/invoices",)),
            Entry("nav.articles", "/articles", "box", ("/articles",)),
            Entry("nav.deliveries", "/deliveries", "send", ("/deliveries", "/ekts", "/ekt-check")),
        ),
    ),
    Group("nav.organisation", (Entry("nav.debtors", "/debtors", "people", ("/debtors",)),)),
    Group("nav.finance", (Entry("nav.accounting", "/accounting", "ledger", ("/accounting",)),)),
    Group(
        "nav.tools",
        (
            Entry("nav.imports", "/imports", "into", ("/imports",)),
            Entry("nav.exports", "/exports", "out_of", ("/exports",)),
        ),
    ),
    Group("nav.set_up", (Entry("nav.settings", "/settings", "settings", ("/settings",)),)),
)


def current(path: str) -> str:
    """Address of the entry that `path` belongs to."""
    for group in NAVIGATION:
        for entry in group.entries:
            if path == entry.href or any(path.startswith(prefix) for prefix in entry.prefixes):
                return entry.href
    return ""
