"""Puts the play on: a fresh platform, the order day from cards to ledger, and where to look afterwards."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from klokwerk.kafka import KafkaAddress
from rich.markup import escape

from klokwerk_platform import postgres
from klokwerk_platform.demo.doors import Doors, StepFailedError
from klokwerk_platform.demo.order_day import OrderDay
from klokwerk_platform.demo.play import Play
from klokwerk_platform.demo.screen import Screen
from klokwerk_platform.demo.steps import accounting, cards, invoices, replay, sales, ways
from klokwerk_platform.platform import Platform
from klokwerk_platform.services import ADMIN_USER, BACK_OFFICE, SERVICES
from klokwerk_platform.state import StateFolder


async def perform(play: Play) -> None:
    """All steps, in order. Raises at the first that does not show what it should."""
    first, second = play.day.days
    with play.act(1, "The company, its customers and suppliers"):
        play.at(first, 5, 30)
        await cards.set_up(play)
        await cards.import_cards(play)
    with play.act(2, f"Order day {first}: what was sold"):
        await sales.enter_articles(play)
        await sales.sell(play, first)
        await sales.outside_program(play)
    with play.act(3, "Distributions are completed, EKTs go out by themselves"):
        await sales.distribute(play, first)
    with play.act(4, "A correction, and Resend EKT"):
        await sales.correct_and_resend(play)
    with play.act(5, "Invoices, and the night's run"):
        await invoices.invoice(play, 1)
        await invoices.run_at_midnight(play, first, 1)
    with play.act(6, f"Order day {second}, with the print service off"):
        play.at(second, 9)
        await cards.select_channels(play, ["einvoice", "email"])
        await sales.sell(play, second)
        await sales.distribute(play, second)
        await invoices.invoice(play, 2)
        await invoices.run_at_midnight(play, second, 2)
    with play.act(7, "Into a customer's own server, and a mail that comes back"):
        await ways.onto_a_server_of_its_own(play, second)
        await ways.comes_back(play, second)
    with play.act(8, "The bookkeeper's system"):
        await accounting.file_mode(play)
        await accounting.direct_mode(play)
        await accounting.changed_card(play)
    with play.act(9, "The whole of it again, from offset 0"):
        await replay.everything_again(play)


async def demo(folder: Path, state: Path, *, once: bool, screen: Screen) -> int:
    """Start everything on a fresh state folder, play, and keep running.

    Args:
        folder: the project's ``demo`` folder.
        state: state folder; what an earlier demo left in it is removed.
        once: stop at the end instead of waiting for Ctrl+C.

    Returns:
        The exit status: 0, or 1 when a step failed.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def end() -> None:
        stop.set()
        if task is not None and not waiting:
            task.cancel()

    waiting = False
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, end)
    _forget(state)
    platform = Platform(state, customer=True, say=screen.progress)
    try:
        await platform.start()
        play = play_on(platform, doors_of(platform), folder, screen)
        try:
            await perform(play)
        except (StepFailedError, httpx.HTTPError, ValueError, LookupError, OSError) as error:
            screen.failed(play.step, str(error) or repr(error))
            screen.text(f"The services' logs: {escape(str(state / 'logs'))}")
            return 1
        finally:
            await play.doors.close()
        screen.text(
            f"\n[bold green]The order day is done: {screen.proven} things proven from the outside.[/]"
        )
        if not once:
            _where_to_look(platform, screen)
            waiting = True
            await stop.wait()
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
        return 130
    finally:
        await platform.stop()
    return 0


def _forget(state: Path) -> None:
    """Remove what an earlier demo left; refuses while one runs."""
    folder = StateFolder(state)
    folder.lock()
    folder.unlock()
    postgres.remove_data(state)
    folder.remove()


def play_on(platform: Platform, doors: Doors, folder: Path, screen: Screen) -> Play:
    """The play of the order day in `folder`, for a platform that runs; its last steps ask for `customer` servers."""
    return Play(
        doors,
        OrderDay(folder),
        screen,
        KafkaAddress(platform.servers.kafka, platform.prefix),
        platform.state / "exports",
        customer=platform.state / "customer",
        sftp_port=urlsplit(platform.customer.get("sftp", "")).port or 0,
    )


def doors_of(platform: Platform, replica: int = 0) -> Doors:
    """Doors to one replica of every service."""
    urls = {service.name: platform.urls(service.name)[replica] for service in SERVICES}
    return Doors(urls, platform.secrets.client_secret, platform.servers, platform.state / "clock.json")


def _where_to_look(platform: Platform, screen: Screen) -> None:
    servers = platform.servers
    rows = [
        (
            "Back office",
            platform.url(BACK_OFFICE),
            f"user {ADMIN_USER}, password {platform.secrets.admin_password}",
        ),
        ("Mail inbox", servers.mail_api, "every mail that left, with its attachments"),
        ("Access point", f"{servers.access_point_url}/_settings", "make it slow, failing, forgetful"),
        ("Print service", f"{servers.print_service_url}/_settings", ""),
        ("Exact Online", f"{servers.exact_url}/_settings", ""),
        ("Files", str(platform.state / "exports"), "what went to the bookkeeper"),
        ("Customer's server", platform.customer["sftp"], str(platform.state / "customer" / "sftp")),
    ]
    for service in SERVICES:
        if service.name != BACK_OFFICE:
            url = platform.url(service.name)
            rows.append((service.name, f"{url}/docs", f"metrics {url}/metrics"))
    screen.text("\n[bold]Where to look[/]")
    for name, address, note in rows:
        screen.text(f"  {name:<18}{escape(address):<42}  [dim]{escape(note)}[/]")
    state = f"--state {platform.state}"
    screen.text("\n[bold]What to try[/] (in another terminal)")
    for command in (
        f".venv/bin/klokwerk status {state}",
        f".venv/bin/klokwerk lag {state}",
        f".venv/bin/klokwerk tail sale.completed {state}",
        f".venv/bin/klokwerk replay sale.completed ekt-service {state}",
        f".venv/bin/klokwerk clock advance 1d {state}",
        f".venv/bin/klokwerk logs ekt-service {state}",
    ):
        screen.text(f"  {escape(command)}")
    screen.text("\nCtrl+C stops everything.")
