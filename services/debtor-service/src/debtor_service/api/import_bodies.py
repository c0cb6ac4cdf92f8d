"""What comes in and goes out about imports of lists."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar

from klokwerk.jobs import Job, JobView
from klokwerk_contracts.debtor_changed import Kind
from klokwerk_contracts.types import Identifier
from pydantic import BaseModel, ConfigDict, Field

from debtor_service.domain.layout import BY_NAME, IGNORED, EmptyCells
from debtor_service.domain.own_fields import OwnFieldDefinition
from debtor_service.importing.looking import mapping_of
from debtor_service.importing.rejected import cells_for_a_file
from debtor_service.store.import_rows import ImportRow, Outcome, Verdict
from debtor_service.store.imports import Decision, Import, ImportState, KeptMapping

STRICT = ConfigDict(extra="forbid", frozen=True)
MOST_COLUMNS = 200


class ReadingBody(BaseModel):
    """How the file is to be read, where the guess was wrong; empty for the guess."""

    model_config: ClassVar[ConfigDict] = STRICT

    encoding: str = ""
    delimiter: Annotated[str, Field(max_length=1)] = ""


class MappingBody(BaseModel):
    """What the columns are.

    Attributes:
        fields: for each column of the file a field, or an empty text to leave it out.
        constants: values for fields that the file has no column for, or where its cell is empty.
        empty_cells: ``keep`` leaves cards alone where the file says nothing, ``clear`` empties them.
    """

    model_config: ClassVar[ConfigDict] = STRICT

    fields: Annotated[tuple[str, ...], Field(max_length=MOST_COLUMNS)]
    constants: Annotated[dict[str, Annotated[str, Field(max_length=4000)]], Field(max_length=100)] = {}
    empty_cells: EmptyCells = EmptyCells.KEEP


class RowDecision(BaseModel):
    """What is to be done with one line that may be a double.

    Attributes:
        debtor_id: which card to update; the likeliest one unless given.
    """

    model_config: ClassVar[ConfigDict] = STRICT

    number: Annotated[int, Field(ge=2)]
    decision: Decision | None
    debtor_id: Identifier | None = None


class DecisionsBody(BaseModel):
    """Decisions on doubles: one for all, and some on their own."""

    model_config: ClassVar[ConfigDict] = STRICT

    default: Decision | None = None
    rows: Annotated[tuple[RowDecision, ...], Field(max_length=1000)] = ()


class ColumnView(BaseModel):
    """A column of the file.

    Attributes:
        field: what it is, as saved or as guessed; empty when it is left out.
        guess: the first guess.
        sureness: ``known`` by its heading, ``alike``, by its ``content``, ``kept`` from the last such list, ``none``.
    """

    heading: str
    samples: list[str]
    field: str
    guess: str
    sureness: str


class FieldView(BaseModel):
    """A field that a column can be; `label` is filled for own fields, which the office named itself."""

    name: str
    label: str = ""


class ImportView(BaseModel):
    """An import as people and programs see it.

    Attributes:
        counts: lines by ``verdict`` of the dry run, by ``outcome`` of the import, and by end of a ``taken_back`` one.
        job: the step in hand, or the last one.
        kept_from: when and by whom the mapping was used the last time, where one was kept.
        fields: what a column can be.
    """

    id: uuid.UUID
    kind: Kind
    administration: str
    file_name: str
    size: int
    encoding: str
    delimiter: str
    columns: list[ColumnView]
    constants: dict[str, str]
    empty_cells: EmptyCells
    duplicates: Decision
    state: ImportState
    row_count: int
    counts: dict[str, dict[str, int]] = {}
    job: JobView | None = None
    kept_from: dict[str, Any] | None = None
    fields: list[FieldView] = []
    revision: int
    created_at: datetime
    created_by: str
    changed_at: datetime
    ran_at: datetime | None

    @classmethod
    def of(
        cls,
        each: Import,
        *,
        counts: Mapping[str, dict[str, int]] | None = None,
        job: Job | None = None,
        kept: KeptMapping | None = None,
        own: Sequence[OwnFieldDefinition] = (),
    ) -> ImportView:
        """Show an import."""
        columns = [
            ColumnView(
                heading=heading,
                samples=guessed["samples"],
                field=field,
                guess=guessed["field"],
                sureness=guessed["sureness"],
            )
            for heading, guessed, field in zip(each.headings, each.guesses, each.fields, strict=True)
        ]
        return cls(
            id=each.id,
            kind=each.kind,
            administration=each.administration,
            file_name=each.file_name,
            size=each.size,
            encoding=each.encoding,
            delimiter=each.delimiter,
            columns=columns,
            constants=each.constants,
            empty_cells=EmptyCells(each.empty_cells),
            duplicates=each.duplicates,
            state=each.state,
            row_count=each.row_count,
            counts=dict(counts or {}),
            job=JobView.of(job) if job else None,
            kept_from={"at": kept.used_at, "by": kept.used_by} if kept else None,
            fields=[
                *(FieldView(name=name) for name in BY_NAME if name not in IGNORED),
                *(FieldView(name=definition.column, label=definition.label) for definition in own),
            ],
            revision=each.revision,
            created_at=each.created_at,
            created_by=each.created_by_name,
            changed_at=each.changed_at,
            ran_at=each.ran_at,
        )


class Finding(BaseModel):
    """Something about a line.

    Attributes:
        field: which field; `heading` is the column it came from, empty for a constant.
        value: what stands in the cell.
        remark: the line is taken in spite of it.
    """

    field: str
    heading: str = ""
    value: str = ""
    message: str
    cure: str
    remark: bool = False


class MatchView(BaseModel):
    """A card, or an earlier line of the file, that a line may be a double of."""

    debtor_id: str = ""
    name: str = ""
    number: str = ""
    row: int | None = None
    by: str


class RowView(BaseModel):
    """A line of an import; fields as in `store.import_rows.ImportRow`, `name` to know it by."""

    number: int
    name: str
    verdict: Verdict | None
    problems: list[Finding]
    matches: list[MatchView]
    changes: list[str]
    decision: Decision | None
    target: str | None
    outcome: Outcome | None
    message: str
    card_id: str | None
    taken_back: str | None

    @classmethod
    def of(cls, row: ImportRow, each: Import) -> RowView:
        """Show a line of an import."""
        line = mapping_of(each).line(row.cells)
        headings = {
            field: heading for field, heading in zip(each.fields, each.headings, strict=True) if field
        }
        name = line.get("name") or " ".join((line.get("first_name", ""), line.get("last_name", "")))
        return cls(
            number=row.number,
            name=(name.strip() or line.get("debtor_id", ""))[:200],
            verdict=row.verdict,
            problems=[
                Finding(
                    **problem,
                    heading=headings.get(problem["field"], ""),
                    value=line.get(problem["field"], "")[:200],
                )
                for problem in row.problems
            ],
            matches=[MatchView(**match) for match in row.matches],
            changes=list(row.changes),
            decision=row.decision,
            target=row.target,
            outcome=row.outcome,
            message=row.message,
            card_id=row.card_id,
            taken_back=row.taken_back,
        )


class RejectedRowView(BaseModel):
    """A rejected line, for a file that is mended and handed in again.

    Attributes:
        number: the line a spreadsheet shows it at.
        cells: as they belong in a CSV file: before what a spreadsheet would run stands an apostrophe, which is taken
            off again when the file is handed in.
        reasons: each finding that keeps the line out; without a field where it failed as a whole.
    """

    number: int
    cells: list[str]
    reasons: list[Finding]

    @classmethod
    def of(cls, row: ImportRow, each: Import) -> RejectedRowView:
        """Show a rejected line of an import."""
        if row.outcome is Outcome.FAILED:
            reasons = [Finding(field="", message=row.message, cure="")]
        else:
            reasons = [one for one in RowView.of(row, each).problems if not one.remark]
        return cls(number=row.number, cells=list(cells_for_a_file(row)), reasons=reasons)
