"""Who may do what in the pages. The services decide; this only hides what they would refuse."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Role(StrEnum):
    """The roles that a user or a machine client can have."""

    SALES = "sales"
    FINANCE = "finance"
    BILLING_ADMIN = "billing-admin"
    OPS = "ops"
    READ_ONLY = "read-only"


class Action(StrEnum):
    """What the pages offer beyond looking."""

    EDIT_DEBTOR = "edit_debtor"
    EDIT_SALE = "edit_sale"
    EDIT_ARTICLE = "edit_article"
    SEND_INVOICE = "send_invoice"
    CHANGE_AUTOMATIC = "change_automatic"
    SYNCHRONISE = "synchronise"
    TRIAL_EXPORT = "trial_export"
    SET_AUTOMATIC_DISPATCH = "set_automatic_dispatch"
    SET_EKT = "set_ekt"
    CONFIRM_EKT = "confirm_ekt"
    SETTLE_EKT = "settle_ekt"
    SET_COMPANY = "set_company"
    SET_NUMBER_RANGES = "set_number_ranges"
    SET_CUSTOMERS = "set_customers"
    SET_ADMINISTRATIONS = "set_administrations"
    SET_NEWSLETTER = "set_newsletter"
    KEEP_PRIVACY = "keep_privacy"


ALLOWED: dict[Action, frozenset[Role]] = {
    Action.EDIT_DEBTOR: frozenset({Role.SALES, Role.FINANCE, Role.OPS}),
    Action.EDIT_SALE: frozenset({Role.SALES}),
    Action.EDIT_ARTICLE: frozenset({Role.SALES}),
    Action.SEND_INVOICE: frozenset({Role.SALES, Role.FINANCE, Role.BILLING_ADMIN}),
    Action.CHANGE_AUTOMATIC: frozenset({Role.SALES, Role.FINANCE, Role.BILLING_ADMIN}),
    Action.SYNCHRONISE: frozenset({Role.FINANCE}),
    Action.TRIAL_EXPORT: frozenset({Role.FINANCE, Role.OPS}),
    Action.SET_AUTOMATIC_DISPATCH: frozenset({Role.BILLING_ADMIN}),
    Action.SET_EKT: frozenset({Role.OPS, Role.BILLING_ADMIN}),
    Action.CONFIRM_EKT: frozenset({Role.SALES, Role.FINANCE, Role.OPS}),
    Action.SETTLE_EKT: frozenset({Role.SALES, Role.OPS}),
    Action.SET_COMPANY: frozenset({Role.FINANCE, Role.BILLING_ADMIN}),
    Action.SET_NUMBER_RANGES: frozenset({Role.FINANCE}),
    Action.SET_CUSTOMERS: frozenset({Role.FINANCE, Role.OPS}),
    Action.SET_ADMINISTRATIONS: frozenset({Role.FINANCE}),
    Action.SET_NEWSLETTER: frozenset({Role.OPS, Role.FINANCE}),
    Action.KEEP_PRIVACY: frozenset({Role.OPS, Role.FINANCE}),
}
"""Which roles see the control for an action (EF-74, EP-72, NV-69)."""


def may(roles: Iterable[str], action: Action) -> bool:
    """Whether somebody with `roles` is offered `action`."""
    return any(role in ALLOWED[action] for role in roles)


def checked(names: Iterable[str]) -> tuple[Role, ...]:
    """The roles named, each once, in the order of `Role`.

    Raises:
        ValueError: a name that is no role, or none at all; the text lists the roles there are.
    """
    wanted = set(names)
    known = {role.value for role in Role}
    if unknown := sorted(wanted - known):
        raise ValueError(f"no such role: {', '.join(unknown)}; choose from {', '.join(sorted(known))}")
    if not wanted:
        raise ValueError(f"at least one role is needed; choose from {', '.join(sorted(known))}")
    return tuple(role for role in Role if role.value in wanted)
