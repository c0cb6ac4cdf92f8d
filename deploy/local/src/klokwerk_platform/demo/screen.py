"""How the demo talks: a heading for each step, a line for each thing that was proven."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape


@dataclass(slots=True)
class Screen:
    """Prints the play as it goes on."""

    console: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))
    proven: int = 0
    _began: float = field(default_factory=time.monotonic)

    def progress(self, line: str) -> None:
        """Something that takes time goes on."""
        self.console.print(f"[dim]{self._seconds()}  {escape(line)}[/]")

    def step(self, number: int, title: str) -> None:
        """A new step begins."""
        self.console.print(f"\n[bold cyan]{number}. {escape(title)}[/]  [dim]{self._seconds()}[/]")

    def done(self, line: str) -> None:
        """Something was entered or asked for."""
        self.console.print(f"   [dim]>[/] {escape(line)}")

    def proof(self, line: str) -> None:
        """Something was seen from the outside."""
        self.proven += 1
        self.console.print(f"   [green]✓[/] {escape(line)}")

    def failed(self, step: str, text: str) -> None:
        """The play ends here."""
        self.console.print(f"\n[bold red]Failed in step: {escape(step)}[/]\n{escape(text)}")

    def text(self, text: str) -> None:
        """Anything else, with markup."""
        self.console.print(text)

    def _seconds(self) -> str:
        return f"{time.monotonic() - self._began:6.1f} s"
