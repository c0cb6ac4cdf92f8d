"""Style sheet and scripts: our own, and htmx from the wheel that carries it, under an address that changes
with their content."""

from __future__ import annotations

import gzip
import importlib.resources
import importlib.util
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
HTMX = {"htmx.js": "htmx-2.min.js", "sse.js": "ext/hx-sse-2.min.js"}
STYLE_SHEET = "app.css"
"""All sheets of the folder css in the order of their names: the base first, then a file an area."""
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file, ready to be sent."""

    media_type: str
    plain: bytes
    packed: bytes


class StaticFiles:
    """All files in memory; they are few and small."""

    def __init__(self) -> None:
        own = importlib.resources.files("back_office") / "static"
        contents = {entry.name: entry.read_bytes() for entry in own.iterdir() if entry.is_file()}
        contents |= {name: (_htmx_folder() / source).read_bytes() for name, source in HTMX.items()}
        sheets = sorted((own / "css").iterdir(), key=lambda entry: entry.name)
        contents[STYLE_SHEET] = b"\n".join(sheet.read_bytes() for sheet in sheets)
        digest = sha256()
        for name in sorted(contents):
            digest.update(name.encode() + b"\0" + contents[name])
        self.version = digest.hexdigest()[:12]
        self.files = {
            name: StaticFile(MEDIA_TYPES[Path(name).suffix], content, gzip.compress(content, mtime=0))
            for name, content in contents.items()
            if Path(name).suffix in MEDIA_TYPES
        }

    def address(self, name: str) -> str:
        """Where a page finds the file.

        Raises:
            KeyError: no such file: a mistake in a template.
        """
        if name not in self.files:
            raise KeyError(name)
        return f"/static/{self.version}/{name}"

    def router(self) -> APIRouter:
        """The route that serves the files."""
        router = APIRouter()

        @router.get("/static/{version}/{name}", include_in_schema=False)
        async def serve(version: str, name: str, request: Request) -> Response:
            found = self.files.get(name)
            if found is None:
                return PlainTextResponse("no such file", status_code=404)
            headers = {"Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
            headers["Cache-Control"] = FOREVER if version == self.version else "no-cache"
            if "gzip" in request.headers.get("accept-encoding", ""):
                headers["Content-Encoding"] = "gzip"
                return Response(found.packed, media_type=found.media_type, headers=headers)
            return Response(found.plain, media_type=found.media_type, headers=headers)

        return router


def _htmx_folder() -> Path:
    """Static files of the wheel ``django-htmx``, found without importing it: it would ask for Django."""
    spec = importlib.util.find_spec("django_htmx")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the wheel django-htmx is not installed; it carries the script htmx")
    return Path(next(iter(spec.submodule_search_locations))) / "static" / "django_htmx"
