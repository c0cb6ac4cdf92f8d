"""What must be there before an EKT can go out (EF-63 to EF-71): one pure function, every answer at once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from klokwerk_contracts import SaleCompleted
from klokwerk_contracts.debtor_changed import CardState
from klokwerk_contracts.sale_completed import SaleLine, goods_total

from ekt_service.domain.connection import ConnectionState
from ekt_service.domain.debtor import Debtor, Way
from ekt_service.domain.ekt import SaleKey
from ekt_service.domain.file_name import PatternError, check_pattern
from ekt_service.domain.mail import address_problem
from ekt_service.domain.module import EktModule
from ekt_service.edifact.clockt import OptionalSegment

_LINES_NAMED = 10
_SYSTEM = "/settings/ekt"
SECRET_WORDS = {Way.FTPS: "password", Way.HTTP: "signing secret"}


class Code(StrEnum):
    """The rule behind a requirement."""

    USE_EKTS = "EF-63"
    OTHER_ADDRESS = "EF-56"
    REACHABLE = "EF-64"
    ACCEPTS_EKTS = "EF-65"
    MODULE_ACTIVE = "EF-66"
    METHOD_CONFIGURED = "EF-67"
    TEMPLATES = "EF-68"
    DISTRIBUTION = "EF-69"
    COMPLETE = "EF-70"
    REQUIRED_DATA = "EF-71"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that is missing.

    Args:
        code: number of the rule.
        text: what is missing and what to do, for a person.
        field: the setting or field that mends it.
        link: page of the back office where it is mended.
        awaited: another service gives it by itself soon, so the EKT waits instead of failing.
    """

    code: Code
    text: str
    field: str
    link: str
    awaited: bool = False


@dataclass(frozen=True, slots=True)
class Abilities:
    """Which sending methods are configured on this installation (EF-67)."""

    email: bool
    folder: bool


@dataclass(frozen=True, slots=True)
class Requirements:
    """All that is missing, and what is only worth a warning."""

    missing: tuple[Requirement, ...]
    warnings: tuple[Requirement, ...]

    @property
    def met(self) -> bool:
        """Nothing is missing."""
        return not self.missing

    @property
    def only_awaited(self) -> bool:
        """Something is missing, and all of it comes by itself."""
        return bool(self.missing) and all(item.awaited for item in self.missing)

    @property
    def text(self) -> str:
        """All missing requirements as one message."""
        return " ".join(f"{item.text} ({item.code.value})" for item in self.missing)


def shown(debtor: Debtor | None, module: EktModule) -> bool:
    """Whether the button "Resend EKT" is there: "Use EKTs" is on and the module is active (D-01)."""
    return debtor is not None and debtor.ekt.use_ekts and module.active


def requirements(
    key: SaleKey,
    debtor: Debtor | None,
    sale: SaleCompleted | None,
    module: EktModule,
    abilities: Abilities,
    connection: ConnectionState | None = None,
) -> Requirements:
    """Everything that keeps this debtor and day from getting an EKT.

    Args:
        key: debtor and day, for the links.
        debtor: the card, of the merge target after a merge; none when it isn't known here.
        sale: the newest completed distribution; none when none has come.
        connection: the debtor's connection to its own server; none when there is none.
    """
    missing = [*_of_system(module)]
    warnings: list[Requirement] = []
    if debtor is None:
        text = f"Debtor {key.debtor_id} is not known to the EKT service yet."
        missing.append(Requirement(Code.USE_EKTS, text, "debtor", f"/debtors/{key.debtor_id}"))
    else:
        missing += _of_debtor(debtor, module, abilities, connection)
        if not debtor.ekt.accepts_ekts:
            text = "It is not confirmed that the customer's software takes EKTs."
            warnings.append(
                Requirement(Code.ACCEPTS_EKTS, text, "ekt.accepts_ekts", _configuration(debtor.id))
            )
        warnings += _unknown_segments(debtor)
        warnings += _untested(debtor, connection)
    missing += _of_sale(key, sale)
    return Requirements(tuple(missing), tuple(warnings))


def without_sale(
    debtor: Debtor, module: EktModule, abilities: Abilities, connection: ConnectionState | None = None
) -> Requirements:
    """What is missing apart from the sale, for a request that waits for it."""
    missing = [*_of_system(module), *_of_debtor(debtor, module, abilities, connection)]
    return Requirements(tuple(missing), ())


