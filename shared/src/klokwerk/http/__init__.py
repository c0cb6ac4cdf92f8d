"""HTTP the same way in every service: problem details, conditional edits, idempotency, pages, exports."""

from klokwerk.http.conditional import Expected, check_revision, etag
from klokwerk.http.exports import Column, csv_response, xlsx_response
from klokwerk.http.idempotency import Once
from klokwerk.http.pages import Page, decode_cursor, encode_cursor
from klokwerk.http.problems import FieldProblem, Problem

__all__ = [
    "Column",
    "Expected",
    "FieldProblem",
    "Once",
    "Page",
    "Problem",
    "check_revision",
    "csv_response",
    "decode_cursor",
    "encode_cursor",
    "etag",
    "xlsx_response",
]
