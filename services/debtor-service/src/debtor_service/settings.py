"""Settings of the debtor service: the common ones and its own."""

from __future__ import annotations

from klokwerk.settings import ServiceSettings


class DebtorSettings(ServiceSettings):
    """What can be set by ``KLOKWERK_...`` variables.

    Attributes:
        ekt_module: whether EKTs are set up for this installation; without it "Use EKTs" can't be ticked (EF-39).
        ekt_contact: whom people are sent to when it is not.
    """

    ekt_module: bool = True
    ekt_contact: str = "your administrator or Klokwerk support"
