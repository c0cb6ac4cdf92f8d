"""Cards as rows of a file: the layout that import and export share, so that an export can be imported again."""

from debtor_service.domain.layout.reading import (
    BY_NAME,
    COLUMNS,
    IGNORED,
    REQUIRED,
    BadRow,
    EmptyCells,
    Row,
    check_header,
    column_of,
    read_row,
    written,
)

__all__ = [
    "BY_NAME",
    "COLUMNS",
    "IGNORED",
    "REQUIRED",
    "BadRow",
    "EmptyCells",
    "Row",
    "check_header",
    "column_of",
    "read_row",
    "written",
]