def _unknown_segments(debtor: Debtor) -> list[Requirement]:
    known = {segment.value for segment in OptionalSegment}
    strange = [name for name in debtor.ekt.optional_segments if name.upper() not in known]
    if not strange:
        return []
    text = f"{', '.join(strange)}: no such optional segment. Known are {', '.join(sorted(known))}."
    page = _configuration(debtor.id)
    return [Requirement(Code.REQUIRED_DATA, text, "ekt.optional_segments", page)]


def _configuration(debtor_id: str) -> str:
    return f"/debtors/{debtor_id}/configuration"


def _of_system(module: EktModule) -> list[Requirement]:
    found = []
    if not module.active:
        text = "EKT is not activated on this system: activate it, or ask the administrator or support."
        found.append(Requirement(Code.MODULE_ACTIVE, text, "active", _SYSTEM))
    if not module.sender_code:
        text = "The sender's GLN or code is empty: fill it in on the EKT settings."
        found.append(Requirement(Code.REQUIRED_DATA, text, "sender_code", _SYSTEM))
    return found


def _of_debtor(
    debtor: Debtor, module: EktModule, abilities: Abilities, connection: ConnectionState | None
) -> list[Requirement]:
    page = _configuration(debtor.id)
    found = []
    if not debtor.ekt.use_ekts:
        text = f'"Use EKTs" is off for {debtor.name}: tick it under Configuration and save.'
        found.append(Requirement(Code.USE_EKTS, text, "ekt.use_ekts", page))
    if debtor.state is CardState.ANONYMISED:
        text = f"The card of debtor {debtor.id} was anonymised; nothing can be sent to it."
        found.append(Requirement(Code.REACHABLE, text, "state", f"/debtors/{debtor.id}"))
    if debtor.way.is_transfer:
        found += _by_transfer(debtor, connection, page)
    elif debtor.way is Way.FOLDER:
        found += _by_folder(debtor, abilities, page)
    else:
        found += _by_mail(debtor, module, abilities)
    if not debtor.buyer_code:
        text = f"{debtor.name} has no debtor number yet, and no buyer code of its own."
        found.append(
            Requirement(Code.REQUIRED_DATA, text, "debtor_number", f"/debtors/{debtor.id}", awaited=True)
        )
    if not (debtor.ekt.auction_code or module.auction_code):
        text = "The auction code (NAD+FLA) is empty: fill it in on the EKT settings or at the debtor."
        found.append(Requirement(Code.REQUIRED_DATA, text, "auction_code", _SYSTEM))
    try:
        check_pattern(debtor.ekt.file_name_pattern or module.file_name_pattern)
    except PatternError as problem:
        found.append(Requirement(Code.REQUIRED_DATA, str(problem), "ekt.file_name_pattern", page))
    return found


def _by_mail(debtor: Debtor, module: EktModule, abilities: Abilities) -> list[Requirement]:
    found = []
    card = f"/debtors/{debtor.id}"
    if not debtor.emails:
        text = f"{debtor.name} has no e-mail address: fill one in, or choose another sending method."
        found.append(Requirement(Code.REACHABLE, text, "emails", card))
    found += [
        Requirement(Code.REACHABLE, f"{problem} Correct it on the card of {debtor.name}.", "emails", card)
        for problem in map(address_problem, debtor.emails)
        if problem
    ]
    if not abilities.email:
        text = "No mail server is configured for EKTs: set KLOKWERK_SMTP."
        found.append(Requirement(Code.METHOD_CONFIGURED, text, "KLOKWERK_SMTP", _SYSTEM))
    if not module.mail_from:
        text = "The address that EKT mails come from is empty: fill it in on the EKT settings."
        found.append(Requirement(Code.METHOD_CONFIGURED, text, "mail_from", _SYSTEM))
    if module.mail_for(debtor.language) is None:
        text = f"There is no mail template for language {debtor.language!r} nor for the default language."
        found.append(Requirement(Code.TEMPLATES, text, f"templates.{debtor.language}", _SYSTEM))
    return found


def _by_folder(debtor: Debtor, abilities: Abilities, page: str) -> list[Requirement]:
    found = []
    if not debtor.ekt.folder.strip("."):
        text = f"{debtor.name} gets EKTs in a folder, but no folder is named."
        found.append(Requirement(Code.REACHABLE, text, "ekt.folder", page))
    if not abilities.folder:
        text = "No folder for EKT files is configured: set KLOKWERK_EKT_FOLDER."
        found.append(Requirement(Code.METHOD_CONFIGURED, text, "KLOKWERK_EKT_FOLDER", _SYSTEM))
    return found


