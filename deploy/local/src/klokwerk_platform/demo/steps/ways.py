"""Step 7: an EKT straight into the customer's own server, and one whose mail comes back."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from klokwerk_platform.customer import PASSWORD, USER
from klokwerk_platform.demo.doors import until
from klokwerk_platform.demo.play import Play, expect
from klokwerk_platform.demo.steps.sales import expected_lines, read_ekt

_OWN_SERVER = "weiss"
_MOVED_AWAY = "krueger"


async def onto_a_server_of_its_own(play: Play, day: date) -> None:
    """A customer wants its EKTs by SFTP: chosen on the card, the key accepted, tested, and the file is there.

    Args:
        day: order day of which the customer has an EKT already, sent another way.
    """
    doors, key = play.doors, f"/debtors/{_OWN_SERVER}"
    name = play.names[_OWN_SERVER]
    await doors.save("debtor-service", key, {"transfer": "sftp"}, method="PATCH", below="/ekt")
    address = {"way": "sftp", "host": "127.0.0.1", "port": play.sftp_port, "user": USER}
    body = {"address": address, "secrets": {"password": PASSWORD}}

    async def filled_in() -> bool:
        # The EKT service takes it as soon as it has heard of the card's choice.
        await doors.save("ekt-service", f"{key}/connection", body)
        return True

    await until(f"the connection of {name}", filled_in)
    shown = (await doors.ask("ekt-service", "POST", f"{key}/connection/test")).json()
    expect((shown["ok"], shown["asks"]), (False, True), "a server whose key nobody knows")
    accepted = {"accept": shown["fingerprint"]}
    tested = (await doors.ask("ekt-service", "POST", f"{key}/connection/test", json=accepted)).json()
    expect(
        [step["outcome"] for step in tested["steps"]],
        ["done"] * len(tested["steps"]),
        "the connection's test",
    )
    play.screen.done(f"{name} chose SFTP; the host key was accepted, {len(tested['steps'])} steps tried")
    here = f"/days/{day}/debtors/{_OWN_SERVER}"
    await doors.ask("sales-service", "POST", f"{here}/resend", json={"reason": "not_received"})

    async def there() -> list[Path]:
        return sorted((play.customer / "sftp").rglob("*.edi"))

    (file,) = await until(f"a file on the server of {name}", there)
    _, lines = read_ekt(file.read_bytes())
    wanted = sorted((vbn, units) for vbn, _, units, _ in expected_lines(play, day)[_OWN_SERVER])
    expect(sorted((line.vbn_code, line.units) for line in lines), wanted, f"lines of {file.name}")
    play.screen.proof(f"{file.name} stands on the customer's own server, whole under its name (EF-27)")


async def comes_back(play: Play, day: date) -> None:
    """The mail server takes a mail and sends it back afterwards: "sent" turns into "failed", with its words."""
    doors, name = play.doors, play.names[_MOVED_AWAY]
    address = play.day.ekt_users()[_MOVED_AWAY]
    await doors.mail_behaves(bounce_recipients=[address])
    here = f"/days/{day}/debtors/{_MOVED_AWAY}"
    resend = {"reason": "not_received", "note": "asked by phone"}
    await doors.ask("sales-service", "POST", f"{here}/resend", json=resend)

    async def bounced() -> dict[str, Any]:
        log = await doors.get("ekt-service", "/ekts", debtor_id=_MOVED_AWAY, order_day=day.isoformat())
        return next((item for item in log["items"] if item["bounced_at"]), {})

    ekt = await until(f"the bounce of the EKT of {name}", bounced)
    await doors.mail_behaves()
    expect((ekt["state"], ekt["trigger"]), ("failed", "resend"), f"the EKT of {name} after the bounce")
    play.screen.proof(f"{name}: the mail came back; its EKT went from sent to failed by itself")
    await doors.ask("sales-service", "POST", f"{here}/resend", json=resend)

    async def sent() -> bool:
        log = await doors.get("ekt-service", "/ekts", debtor_id=_MOVED_AWAY, order_day=day.isoformat())
        newest = log["items"][0]
        return bool(newest["id"] != ekt["id"] and newest["state"] == "sent")

    await until(f"a new EKT for {name}", sent)
    play.screen.proof("sent again once the mailbox was there; the log holds all three, each with its file")
