"""Settings > Apps: extensions that can be activated; what belongs to one that is not stays hidden (FA-86)."""

from __future__ import annotations

from fastapi import APIRouter, Response

from back_office.clients.transport import Stale
from back_office.domain.badges import Badge, Tone
from back_office.domain.roles import Action
from back_office.web.components.message import Message, Weight, done
from back_office.web.pages.settings.saving import Shown, above, shown
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
ADDRESS = "/settings/apps"
APPS = (
    ("tier_prices", "/settings/customer-lists/price-tiers"),
    ("languages", "/settings/customers"),
    ("newsletter", "/settings/newsletter"),
)
"""Apps with the page where they are set up further, where there is one here."""


@router.get(ADDRESS)
async def page(visit: SignedIn) -> Response:
    """Every app, with what it adds and whether it is activated."""
    answer = await visit.clients.customers.settings()
    t = visit.t
    on, off = Badge(Tone.GOOD, "settings.apps.on"), Badge(Tone.CALM, "settings.apps.off")
    apps = [
        {
            "name": name,
            "title": t(f"settings.apps.{name}"),
            "text": t(f"settings.apps.{name}_text"),
            "active": answer.value.has(name),
            "badge": on if answer.value.has(name) else off,
            "link": link,
        }
        for name, link in APPS
    ]
    about = Shown(
        area="apps",
        address=ADDRESS,
        path=above(visit, "nav.organisation"),
        action=Action.SET_CUSTOMERS,
        changed_at=answer.value.changed_at,
        changed_by=answer.value.changed_by,
    )
    return await shown(visit, about, None, template="pages/apps.html", apps=apps, revision=answer.revision)


@router.post(ADDRESS)
async def switch(visit: SignedIn) -> Response:
    """Activate an app, or switch it off; cards keep what they have."""
    typed = await visit.form()
    name, wanted = typed.get("app", ""), typed.get("on") == "on"
    current = (await visit.clients.customers.settings()).value
    apps = [app for app in current.apps if app != name] + ([name] if wanted else [])
    body = current.model_dump(mode="json") | {"apps": apps}
    body["numbering"] = {k: v for k, v in body["numbering"].items() if k not in ("next_value", "next_number")}
    title = visit.t.either(f"settings.apps.{name}", name)
    await visit.say(await _saved(visit, body, typed.get("_revision", ""), title, wanted=wanted))
    return visit.go(ADDRESS)


async def _saved(
    visit: Visit, body: dict[str, object], revision: str, title: str, *, wanted: bool
) -> Message:
    t = visit.t
    try:
        await visit.clients.customers.save_settings(body, revision)
    except Stale:
        return Message(Weight.WARNING, t("trouble.stale"), t("trouble.stale_cure"))
    return done(t("settings.apps.activated" if wanted else "settings.apps.switched_off", name=title))
