"""Templates to HTML: everything escaped, an unknown name is an error."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from back_office.web.components.addresses import segment, with_query
from back_office.web.components.breakable import breakable
from back_office.web.static_files import StaticFiles


class Renderer:
    """Renders the templates of this package."""

    def __init__(self, static: StaticFiles) -> None:
        self.static = static
        self._environment = Environment(
            loader=PackageLoader("back_office"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters["breakable"] = breakable
        self._environment.globals.update(static=static.address, with_query=with_query, segment=segment)

    def render(self, template: str, context: dict[str, Any]) -> str:
        """The HTML of `template`."""
        return self._environment.get_template(template).render(context)
