"""What the sales pages say about resending an EKT (D-01, EF-54)."""

from __future__ import annotations

WARN_FROM = 3


def resend_button_visible(*, use_ekts: bool, module_active: bool) -> bool:
    """D-01: the button is there if and only if "Use EKTs" is on and the EKT module is active."""
    return use_ekts and module_active


def warn_before_resend(resends_so_far: int) -> bool:
    """Whether the next resend is the third or later: warn, never block (EF-53, EF-54)."""
    return resends_so_far + 1 >= WARN_FROM
