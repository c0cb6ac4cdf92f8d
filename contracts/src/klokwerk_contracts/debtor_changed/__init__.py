"""``debtor.changed``: the whole card of a customer or supplier after each change."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from klokwerk_contracts.types import (
    Address,
    Country,
    Currency,
    DecimalString,
    ElectronicAddress,
    Email,
    Event,
    Identifier,
    Instant,
    Language,
    LongText,
    Part,
    Text,
)


class Kind(StrEnum):
    """What the relation is to us; one card may be both."""

    DEBTOR = "debtor"
    CREDITOR = "creditor"


class Party(StrEnum):
    """Who stands on the card."""

    ORGANISATION = "organisation"
    PERSON = "person"


class CardState(StrEnum):
    """Life of a card; a merged one stays as a tombstone that points to its target."""

    ACTIVE = "active"
    BLOCKED = "blocked"
    MERGED = "merged"
    ANONYMISED = "anonymised"


class AddressKind(StrEnum):
    """Use of an address."""

    VISIT = "visit"
    POSTAL = "postal"
    INVOICE = "invoice"
    DELIVERY = "delivery"


class DocumentKind(StrEnum):
    """Kind of document that may have an e-mail address of its own (FA-25)."""

    GENERAL = "general"
    EKT = "ekt"
    INVOICE = "invoice"
    REMINDER = "reminder"
    QUOTE = "quote"
    DELIVERY_NOTE = "delivery_note"
    PURCHASE_ORDER = "purchase_order"


class CardAddress(Address):
    """An address on the card with its use."""

    kind: AddressKind = AddressKind.VISIT


class EmailAddress(Part):
    """An e-mail address for one kind of document; ``general`` serves every kind without its own."""

    address: Email
    document: DocumentKind = DocumentKind.GENERAL


class BankAccount(Part):
    """A bank account; `bic` may be empty inside the euro area."""

    iban: Annotated[str, StringConstraints(max_length=50)]
    bic: Annotated[str, StringConstraints(max_length=11)] = ""


class EktMethod(StrEnum):
    """How an EKT reaches the customer."""

    EMAIL = "email"
    FOLDER = "folder"


class EktTransfer(StrEnum):
    """A way to the customer's own server; its address and secrets are kept by the EKT service alone."""

    SFTP = "sftp"
    FTPS = "ftps"
    HTTP = "http"


class EktConfiguration(Part):
    """Debtor > Configuration: whether and how EKTs are sent (EF-30..EF-39, EF-63..EF-65).

    Attributes:
        use_ekts: the tick box "Use EKTs".
        accepts_ekts: the customer confirmed that their software takes EKTs (a warning when not, D-04).
        method: how the file is sent, unless `transfer` names another way.
        transfer: the file goes to the customer's own server this way instead of by `method`.
        folder: name of the folder below the EKT service's own, for method ``folder``.
        buyer_code: content of ``NAD+BY``; empty: the debtor number.
        receiver_code: receiver in ``UNB``; empty: the buyer code.
        auction_code: ``NAD+FLA``, the supplier's id for the receiver; empty: the seller's own.
        bgm_code: document code in ``BGM``; 493 final, 323 preliminary, 231 direct sale.
        separate_files: one file for each order line instead of one for the day.
        file_name_pattern: e.g. ``EKT{yymmdd}-{reference}.edi``; empty: the default.
        character_set: ``ascii`` transliterates to upper-case ASCII (UNOA), others keep the text.
        optional_segments: optional CLOCKT segments that are written, e.g. ``RFF+ON``.
    """

    use_ekts: bool = False
    accepts_ekts: bool = False
    method: EktMethod = EktMethod.EMAIL
    transfer: EktTransfer | None = None
    folder: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{0,64}$")] = ""
    buyer_code: Annotated[str, StringConstraints(max_length=35)] = ""
    receiver_code: Annotated[str, StringConstraints(max_length=35)] = ""
    auction_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,3}$")] = ""
    bgm_code: Annotated[str, StringConstraints(pattern=r"^(493|323|231)$")] = "493"
    separate_files: bool = False
    file_name_pattern: Annotated[str, StringConstraints(max_length=100)] = ""
    character_set: Annotated[str, StringConstraints(pattern=r"^(ascii|latin-1|utf-8)$")] = "ascii"
    optional_segments: tuple[Annotated[str, StringConstraints(max_length=10)], ...] = ()


class InvoiceDelivery(Part):
    """What the customer can receive (NV-14..NV-21).

    Attributes:
        electronic: the e-invoice address; none when the customer has none.
        consumer_chose_einvoice: a consumer who chose this company in the online bank (NV-18).
        email_allowed: the customer takes invoices by e-mail.
        print_allowed: the customer takes letters.
    """

    electronic: ElectronicAddress | None = None
    consumer_chose_einvoice: bool = False
    email_allowed: bool = True
    print_allowed: bool = True


class ContactPerson(Part):
    """A person or department of an organisation (FA-39).

    Attributes:
        contact_id: unique on the card; stays the same when the entry is edited.
        name: empty for a department without a name of a person.
        address: none means the address of the card (FA-42, FA-43).
    """

    contact_id: Identifier
    name: Text = ""
    department: Text = ""
    email: Annotated[str, StringConstraints(max_length=254, pattern=r"^([^@\s]+@[^@\s]+)?$")] = ""
    phone: Annotated[str, StringConstraints(max_length=50)] = ""
    address: Address | None = None


