"""The page on which a person makes a simulator misbehave."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
 body {{ font: 16px/1.5 system-ui, sans-serif; color: #1d2733;
   margin: 2rem auto; max-width: 52rem; padding: 0 1rem }}
 h1 {{ font-size: 1.4rem }} table {{ width: 100%; border-collapse: collapse }}
 td, th {{ text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #dde3ea; vertical-align: top }}
 textarea {{ width: 100%; font: 14px/1.4 ui-monospace, monospace; padding: .6rem; box-sizing: border-box }}
 button {{ font: inherit; padding: .4rem 1rem; margin: .6rem .6rem 0 0 }} small {{ color: #5b6875 }}
 code {{ font-size: .9em }} #said {{ color: #0a6b4f }}
</style>
<h1>{title}</h1>
<p>How it answers from now on, as JSON. An empty object is a server that behaves.</p>
<label for="behaviour">Behaviour</label>
<textarea id="behaviour" rows="6">{{}}</textarea>
<button id="set">Set</button><button id="reset">Behave again</button> <span id="said" role="status"></span>
<h2>What can be set</h2><table>{rows}</table>
<h2>What came in</h2><table id="requests"></table>
<script>
 const area = document.getElementById('behaviour'), said = document.getElementById('said');
 const call = (method, path, body) => fetch(path,
   {{method, body, headers: {{'content-type': 'application/json'}}}});
 async function show() {{
   const current = await (await call('GET', '/_control')).json();
   area.value = JSON.stringify(current, null, 1);
   const table = document.getElementById('requests');
   table.replaceChildren();
   for (const r of (await (await call('GET', '/_requests')).json()).reverse().slice(0, 50)) {{
     const row = table.insertRow();
     for (const text of [r.at.slice(11, 19), r.method + ' ' + r.path, r.status ?? '-', r.behaviour])
       row.insertCell().textContent = text;
   }}
 }}
 document.getElementById('set').onclick = async () => {{
   const answer = await call('PUT', '/_control', area.value);
   said.textContent = answer.ok ? 'Set.' : 'Refused: ' + await answer.text();
   if (answer.ok) show();
 }};
 document.getElementById('reset').onclick = async () => {{
   await call('DELETE', '/_control'); said.textContent = 'It behaves.'; show();
 }};
 show();
</script></html>"""


def settings_page(title: str, properties: Mapping[str, Mapping[str, Any]]) -> str:
    """The page for one simulator; ``properties`` are those of the behaviour's JSON Schema."""
    rows = "".join(
        f"<tr><th><code>{html.escape(name)}</code><td>{html.escape(about.get('description', ''))}"
        for name, about in properties.items()
    )
    return _PAGE.format(title=html.escape(title), rows=rows)
