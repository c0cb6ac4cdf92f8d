"""Which writer makes the file of which accounting system."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Protocol, Self

from accounting_sync.domain.relation import Kind, RelationData
from accounting_sync.domain.targets import Target
from accounting_sync.targets.csv_file import CsvFile
from accounting_sync.targets.exact_xml import ExactXmlFile
from accounting_sync.targets.king_xml import KingXmlFile


class RelationFile(Protocol):
    """A file of relations while it is written; what it can't hold is refused before a line gets here."""

    count: int

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def add(self, relation: RelationData, cleared: Sequence[str] = ()) -> None: ...


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How the file of an accounting system is made and named."""

    open: Callable[[IO[bytes], Kind], RelationFile]
    suffix: str
    media_type: str


FORMATS = {
    Target.EXACT_XML: FileFormat(ExactXmlFile, "xml", "application/xml"),
    Target.KING_XML: FileFormat(KingXmlFile, "xml", "application/xml"),
    Target.CSV: FileFormat(CsvFile, "csv", "text/csv; charset=utf-8"),
}
"""Of the targets in file mode."""
