"""What the EKT service says of a file: each segment in words, and what is wrong with it."""

from __future__ import annotations

from decimal import Decimal

from back_office.clients.shapes import Said, Shape, Words


class FileFinding(Shape):
    """One fault in an EKT file: where, what stands there, what is wrong and the cure."""

    code: Words = ""
    severity: Words = "error"
    segment: int = 0
    tag: Words = ""
    element: int = 0
    component: int = 0
    found: Words = ""
    expected: Words = ""
    says: Said = ""
    cure: Said = ""


class FileValue(Shape):
    """One value of a segment; `code` and `reads` are words of the catalogue, `label` is English."""

    code: Words = ""
    label: Words = ""
    element: int = 0
    component: int = 0
    text: Words = ""
    kind: Words = "text"
    reads: Words = ""


class FileSegment(Shape):
    """One segment: what it stands for, what its values say, what is wrong with it."""

    segment: int = 0
    name: Words = ""
    meaning: Words = "other"
    title: Words = ""
    part: Words = "file"
    message: int = 0
    line: int = 0
    raw: Words = ""
    values: tuple[FileValue, ...] = ()
    findings: tuple[FileFinding, ...] = ()


class Explanation(Shape):
    """A file told segment by segment, a page of it."""

    acceptable: bool = False
    messages: int = 0
    lines: int = 0
    goods_total: Decimal | None = None
    errors: int = 0
    warnings: int = 0
    message_type: Words = ""
    message_version: Words = ""
    sender: Words = ""
    receiver: Words = ""
    total: int = 0
    next: int | None = None
    segments: tuple[FileSegment, ...] = ()
    about_file: tuple[FileFinding, ...] = ()