class DiscountKind(StrEnum):
    """What a discount is taken from (FA-24)."""

    GENERAL = "general"
    FINANCIAL = "financial"


class Attachment(Part):
    """A file that belongs to the card; its bytes are kept by the debtor service (FA-63, FA-64).

    Attributes:
        attachment_id: unique in the installation.
        name: file name as people know it.
        media_type: as found in the bytes, never as claimed by whoever uploaded them.
        size: in bytes.
        documents: kinds of document it goes along with; none: it stays in the house (D-19).
        link: path of the bytes in the debtor service's API.
    """

    attachment_id: Identifier
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    media_type: Annotated[str, StringConstraints(max_length=100)]
    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    documents: tuple[DocumentKind, ...] = ()
    link: Text = ""


class OwnFieldType(StrEnum):
    """What an own field holds, and so how its value is written."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    YES_NO = "yes_no"
    CHOICE = "choice"


class OwnField(Part):
    """A filled-in own field of the card, with what is needed to show it (FA-28, FA-29).

    Attributes:
        key: the same on every card and for good.
        value: text as it is; a number like ``12.50``; a date like ``2026-11-24``; ``yes`` or ``no``.
        on_documents: shown on documents for this customer.
    """

    key: Identifier
    label: Text
    type: OwnFieldType = OwnFieldType.TEXT
    value: Annotated[str, StringConstraints(max_length=500)]
    on_documents: bool = False


class DebtorChanged(Event):
    """Snapshot of one card. A reader keeps it only if `revision` is higher than what it holds.

    Attributes:
        debtor_id: id of the card, for debtors and creditors alike; also the Kafka key.
        revision: rises by one or more with every change.
        merged_into: id of the card that took over, when `state` is ``merged``.
        debtor_number: empty until one of the three triggers gave it (D-24).
        creditor_number: as `debtor_number`, from a range of its own.
        customer_number: by which people call the card, assigned when it is made; not for bookkeeping (FA-10).
        vat_regime: code of the VAT regime, e.g. ``standard``, ``reverse_charge``, ``export``.
        payment_term_days: none means the company-wide term.
        discount_percent: discount on the whole invoice.
        discount_kind: ``general`` lowers what is invoiced, ``financial`` is for paying in time (FA-24).
        category: the customer category that tier prices are made for, e.g. ``company`` (FA-80).
        price_tier: code of the tier of prices the customer has; empty: the normal prices (FA-82, FA-83).
        previous_ids: cards that were merged into this one.
        contact_persons: of an organisation; none on the card of a person.
        own_fields: the filled-in ones, in the order in which they are shown.
        attachments: files that belong to the card, without their bytes.
    """

    TOPIC: ClassVar[str] = "debtor.changed"

    debtor_id: Identifier
    revision: Annotated[int, Field(ge=1)]
    state: CardState = CardState.ACTIVE
    merged_into: Identifier | None = None
    previous_ids: tuple[Identifier, ...] = ()
    kinds: tuple[Kind, ...] = (Kind.DEBTOR,)
    party: Party = Party.ORGANISATION
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    search_name: Text = ""
    debtor_number: Annotated[str, StringConstraints(max_length=18)] = ""
    creditor_number: Annotated[str, StringConstraints(max_length=18)] = ""
    customer_number: Annotated[str, StringConstraints(max_length=30)] = ""
    addresses: tuple[CardAddress, ...] = ()
    country: Country = "NL"
    vat_number: Annotated[str, StringConstraints(max_length=20)] = ""
    chamber_number: Annotated[str, StringConstraints(max_length=50)] = ""
    vat_regime: Annotated[str, StringConstraints(max_length=40)] = "standard"
    emails: tuple[EmailAddress, ...] = ()
    phones: tuple[Annotated[str, StringConstraints(max_length=50)], ...] = ()
    website: Text = ""
    language: Language = "nl"
    currency: Currency = "EUR"
    payment_term_days: Annotated[int, Field(ge=0, le=365)] | None = None
    discount_percent: DecimalString | None = None
    discount_kind: DiscountKind = DiscountKind.GENERAL
    category: Annotated[str, StringConstraints(max_length=40)] = ""
    price_tier: Annotated[str, StringConstraints(max_length=40)] = ""
    bank_accounts: tuple[BankAccount, ...] = ()
    invoice_delivery: InvoiceDelivery = InvoiceDelivery()
    ekt: EktConfiguration = EktConfiguration()
    note_for_documents: LongText = ""
    contact_persons: tuple[ContactPerson, ...] = ()
    own_fields: tuple[OwnField, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    changed_at: Instant
    changed_by: Text = ""

    @property
    def key(self) -> str:
        """Order is kept for each card."""
        return self.debtor_id

    def email_for(self, document: DocumentKind) -> str:
        """Address for a kind of document, else the general one, else empty (FA-25, FA-27)."""
        general = ""
        for entry in self.emails:
            if entry.document is document:
                return entry.address
            if entry.document is DocumentKind.GENERAL and not general:
                general = entry.address
        return general
