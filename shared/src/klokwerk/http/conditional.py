"""ETag and If-Match: an edit names the revision it saw, so that no change overwrites another unseen."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header

from klokwerk.http.problems import Problem


def etag(revision: int) -> str:
    """The ETag of a revision."""
    return f'"{revision}"'


def _expected(if_match: Annotated[str | None, Header()] = None) -> int:
    if if_match is None:
        raise Problem(
            428,
            "If-Match is missing",
            "Send If-Match with the ETag of the revision you are changing, so that nobody's change is lost.",
        )
    try:
        return int(if_match.removeprefix("W/").strip('"'))
    except ValueError:
        raise Problem(400, "If-Match is not an ETag of this service", f"{if_match} is no revision.") from None


Expected = Annotated[int, Depends(_expected)]
"""The revision that the caller saw, as a parameter of a route."""


def check_revision(expected: int, actual: int, *, changed_by: str = "", changed_at: str = "") -> None:
    """Refuse an edit of a revision that is no longer the newest (412)."""
    if expected != actual:
        by = f" by {changed_by}" if changed_by else ""
        at = f" at {changed_at}" if changed_at else ""
        raise Problem(
            412,
            "It was changed meanwhile",
            f"You saw revision {expected}; it was changed{by}{at} and is now {actual}. Reload and try again.",
            headers={"ETag": etag(actual)},
        )
