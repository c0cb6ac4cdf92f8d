"""An EKT file in words: a row for each segment, with what is wrong beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from babel import Locale

from back_office.clients.ekt_files import Explanation, FileFinding, FileSegment, FileValue
from back_office.domain.badges import Badge, Tone
from back_office.texts.catalogue import Translator
from back_office.texts.formats import Formats
from back_office.web.components.addresses import with_query
from back_office.web.components.message import Message, Weight

PER_PAGE = 100
ALL, ONLY_FINDINGS = "all", "findings"


@dataclass(frozen=True, slots=True)
class Remark:
    """A finding: what is wrong, the cure, what stands there and what should."""

    badge: Badge
    title: str
    cure: str
    stands: str
    expected: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """A value: its label, as it stands, and how it is read where that is something else."""

    label: str
    text: str
    reads: str


@dataclass(frozen=True, slots=True)
class Row:
    """One segment; `where` is its line or message, `begins` marks the first segment of one."""

    number: int
    name: str
    where: str
    begins: bool
    title: str
    raw: str
    values: tuple[Spoken, ...]
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class TellPage:
    """Segments of a file with the way to the ones before and after.

    Attributes:
        shown: `ALL` or `ONLY_FINDINGS`.
        earlier, later: place to go on from; 0 for none.
        address, query: of a kept file, which is read again; empty for one that is handed in again.
    """

    rows: tuple[Row, ...]
    about_file: tuple[Remark, ...]
    first: int
    last: int
    total: int
    shown: str
    earlier: int
    later: int
    address: str = ""
    query: Mapping[str, str] = field(default_factory=dict)

    def at(self, first: int) -> str:
        """Address of another page of a kept file."""
        return with_query(self.address, self.query, shown=self.shown, **{"from": str(first)})

    def showing(self, shown: str) -> str:
        """Address of the first page of all segments, or of those with a finding."""
        return with_query(self.address, self.query, shown=shown)


def told(
    file: Explanation,
    t: Translator,
    formats: Formats,
    *,
    first: int,
    shown: str,
    address: str = "",
    query: Mapping[str, str] | None = None,
) -> TellPage:
    """A page of segments in the reader's language."""
    speaker = _Speaker(t, formats)
    return TellPage(
        rows=tuple(speaker.rows(file.segments)),
        about_file=tuple(speaker.remark(finding) for finding in file.about_file),
        first=first,
        last=first + len(file.segments) - 1,
        total=file.total,
        shown=shown,
        earlier=max(1, first - PER_PAGE) if first > 1 else 0,
        later=file.next or 0,
        address=address,
        query=query or {},
    )


def verdict(file: Explanation, name: str, t: Translator, formats: Formats) -> Message:
    """In one message whether a receiver would take the file."""
    counts = t(
        "check.counts",
        lines=formats.number(file.lines),
        messages=formats.number(file.messages),
        goods=formats.number(file.goods_total) or "-",
    )
    text = counts
    if file.message_type:
        kind = t(
            "check.of_kind",
            type=file.message_type,
            version=file.message_version.strip(":"),
            sender=file.sender or "-",
            receiver=file.receiver or "-",
        )
        text = f"{kind}. {counts}"
    if not file.errors + file.warnings:
        return Message(Weight.DONE, t("check.good", name=name), text)
    found = t(
        "check.found_counts", errors=formats.number(file.errors), warnings=formats.number(file.warnings)
    )
    key = "check.usable" if file.acceptable else "check.bad"
    return Message(Weight.WARNING, t(key, name=name), f"{text} {found}")


class _Speaker:
    def __init__(self, t: Translator, formats: Formats) -> None:
        self._t, self._formats = t, formats
        self._countries: Mapping[str, str] = Locale.parse(t.language).territories

    def rows(self, segments: tuple[FileSegment, ...]) -> list[Row]:
        rows: list[Row] = []
        before = ""
        for segment in segments:
            where = self._where(segment)
            rows.append(
                Row(
                    number=segment.segment,
                    name=segment.name,
                    where=where,
                    begins=where != before,
                    title=self._t.either(f"explain.segment.{segment.meaning}", segment.title),
                    raw=segment.raw,
                    values=tuple(self._value(value) for value in segment.values),
                    remarks=tuple(self.remark(finding) for finding in segment.findings),
                )
            )
            before = where
        return rows

    def remark(self, finding: FileFinding) -> Remark:
        t = self._t
        error = finding.severity == "error"
        known = t.has(f"fault.{finding.code}")
        return Remark(
            Badge(Tone.BAD if error else Tone.WARN, "check.error" if error else "check.warning"),
            t(f"fault.{finding.code}") if known else finding.says or t("fault.other"),
            t(f"fault_cure.{finding.code}") if known else finding.cure or t("fault_cure.other"),
            finding.found,
            finding.expected,
        )

    def _where(self, segment: FileSegment) -> str:
        if segment.line:
            return self._t("check.line", number=segment.line)
        if segment.message:
            return self._t("check.message", number=segment.message)
        return self._t("check.part_file")

    def _value(self, value: FileValue) -> Spoken:
        place = self._t("explain.value.place", element=value.element, component=value.component)
        known = self._t.either(f"explain.value.{value.code}", value.label or place)
        return Spoken(known if value.code else place, value.text, self._reading(value))

    def _reading(self, value: FileValue) -> str:
        try:
            match value.kind:
                case "day" if value.reads:
                    return self._formats.day(date.fromisoformat(value.reads))
                case "moment" if value.reads:
                    # The sender's wall clock: shown as it was written, in no zone.
                    moment = datetime.fromisoformat(value.reads)
                    return f"{self._formats.day(moment.date())}, {moment:%H:%M}"
                case "country":
                    return self._countries.get(value.text, "")
                case "code" if value.reads:
                    words = self._t.either(f"explain.code.{value.reads}", value.reads)
                    return words if words != value.text else ""
        except ValueError:
            return ""
        return value.reads
