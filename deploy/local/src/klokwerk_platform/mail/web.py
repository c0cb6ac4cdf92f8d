"""The web side of the mail sink: a JSON API for programs and an inbox for people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.templating import Jinja2Templates

from klokwerk_platform.mail.messages import MailBox, Received, Summary
from klokwerk_platform.mail.smtp import MailBehaviour, SmtpSink

_TEMPLATES = Jinja2Templates(Path(__file__).with_name("templates"))
# Mails come from anywhere: nothing in them may run or call home.
_SAFE = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "script-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
_READABLE = ("text/", "application/xml", "application/json", "application/edifact", "application/edi")
_REFRESH = """
const newest = Number(document.body.dataset.newest);
setInterval(async () => {
  const answer = await fetch('/api/messages?after=' + newest + location.search.replace('?', '&'));
  if (answer.ok && (await answer.json()).length) location.reload();
}, 3000);
"""


def create_mail_app(mailbox: MailBox, sink: SmtpSink) -> FastAPI:
    """The API (documented at ``/docs``) and the inbox (``/``)."""
    app = FastAPI(title="Klokwerk mail sink", description="Mails as they were received.")
    _add_api(app, mailbox, sink)
    _add_pages(app, mailbox)
    return app


def _add_api(app: FastAPI, mailbox: MailBox, sink: SmtpSink) -> None:
    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/api/messages")
    async def find(
        to: str = "", message_id: str = "", subject: str = "", after: Annotated[int, Query(ge=0)] = 0
    ) -> list[Summary]:
        return mailbox.find(to=to, message_id=message_id, subject=subject, after=after)

    @app.delete("/api/messages", status_code=204)
    async def clear() -> None:
        mailbox.clear()

    @app.get("/api/messages/{number}")
    async def read(number: int) -> Received:
        return _found(mailbox, number)

    @app.get("/api/messages/{number}/raw")
    async def raw(number: int) -> Response:
        _found(mailbox, number)
        return Response(mailbox.raw(number), media_type="message/rfc822", headers=_SAFE)

    @app.get("/api/messages/{number}/attachments/{which}")
    async def attachment(number: int, which: int) -> Response:
        found = mailbox.attachment(number, which)
        if found is None:
            raise HTTPException(404, f"Mail {number} has no attachment {which}.")
        about, content = found
        disposition = f"attachment; filename*=UTF-8''{quote(about.filename)}"
        headers = _SAFE | {"content-disposition": disposition}
        return Response(content, media_type=about.content_type, headers=headers)

    @app.get("/api/behaviour")
    async def behaviour() -> MailBehaviour:
        return sink.behaviour

    @app.put("/api/behaviour")
    async def behave(behaviour: MailBehaviour) -> MailBehaviour:
        await sink.behave(behaviour)
        return sink.behaviour

    @app.delete("/api/behaviour", status_code=204)
    async def behave_well() -> None:
        await sink.behave(MailBehaviour())


def _add_pages(app: FastAPI, mailbox: MailBox) -> None:
    @app.get("/refresh.js", include_in_schema=False)
    async def refresh() -> Response:
        return Response(_REFRESH, media_type="text/javascript")

    @app.get("/", include_in_schema=False, response_class=HTMLResponse)
    async def inbox(request: Request, to: str = "", subject: str = "") -> Response:
        messages = mailbox.find(to=to, subject=subject)
        about = {"messages": messages, "to": to, "subject": subject}
        return _TEMPLATES.TemplateResponse(request, "inbox.html", about, headers=_SAFE)

    @app.get("/messages/{number}", include_in_schema=False, response_class=HTMLResponse)
    async def message(request: Request, number: int) -> Response:
        mail = _found(mailbox, number)
        shown = {}
        for each in mail.attachments:
            found = mailbox.attachment(number, each.number)
            if found is not None and each.content_type.startswith(_READABLE):
                shown[each.number] = found[1][:100_000].decode("utf-8", errors="replace")
        about = {"mail": mail, "shown": shown}
        return _TEMPLATES.TemplateResponse(request, "message.html", about, headers=_SAFE)


def _found(mailbox: MailBox, number: int) -> Received:
    mail = mailbox.get(number)
    if mail is None:
        raise HTTPException(404, f"There is no mail {number}.")
    return mail
