"""What this service keeps of a debtor's card."""

from dataclasses import dataclass
from enum import StrEnum

from klokwerk_contracts import DebtorChanged
from klokwerk_contracts.debtor_changed import CardState, DocumentKind, EktConfiguration


class Way(StrEnum):
    """How an EKT leaves the house; also the name of the channel that carries it."""

    EMAIL = "email"
    FOLDER = "folder"
    SFTP = "sftp"
    FTPS = "ftps"
    HTTP = "http"

    @property
    def is_transfer(self) -> bool:
        """It goes to the customer's own server, whose address and secrets only this service knows."""
        return self in (Way.SFTP, Way.FTPS, Way.HTTP)


@dataclass(frozen=True, slots=True)
class Debtor:
    """A debtor as EKTs need it.

    Args:
        emails: addresses an EKT goes to: those for EKTs, else the default one (EF-55, EF-57).
        ekt: the EKT configuration of the card.
    """

    administration: str
    id: str
    revision: int
    state: CardState
    merged_into: str | None
    name: str
    number: str
    language: str
    emails: tuple[str, ...]
    ekt: EktConfiguration

    @property
    def way(self) -> Way:
        """The way chosen on the card: a transfer to the customer's own server wins over the method."""
        return Way(self.ekt.transfer.value if self.ekt.transfer else self.ekt.method.value)

    @property
    def recipient(self) -> str:
        """Where a file goes: addresses separated by ``;``, a folder's name, or that it is their own server.

        The address of a server is told to nobody outside this service, so it stands in no EKT and no event.
        """
        if self.way.is_transfer:
            return f"the customer's server ({self.way.value.upper()})"
        return self.ekt.folder if self.way is Way.FOLDER else "; ".join(self.emails)

    @property
    def buyer_code(self) -> str:
        """Content of NAD+BY: the code the customer asked for, else the debtor number."""
        return self.ekt.buyer_code or self.number

    @property
    def receiver_code(self) -> str:
        """Receiver in UNB."""
        return self.ekt.receiver_code or self.buyer_code


def debtor_of(card: DebtorChanged) -> Debtor:
    """Take over a card."""
    own = [
        address for entry in card.emails if entry.document is DocumentKind.EKT for address in [entry.address]
    ]
    default = card.email_for(DocumentKind.GENERAL)
    given = own or ([default] if default else [])
    addresses = [part.strip() for address in given for part in address.split(";")]
    return Debtor(
        administration=card.administration,
        id=card.debtor_id,
        revision=card.revision,
        state=card.state,
        merged_into=card.merged_into if card.state is CardState.MERGED else None,
        name=card.name,
        number=card.debtor_number,
        language=card.language,
        emails=tuple(dict.fromkeys(address for address in addresses if address)),
        ekt=card.ekt,
    )
