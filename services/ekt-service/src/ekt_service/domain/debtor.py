"""What this service keeps of a debtor's card."""

from dataclasses import dataclass

from klokwerk_contracts import DebtorChanged
from klokwerk_contracts.debtor_changed import CardState, DocumentKind, EktConfiguration, EktMethod


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
    def recipient(self) -> str:
        """Where a file goes by the debtor's method: addresses separated by ``;``, or a folder's name."""
        return self.ekt.folder if self.ekt.method is EktMethod.FOLDER else "; ".join(self.emails)

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
