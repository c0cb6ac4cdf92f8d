"""Step 9: every topic again from its first offset, for every reader; nothing may come of it."""

from __future__ import annotations

import hashlib
from typing import Any

from klokwerk_platform.demo.doors import until
from klokwerk_platform.demo.play import Play, expect
from klokwerk_platform.lag import lag
from klokwerk_platform.reading import topic_bounds
from klokwerk_platform.replay import Selection, replay
from klokwerk_platform.topics import contracts


async def everything_again(play: Play) -> None:
    """Replay all topics to all their readers and compare the world before and after."""
    before = await _world(play)
    count = 0
    for contract in contracts():
        for reader in contract.readers:
            done = await replay(
                play.kafka,
                contract.name,
                reader.group,
                Selection(),
                dry_run=False,
                who="demo",
                reason="the order day again, to show that nothing happens twice",
            )
            count += done.sent
    play.screen.done(f"{count} events replayed from offset 0, to every group that reads them")

    async def all_read() -> bool:
        return all(entry.behind == 0 for entry in await lag(play.kafka))

    await until("every group has read its replays", all_read)
    after = await _world(play)
    for name, value in before.items():
        expect(after[name], value, f"{name} after the replay")
    play.screen.proof(
        f"the same {before['mails']} mails, {before['documents']} e-invoices, {before['letters']} letters, "
        f"{before['relations']} relations and {before['files']} files as before"
    )
    play.screen.proof("not one new event on any topic, and every card, sale, EKT and invoice as it was")


async def _world(play: Play) -> dict[str, Any]:
    """What can be seen from outside: what left the house, what the services answer, how long the topics are."""
    doors = play.doors
    names = [play.kafka.topic(contract.name) for contract in contracts()]
    bounds = await topic_bounds(play.kafka, names)
    answers = [
        await doors.everything("debtor-service", "/debtors"),
        await doors.everything("ekt-service", "/ekts"),
        await doors.everything("dispatch-service", "/invoices"),
        await doors.everything("sales-service", "/invoices"),
        *[await doors.everything("sales-service", f"/days/{day}/debtors") for day in play.day.days],
    ]
    access_point = await doors.stored(doors.servers.access_point_url)
    letters = await doors.stored(doors.servers.print_service_url)
    exact = await doors.stored(doors.servers.exact_url)
    relations = sum(len(items) for name, items in exact.items() if "token" not in name)
    return {
        "mails": len(await doors.mails()),
        "documents": len(access_point["documents"]),
        "letters": len(letters["letters"]),
        "relations": relations,
        "files": len([file for file in play.exports.rglob("*") if file.is_file()]),
        "topic ends": {name: sorted((b.partition, b.end) for b in found) for name, found in bounds.items()},
        "answers of the services": hashlib.sha256(repr(answers).encode()).hexdigest(),
    }
