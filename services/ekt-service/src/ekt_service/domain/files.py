"""Builds the EKT files of one debtor and day out of the distribution as it stands (EF-25, EF-45)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from klokwerk_contracts import SaleCompleted
from klokwerk_contracts.debtor_changed import EktMethod
from klokwerk_contracts.sale_completed import SaleLine, goods_total

from ekt_service.domain.debtor import Debtor
from ekt_service.domain.ekt import EktFile
from ekt_service.domain.file_name import file_name
from ekt_service.domain.line_numbers import LineNumbers
from ekt_service.domain.module import EktModule
from ekt_service.edifact.characters import CharacterSet
from ekt_service.edifact.clockt import (
    ALL_OPTIONAL,
    Characteristic,
    Envelope,
    Interchange,
    Message,
    OptionalSegment,
    Transaction,
    is_gln,
)
from ekt_service.edifact.self_check import check
from ekt_service.edifact.writer import ClocktWriter

_CHARSETS = {"ascii": CharacterSet.UNOA, "latin-1": CharacterSet.UNOC, "utf-8": CharacterSet.UNOY}
NOT_A_CLOCK = "99"


class FaultyFileError(RuntimeError):
    """What was built would be refused by a receiver, so it is not sent; the text names every fault."""


@dataclass(frozen=True, slots=True)
class Format:
    """The receiver's wishes for the file.

    Args:
        optional: optional segments that are written.
        separate_files: one file for each order line.
        file_name_pattern: see `file_name`.
        auction: NAD+FLA.
        delivery_place: NAD+DP, a GLN.
    """

    charset: CharacterSet
    optional: frozenset[OptionalSegment]
    separate_files: bool
    file_name_pattern: str
    auction: str
    kind: str
    buyer: str
    receiver: str
    delivery_place: str = ""

    @property
    def receiver_qualifier(self) -> str:
        """Qualifier of the receiver in UNB: 14 for a GLN, ZZ for an agreed code."""
        return "14" if is_gln(self.receiver) else "ZZ"


def format_of(debtor: Debtor, module: EktModule) -> Format:
    """The debtor's settings, filled up with the module's. No list of optional segments means all of them.

    The delivery place (NAD+DP) is the exception: a card holds no GLN of it, so it is written only where the
    list names it and the receiver's code is a GLN.
    """
    wanted = {name.upper() for name in debtor.ekt.optional_segments}
    receiver = debtor.receiver_code
    has_place = OptionalSegment.DELIVERY_PLACE in wanted and is_gln(receiver)
    return Format(
        charset=_CHARSETS[debtor.ekt.character_set],
        optional=frozenset(each for each in OptionalSegment if each in wanted) if wanted else ALL_OPTIONAL,
        separate_files=debtor.ekt.separate_files,
        file_name_pattern=file_name_pattern(debtor, module),
        auction=debtor.ekt.auction_code or module.auction_code,
        kind=debtor.ekt.bgm_code,
        buyer=debtor.buyer_code,
        receiver=receiver,
        delivery_place=receiver if has_place else "",
    )


def file_name_pattern(debtor: Debtor, module: EktModule) -> str:
    """The debtor's own pattern, else that of the mail in the debtor's language, else the module's."""
    if debtor.ekt.file_name_pattern:
        return debtor.ekt.file_name_pattern
    mail = module.mail_for(debtor.language) if debtor.ekt.method is EktMethod.EMAIL else None
    return (mail[1].file_name if mail else "") or module.file_name_pattern


def files_needed(sale: SaleCompleted, form: Format) -> int:
    """How many interchange references a sending takes."""
    return len(sale.lines) if form.separate_files else 1


