"""Whether a page can be used by everybody: axe-core's rules for WCAG 2.2, levels A and AA."""

from __future__ import annotations

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, Page, expect

_OPTIONS = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "resultTypes": ["violations"],
}
_MOST_TABS = 80


async def usable_by_everybody(page: Page, part: str | None = None) -> None:
    """Fail with what axe-core has to say of the page as it stands, or of a part of it, element by element."""
    found = await Axe().run(page, context=part, options=_OPTIONS)
    told = [
        f"{one['id']} ({one['impact']}): {one['help']}: {node['html'][:160]}"
        for one in found.response["violations"]
        for node in one["nodes"]
    ]
    assert not told, f"{page.url}\n" + "\n".join(told)


async def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until an element has the focus, as somebody without a mouse does."""
    for _ in range(_MOST_TABS):
        await page.keyboard.press("Tab")
        if await wanted.count() and await wanted.evaluate("element => element === document.activeElement"):
            return
    await expect(wanted).to_be_focused()