def _by_transfer(debtor: Debtor, connection: ConnectionState | None, page: str) -> list[Requirement]:
    """The customer's own server: there must be a complete connection that a person has looked at."""
    way = debtor.way.value.upper()
    if connection is None:
        text = f"{debtor.name} gets EKTs by {way}, but there is no connection to its server: fill it in."
        return [Requirement(Code.REACHABLE, text, "connection", page)]
    if connection.way is not debtor.way:
        text = (
            f"{debtor.name} gets EKTs by {way}, but its connection is for {connection.way.value.upper()}: change one "
            "of them."
        )
        return [Requirement(Code.REACHABLE, text, "connection", page)]
    found = []
    if connection.lacks_secret:
        what = "password or private key" if debtor.way is Way.SFTP else SECRET_WORDS[debtor.way]
        text = f"The connection to the server of {debtor.name} has no {what} yet: fill it in."
        found.append(Requirement(Code.REACHABLE, text, "connection", page))
    if debtor.way is Way.SFTP and not connection.accepted:
        text = f"Nobody has accepted the host key of the server of {debtor.name} yet: test the connection."
        found.append(Requirement(Code.METHOD_CONFIGURED, text, "connection", page))
    return found


def _untested(debtor: Debtor, connection: ConnectionState | None) -> list[Requirement]:
    if not debtor.way.is_transfer or connection is None or connection.tested_well:
        return []
    text = (
        f"The connection to the server of {debtor.name} was never tested with success as it stands: test it."
    )
    return [Requirement(Code.METHOD_CONFIGURED, text, "connection", _configuration(debtor.id))]


def other_address(debtor: Debtor, recipients: Sequence[str], module: EktModule) -> list[Requirement]:
    """Why one sending can't go to addresses of its own instead of the customer's (EF-56)."""
    if not module.other_address_allowed:
        text = (
            "Sending an EKT to another address is not allowed on this system: allow it on the EKT settings, or send "
            "it to the customer's own address."
        )
        return [Requirement(Code.OTHER_ADDRESS, text, "other_address_allowed", _SYSTEM)]
    if debtor.way is not Way.EMAIL:
        text = f"{debtor.name} gets EKTs by {debtor.way.value}; another address can be given for e-mail only."
        return [Requirement(Code.OTHER_ADDRESS, text, "recipients", _configuration(debtor.id))]
    return [
        Requirement(Code.OTHER_ADDRESS, f"{problem} Correct it and send the EKT again.", "recipients", "")
        for problem in map(address_problem, recipients)
        if problem
    ]


def _of_sale(key: SaleKey, sale: SaleCompleted | None) -> list[Requirement]:
    page = f"/sales/{key.order_day.isoformat()}/{key.debtor_id}"
    if sale is None:
        text = f"No completed distribution of {key.order_day.isoformat()} has come for this debtor."
        return [Requirement(Code.DISTRIBUTION, text, "distribution", page)]
    if not sale.lines:
        text = f"The distribution of {key.order_day.isoformat()} holds no line."
        return [Requirement(Code.DISTRIBUTION, text, "distribution", page)]
    found = []
    if sale.goods_total is not None and sale.goods_total.amount != goods_total(sale.lines):
        text = (
            f"The lines add up to {goods_total(sale.lines):f}, the sale says {sale.goods_total.amount:f}: "
            "the distribution is not complete."
        )
        found.append(Requirement(Code.COMPLETE, text, "goods_total", page))
    names = Counter(line.line_id for line in sale.lines)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        text = f"Line id {twice[0]} stands on more than one line: give every line its own."
        found.append(Requirement(Code.REQUIRED_DATA, text, "line_id", page))
    told = 0
    for number, line in enumerate(sale.lines, 1):
        for field, text in _of_line(line):
            told += 1
            if told <= _LINES_NAMED:
                found.append(Requirement(Code.REQUIRED_DATA, f"Line {number}: {text}", field, page))
    if told > _LINES_NAMED:
        text = f"{told - _LINES_NAMED} more remarks on lines of this distribution."
        found.append(Requirement(Code.REQUIRED_DATA, text, "lines", page))
    return found


def _of_line(line: SaleLine) -> list[tuple[str, str]]:
    found = []
    for field, money in (("price", line.price), ("packing.price", line.packing.price)):
        if money is not None and money.currency != "EUR":
            found.append((field, f"the {field} is in {money.currency}; an EKT holds euro."))
        if money is not None and money.amount < 0:
            found.append((field, f"the {field} is below 0; an EKT has no credit line."))
    if not int(line.article.vbn_code):
        found.append(("article.vbn_code", "the article has no VBN product code."))
    return found