def build(
    sale: SaleCompleted,
    form: Format,
    module: EktModule,
    numbers: Mapping[str, LineNumbers],
    references: Sequence[int],
    made: datetime,
    zone: ZoneInfo,
) -> list[EktFile]:
    """The files of a sending, checked as a receiver would check them.

    Args:
        numbers: AGJ, barcode and VN of each line by line id.
        references: one new interchange reference for each file.
        made: this moment, aware.

    Raises:
        FaultyFileError: a receiver would refuse what came out.
    """
    writer = ClocktWriter(form.optional, module.name_length)
    wall = made.astimezone(zone)
    lines = [_transaction(line, numbers[line.line_id], zone) for line in sale.lines]
    groups = [[line] for line in lines] if form.separate_files else [lines]
    files = []
    for number, (group, reference) in enumerate(zip(groups, references, strict=True), 1):
        envelope = Envelope(
            sender=module.sender_code,
            sender_qualifier=module.sender_qualifier,
            receiver=form.receiver,
            receiver_qualifier=form.receiver_qualifier,
            prepared=wall,
            reference=str(reference),
            application=module.application,
            test=module.test,
            charset=form.charset,
        )
        messages = tuple(
            Message(
                reference=f"{reference}{place:05d}",
                day=sale.order_day,
                buyer=form.buyer,
                auction=form.auction,
                lines=(line,),
                kind=form.kind,
                seller=module.seller_gln,
                delivery_place=form.delivery_place,
            )
            for place, line in enumerate(group, 1)
        )
        content = writer.write(Interchange(envelope, messages))
        name = file_name(form.file_name_pattern, sale.order_day, wall, str(reference), form.buyer, number)
        files.append(EktFile(name, content, str(reference), len(group)))
    _check(files, sale)
    return _with_own_names(files)


def _transaction(line: SaleLine, numbers: LineNumbers, zone: ZoneInfo) -> Transaction:
    article = line.article
    marks = [Characteristic(mark.type, mark.value) for mark in article.characteristics if mark.type != "S99"]
    if article.country_of_origin and all(mark.type != "S62" for mark in marks):
        marks.append(Characteristic("S62", article.country_of_origin))
    return Transaction(
        vbn_code=article.vbn_code,
        agj=numbers.agj,
        barcode=numbers.barcode,
        order_line=numbers.order_line,
        pieces=line.pieces_per_unit,
        units=line.units,
        price=line.price.amount,
        name=article.name,
        at=line.transaction_at.astimezone(zone).time() if line.transaction_at else None,
        grower=line.grower.number,
        letter=line.supply_letter,
        letter_line=line.supply_letter_line,
        place=line.plate,
        clock=str(line.clock_number) if line.clock_number else NOT_A_CLOCK,
        sequence=line.sequence,
        image=article.image_url,
        order=line.order_reference,
        customer_price=line.customer_price.amount if line.customer_price else None,
        article=article.number,
        characteristics=tuple(marks),
        packaging=line.packing.code,
        packaging_price=line.packing.price.amount if line.packing.price else None,
        carrier="" if line.load_carriers == 0 else "BX",
        carriers=str(line.load_carriers or 1),
    )


def _check(files: Sequence[EktFile], sale: SaleCompleted) -> None:
    reports = [check(file.content) for file in files]
    faults = [
        f"{file.name}: {fault}"
        for file, report in zip(files, reports, strict=True)
        for fault in report.errors
    ]
    total, expected = sum(report.goods for report in reports), goods_total(sale.lines)
    if not faults and total != expected:
        faults.append(f"The file adds up to {total}, the sale to {expected:f}.")
    if faults:
        more = f" And {len(faults) - 5} more." if len(faults) > 5 else ""
        raise FaultyFileError("The EKT that was built is not correct. " + " ".join(faults[:5]) + more)


def _with_own_names(files: Sequence[EktFile]) -> list[EktFile]:
    """A pattern without a reference or line gives one name to several files; those get a number."""
    taken: set[str] = set()
    named = []
    for number, file in enumerate(files, 1):
        name = file.name
        if name in taken:
            stem, point, ending = name.rpartition(".")
            name = f"{stem}-{number}.{ending}" if point else f"{name}-{number}"
        taken.add(name)
        named.append(EktFile(name, file.content, file.reference, file.lines))
    return named
